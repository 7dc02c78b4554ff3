"""Names from users made harmless for spreadsheets, Markdown and LaTeX: they are shown, and mean nothing."""

from __future__ import annotations

import re

from manifpt.errors import plain

# Spreadsheets take a cell for a formula by its first character, some also after spaces and quotes, and in East Asian
# settings by the wide forms too. A cell that begins with an apostrophe gets one more, so that the first can be taken
# away again.
FORMULA = re.compile(r"[\s\"'`‘’“”]*[=+\-@＝＋－＠]|'")  # noqa: RUF001  (the wide forms are meant)

JOINED = re.compile(r"([-,])(?=\1)")  # LaTeX draws two as another letter
MARKUP = re.compile(r"[!#$&*<>@\[\\\]_`{|}~]|:(?! )")
TYPESET = {
    "\\": r"\textbackslash{}",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    # After the end of a line, brackets and stars would be its arguments.
    **{letter: f"{{{letter}}}" for letter in "[]*"},
    **{letter: f"\\{letter}" for letter in "{}$&#_%"},
}
LAST = 0xFF  # of the letters that every LaTeX with T1 fonts knows


def cell(text: str) -> str:
    r"""Return text that a spreadsheet takes for text, not for a formula, and from which the name can be had again.

    Control and invisible characters are written out as in Python, a backslash is doubled, and what looks like a formula
    or begins with an apostrophe gets an apostrophe before it.

    Example:
        >>> cell("=1+1"), cell("a\n.png"), cell("a\\n.png")
        ("'=1+1", 'a\\n.png', 'a\\\\n.png')
    """
    written = plain(text.replace("\\", r"\\"))
    return f"'{written}" if FORMULA.match(text) else written


def code(name: str) -> str:
    r"""Return a name as Markdown code, in which nothing links, mentions or ends a cell of a table.

    Written out as in Python is what does so in a string, and ``|``, at which some readers end a cell even in code.

    Example:
        >>> code("a_b"), code("a|b"), code("`")
        ('`a_b`', '`a\\x7cb`', '`` ` ``')
    """
    shown = plain(name.replace("\\", r"\\")).replace("|", r"\x7c")
    fence = "`" * (max(map(len, re.findall("`+", shown)), default=0) + 1)
    padded = f" {shown} " if not shown.strip() or shown[0] in " `" or shown[-1] in " `" else shown
    return f"{fence}{padded}{fence}"


def markdown(text: str) -> str:
    """Return text as Markdown that shows it as it is.

    Example:
        >>> markdown("raw pixels (2 of 5), *not* <b>")
        'raw pixels (2 of 5), &#42;not&#42; &#60;b&#62;'
    """
    return MARKUP.sub(lambda found: f"&#{ord(found[0])};", plain(text))


def latex(text: str) -> str:
    r"""Return text as LaTeX that shows it as it is; letters beyond Latin-1 are written out as in Python.

    Example:
        >>> latex("50 % of $x_1$")
        '50 \\% of \\$x\\_1\\$'
    """
    shown = "".join(letter if _set(letter) else _written_out(letter) for letter in plain(text))
    return JOINED.sub(r"\1{}", "".join(TYPESET.get(letter, letter) for letter in shown))


def _set(letter: str) -> bool:
    return letter.isascii() or (letter.isalpha() and ord(letter) <= LAST)


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
