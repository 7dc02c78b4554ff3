from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from markdown_it import MarkdownIt

from manifpt.metrics.interval import Interval
from manifpt.reports.comparisons import Comparison, comparison, gathered
from manifpt.reports.tables import FORMATS, as_csv, as_json, as_latex, as_markdown
from manifpt.reports.text import FORMULA, code, latex
from manifpt.studies.attribution import LeftOut
from manifpt.studies.comparison import Line
from manifpt.studies.rows import Key, Rows, Run

HOSTILE = [
    "a|b", "a\\|b", "a\\", "`", "``x` |", "[x](https://evil)", "![x](y)", "<b>x</b>", "&lt;", "a*b*_c_~~d~~", "| x |",
    "a\nb", "a\r\n\n# x", "\x1b[31mx", "a\u202eb", "名前", "\udcff", "$x_1^2$", "\\input{x}", "100%", "#1", "{", "}",
    "[x]", "*", "a--b", "a---b", ",,", "?`", "\"x'", "=1+1", "-1", "@x", "'x", "", " ", " x ", "~",
    "\\\\", "\\end{tabular}",
]  # fmt: skip


def interval(value: float, spread: float = 0.01) -> Interval:
    return Interval(value, value - spread, value + spread, 0.95)


def line(method: str, *, data: str = "set", value: float = 0.5, **given: object) -> Line:
    settings: dict[str, object] = {
        "images": 1234, "runs": 5, "repeats": 1, "chance": 1 / 33, "accuracy": interval(value + 0.1),
        "balanced_accuracy": interval(value), "macro_f1": value, "log_loss": 1.23456, "calibration_error": 0.0456,
        "detection_auc": interval(0.9), "fdr": interval(78.5, 2), "fdr_reason": None, "seconds": 123.4, "threads": 2,
        "trials": 3,
    }  # fmt: skip
    return Line(data, method, **(settings | given))  # type: ignore[arg-type]


def known() -> Comparison:
    return gathered(
        "set",
        ["raw", "durall20", "univfd"],
        [
            line("raw", fdr=None, fdr_reason="too few", seconds=1.23),
            line("durall20", value=0.25, difference=interval(-0.25), p_value=1 / 2001, detection_auc=None),
        ],
        [LeftOut("univfd", 5, "the weights are absent"), LeftOut("durall20", 2, "the budget was spent")],
    )


def tokens(text: str) -> list[list[str]]:
    """Return the rows of all tables of a Markdown text, each cell as a reader sees it."""
    found: list[list[str]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "tr_open":
            found.append([])
        if token.type == "inline" and found and token.level > 1:
            children = token.children or []
            assert {child.type for child in children} <= {"text", "code_inline", "text_special"}
            found[-1].append("".join(child.content for child in children))
    return found


def test_a_known_comparison_as_markdown() -> None:
    assert as_markdown([known()]) == (
        "## `set`\n"
        "\n"
        "1234 images, 33 classes, chance 3.0%; intervals of 95%, by bootstrap over groups of images and, if several, "
        "runs; difference of the balanced accuracy to raw's in points, p corrected (Holm).\n"
        "\n"
        "| method | about | accuracy % | balanced accuracy % | macro-F1 | log-loss | ECE | AUC real | FDR | difference "
        "| p | runs | s/run | left out |\n"
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|\n"
        "| `raw` | raw pixels, the control | 60.0 | 50.0 [49.0, 51.0] | 0.500 | 1.235 | 0.046 | 0.900 | – | control "
        "| – | 5 | 1.2 |  |\n"
        "| `durall20` | radial spectrum (Durall et al. 2020) | 35.0 | 25.0 [24.0, 26.0] | 0.250 | 1.235 | 0.046 | – "
        "| 78.5 | −25.0 [−26.0, −24.0] | < 0.001 | 5 | 123 | 2 more runs: the budget was spent |\n"
        "| `univfd` | frozen CLIP features, linear (Ojha et al. 2023) | – | – | – | – | – | – | – | – | – | – | – "
        "| the weights are absent |\n"
    )


def test_a_known_comparison_as_latex() -> None:
    assert as_latex([known()]).splitlines()[2:] == [
        r"\toprule",
        r"method & about & accuracy \% & balanced accuracy \% & macro-F1 & log-loss & ECE & AUC real & FDR & "
        r"difference & p & runs & s/run & left out \\",
        r"\midrule",
        r"\multicolumn{14}{l}{\texttt{set}: 1234 images, 33 classes, chance 3.0\%; intervals of 95\%, by bootstrap "
        r"over groups of images and, if several, runs; difference of the balanced accuracy to raw\textquotesingle{}s "
        r"in points, p corrected (Holm)} \\",
        r"\midrule",
        r"\texttt{raw} & raw pixels, the control & 60.0 & 50.0 [49.0, 51.0] & 0.500 & 1.235 & 0.046 & 0.900 & -- & "
        r"control & -- & 5 & 1.2 &  \\",
        r"\texttt{durall20} & radial spectrum (Durall et al. 2020) & 35.0 & 25.0 [24.0, 26.0] & 0.250 & 1.235 & 0.046 "
        r"& -- & 78.5 & $-$25.0 [$-$26.0, $-$24.0] & $<$ 0.001 & 5 & 123 & 2 more runs: the budget was spent \\",
        r"\texttt{univfd} & frozen CLIP features, linear (Ojha et al. 2023) & -- & -- & -- & -- & -- & -- & -- & -- & "
        r"-- & -- & -- & the weights are absent \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_csv_holds_every_number_in_full_and_a_row_for_each_data_set_and_method() -> None:
    third = line("raw", value=1 / 3, data="other")
    rows = list(csv.DictReader(io.StringIO(as_csv([known(), gathered("other", ["raw"], [third])]))))
    assert [(row["data"], row["method"]) for row in rows] == [
        ("set", "raw"), ("set", "durall20"), ("set", "univfd"), ("other", "raw"),
    ]  # fmt: skip
    assert float(rows[3]["balanced_accuracy"]) == 1 / 3
    assert float(rows[1]["p_value"]) == 1 / 2001
    assert (rows[0]["fdr"], rows[0]["fdr_reason"], rows[1]["fdr_low"]) == ("", "too few", "76.5")
    assert (rows[1]["difference"], rows[1]["difference_high"]) == ("-0.25", "-0.24")
    assert (rows[1]["left_out_runs"], rows[1]["left_out"]) == ("2", "2 more runs: the budget was spent")
    assert (rows[2]["left_out_runs"], rows[2]["left_out"]) == ("5", "the weights are absent")
    assert {rows[2][name] for name in ("accuracy", "runs", "seconds", "p_value", "fdr_reason")} == {""}
    assert rows[0]["control"] == "raw"


def test_json_holds_the_lines_and_what_was_left_out() -> None:
    (found,) = json.loads(as_json([known()]))["data_sets"]
    assert (found["data"], found["control"]) == ("set", "raw")
    raw, durall, univfd = found["methods"]
    assert raw["results"] == json.loads(json.dumps(known().lines[0].record()))
    assert durall["left_out"] == [{"method": "durall20", "runs": 2, "reason": "the budget was spent"}]
    assert (univfd["results"], univfd["reason"]) == (None, "the weights are absent")
    assert univfd["about"] == "frozen CLIP features, linear (Ojha et al. 2023)"


@pytest.mark.parametrize("kind", FORMATS)
def test_no_method_is_hidden(kind: str) -> None:
    left = [LeftOut("member", 3, "first reason"), LeftOut("member", 1, "second reason"), LeftOut("b", 1, "third one")]
    text = FORMATS[kind]([gathered("set", ["a", "never"], [line("a"), line("extra")], left)])
    for word in ("member", "first reason", "second reason", "third one", "never", "not run", "extra"):
        assert word in text


@pytest.mark.parametrize("kind", FORMATS)
def test_a_set_without_results_is_a_table_of_reasons(kind: str) -> None:
    assert "no weights" in FORMATS[kind]([gathered("set", ["a"], [], [LeftOut("a", 5, "no weights")])])


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_in_its_cell_of_a_markdown_table_as_it_is(name: str) -> None:
    one = gathered(name, [name, "last"], [line(name), line("last")], [LeftOut("x", 1, name)])
    text = as_markdown([one])
    heading, first, *others = tokens(text)
    assert [len(row) for row in (heading, first, *others)] == [14] * 4
    shown = code(name).strip("`").strip().replace(r"\x7c", "|").replace(r"\\", "\\")
    if "\n" not in name and name.isprintable():
        assert first[0].replace(r"\x7c", "|").replace(r"\\", "\\").strip() == name.strip()
        assert others[1][-1].replace("&#124;", "|").strip() == name.strip() or not name
    assert shown == "" or "`" in name or shown.strip() in first[0].replace(r"\x7c", "|").replace(r"\\", "\\")
    assert text.count("\n") == 9


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_stays_in_its_cell_of_a_latex_table(name: str) -> None:
    text = as_latex([gathered(name, [name], [line(name)], [LeftOut("x", 1, name)])])
    rows = [row for row in text.splitlines() if " & " in row]
    assert [len(re.findall(r"(?<!\\)&", row)) for row in rows] == [13] * 3
    assert all(
        row.endswith(r" \\") and not re.search(r"(?<!\\)(\\\\)*[%#$^~_]", row.replace("$-$", "")) for row in rows
    )
    bare = re.sub(r"\\[{}]", "", text)
    depth = np.cumsum([(letter == "{") - (letter == "}") for letter in bare])
    assert (depth.min(), depth[-1]) == (0, 0)
    assert text.count("\n") == 11
    assert re.findall(r"\\(?:input|end)\b", text) == [r"\end"]


def test_latex_shows_the_very_letters() -> None:
    assert latex(r"a\b{}") == r"a\textbackslash{}b\{\}"
    assert latex("a--b---c") == "a-{}-b-{}-{}-c"
    assert latex("[b]*") == "{[}b{]}{*}"
    assert latex("é名") == r"é\textbackslash{}u540d"
    assert latex("~^<>|") == (r"\textasciitilde{}\textasciicircum{}\textless{}\textgreater{}\textbar{}")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_no_formula_in_csv_and_exact_in_json(name: str) -> None:
    one = gathered(name, [name], [line(name)], [LeftOut("x", 1, name)])
    rows = list(csv.DictReader(io.StringIO(as_csv([one]))))
    for text in (rows[0]["data"], rows[0]["method"], rows[1]["left_out"]):
        assert not text.startswith(("=", "+", "-", "@"))
        assert not FORMULA.match(text) or text.startswith("'")
    (found,) = json.loads(as_json([one]))["data_sets"]
    assert (found["data"], found["methods"][0]["method"], found["methods"][1]["reason"]) == (
        name,
        name,
        name or "not run",
    )


def added(rows: Rows, method: str, fold: int, *, right: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = np.repeat(np.arange(3), 10)
    answers = np.where(rng.random(30) < right, truth, (truth + 1) % 3)
    sure = rng.uniform(0.5, 1, 30)
    notes = {"seconds": {"training": 1.5}, "threads": 1, "fdr": {"reason": "too few"}, "trials": [{}]}
    of_truth = np.where(answers == truth, sure, 1 - sure)
    run = Run(
        Key("set", method, 0, fold), "x", ("a", "b", "real"), np.array([f"{fold}-{i:02}.png" for i in range(30)]),
        np.arange(30), truth, answers, of_truth, sure, np.where(truth == 2, 0.9, 0.1), notes,
    )  # fmt: skip
    rows.add(run)


def test_the_same_rows_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manifpt.studies.comparison.RESAMPLES", 50)
    texts = []
    for place in ("one", "two"):
        rows = Rows(tmp_path / place)
        for fold in (0, 1) if place == "one" else (1, 0):
            added(rows, "better", fold, right=0.95, seed=fold)
            added(rows, "raw", fold, right=0.3, seed=10 + fold)
        made = comparison(rows, "set", ["raw", "better", "gone"], left_out=[LeftOut("gone", 2, "no weights")])
        texts.append([form([made]).encode() for form in FORMATS.values()])
    assert texts[0] == texts[1]
    raw, better, gone = made.entries
    assert raw.line and better.line and gone.line is None
    assert better.line.difference and better.line.difference.low > 0
    assert (better.line.runs, raw.line.difference, gone.reason) == (2, None, "no weights")
