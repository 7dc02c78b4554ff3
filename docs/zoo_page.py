"""Write docs/zoo.md from the zoo's records: ``python docs/zoo_page.py``; a test holds the page to them.

The records are the sidecars of the weights, the cards and the decoders' errors (``benchmarks/zoo_cards.py``), those of
generators that failed, and the errors against the known displacement (``benchmarks/known_displacement.py``).
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import zoo_measures
import zoo_words as words
from zoo_measures import Record, line, rule

from manifpt.zoo.card import LEAST_COVERAGE, LEAST_PRECISION, LEAST_SHARE, QUANTILES
from manifpt.zoo.decoders import decoders
from manifpt.zoo.designs import TABLE

ROOT = Path(__file__).parents[1]
CATS_AND_DOGS = "catsdogs"


@dataclass(frozen=True)
class Entry:
    """A generator of the page.

    Args:
        sidecar: What was recorded of its training.
        record: Its card, with how it was measured.
        folder: Of the generator below the folder of weights.
        shipped: Whether its weights are there.
    """

    sidecar: Record
    record: Record
    folder: str
    shipped: bool

    @property
    def name(self) -> str:
        """Its design's name."""
        return str(self.sidecar["design"]["name"])

    @property
    def card(self) -> Record:
        """What was measured of its images."""
        card: Record = self.record["card"]
        return card

    @property
    def place(self) -> tuple[int, str, bool, int, str]:
        """Where it stands: in the order of the table of designs, what failed after what is shipped."""
        row = self.name.partition("@")[0].removesuffix(f"-{self.sidecar['design']['size']}")
        listed = [design.name for design in TABLE]
        rank = listed.index(row) if row in listed else len(listed)
        return rank, self.name, not self.shipped, self.sidecar["steps"], self.sidecar["sha256"]


def page(root: Path = ROOT) -> str:
    """Return the page of the zoo whose records lie in ``root / "zoo"``."""
    zoo = root / "zoo"
    parts = [words.HEAD.format(precision=LEAST_PRECISION, coverage=LEAST_COVERAGE, share=_share(LEAST_SHARE))]
    for folder, title, about in words.FOLDERS:
        found = entries(zoo, folder)
        if found:
            parts.append(f"\n## {title}\n\n{about}\n\n{_overview(found)}")
            parts += [_section(one) for one in found if one.shipped]
    stored = zoo / "cards" / "decoders.json"
    if stored.is_file():
        parts.append(zoo_measures.decoders(_read(stored)))
    stored = zoo / "displacement.json"
    if stored.is_file():
        parts.append(zoo_measures.displacement(_read(stored)))
    lines = commands(zoo)
    return "".join([*parts, words.AGAIN.format(commands="\n".join(lines), attempts=attempts(lines))])


def entries(zoo: Path, folder: str) -> list[Entry]:
    """Return the generators of a folder, those that failed too, in the order of the table of designs."""
    made = [_read(path) for path in (zoo / "weights" / folder).glob("*.json")]
    others = [one for one in made if one["design"]["family"] != "decoder"]
    cards = {_name(one): zoo / "cards" / folder / f"{_name(one)}.json" for one in others}
    if missing := [name for name, path in cards.items() if not path.is_file()]:
        raise SystemExit(f"no card of {', '.join(missing)}: run benchmarks/zoo_cards.py, and remove what failed")
    found = [Entry(one, _read(cards[_name(one)]), folder, True) for one in others]
    failed = [_read(path) for path in (zoo / "failed" / folder).glob("*.json")]
    found += [Entry(one["sidecar"], one, folder, False) for one in failed]
    return sorted(found, key=lambda one: one.place)


def commands(zoo: Path) -> list[str]:
    """Return the commands that train all generators again, in the order of the page."""
    found: dict[tuple[str, str], list[str]] = {}
    seen: set[tuple[str, str]] = set()
    for folder, *_ in words.FOLDERS:
        data = words.DATA[folder]
        for one in entries(zoo, folder):
            # A folder holds one generator of a name; further attempts have folders of their own.
            again = (folder, one.name) in seen
            seen.add((folder, one.name))
            weights = f"runs/attempts/{one.sidecar['sha256'][:8]}" if again else "zoo/weights"
            out = "/".join(filter(None, [weights, folder]))
            found.setdefault((f"{_told(one.sidecar)} --data {data}", out), []).append(_row_name(one.sidecar))
    trained = [_read(path) for path in sorted((zoo / "weights").glob("decoder-*.json"))]
    listed = {design.name for design in decoders()}
    for sidecar in trained:
        name = "$(cat decoders.txt)" if _name(sidecar) in listed else _name(sidecar)
        names = found.setdefault((f"{_told(sidecar)} --data {words.DATA['']}", "zoo/weights"), [])
        names += [name] if name not in names else []
    return [
        *([words.LISTED] if trained else []),
        *(f"manifpt zoo train {' '.join(names)} {rest} --out {out}" for (rest, out), names in found.items()),
    ]


def attempts(lines: list[str]) -> str:
    """Return the lines that measure the further attempts which some commands train."""
    folders = dict.fromkeys(re.findall(r"--out (runs/attempts/[0-9a-f]+)", "\n".join(lines)))
    return "".join(f"python benchmarks/zoo_cards.py --weights {folder} --data DATA\n" for folder in folders)


def _told(sidecar: Record) -> str:
    """Return the options with which a generator was trained."""
    size = sidecar["design"]["size"]
    parts = ["--bf16"] if sidecar.get("bf16") else []
    parts += [f"--size {size}"] if size != 32 else []  # noqa: PLR2004  (the usual size)
    return " ".join([*parts, *(["--classes"] if sidecar.get("classes") else []), f"--steps {sidecar['steps']}"])


def _row_name(sidecar: Record) -> str:
    row, at, seed = _name(sidecar).partition("@")
    return row.removesuffix(f"-{sidecar['design']['size']}") + at + seed


def _overview(found: list[Entry]) -> str:
    with_classes = any(one.card["classes"] for one in found)
    titles = [
        "name",
        "family",
        "Fréchet",
        "precision",
        "coverage",
        *(["rarest class"] if with_classes else []),
        "verdict",
    ]
    rows = [_overview_row(one, with_classes) for one in found]
    table = [line(titles), rule("llrrr" + "l" * (len(titles) - 5)), *rows]
    failed = [one for one in found if not one.shipped]
    reasons = [line(["failed", "training", "why"]), rule("lll")] if failed else []
    reasons += [line([one.name, _training(one), "; ".join(one.card["failures"])]) for one in failed]
    reals = f"Reals to reals have a Fréchet distance of {_range([one.card['frechet_reals'] for one in found])}."
    return "\n".join([*table, "", reals, *(["", words.FAILED, "", *reasons] if failed else []), ""])


def _overview_row(one: Entry, with_classes: bool) -> str:
    card, classes = one.card, one.card["classes"] or {}
    rarest = min(classes, key=lambda name: classes[name], default="")
    name = f"[{one.name}](#{_anchor(one)})" if one.shipped else one.name
    cells = [name, one.sidecar["design"]["family"], f"{card['frechet']:.1f}"]
    cells += [f"{card['precision']:.2f}", f"{card['coverage']:.2f}"]
    cells += [f"{rarest} {_share(classes[rarest])}" if rarest else ""] if with_classes else []
    return line([*cells, "shipped" if one.shipped else "failed, not shipped"])


def _section(one: Entry) -> str:
    classes = one.card["classes"] or {}
    rows = [line(["", ""]), rule("ll"), *(line(list(row)) for row in _facts(one))]
    shares = [line(list(classes)), rule("r" * len(classes)), line([_share(share) for share in classes.values()])]
    picture = "/".join(filter(None, ["images/zoo", one.folder, f"{one.name}.png"]))
    parts = [f"\n### {_title(one)}\n", *rows, "", *([*shares, ""] if classes else [])]
    caption = f"images 0 to 31 of {one.name}'s sequence for seed {one.record['seed']}"
    return "\n".join([*parts, f"![{caption[0].upper()}{caption[1:]}]({picture})", ""])


def _facts(one: Entry) -> list[tuple[str, str]]:
    """Return the rows of a generator's table."""
    card, sidecar, design = one.card, one.sidecar, one.sidecar["design"]
    told = [f"{text} {design[field]}" for field, text in words.FIELDS.items()]
    told += [f"told {design['classes']} classes"] if design.get("classes") else []
    pairs = [(card[f"nearest{end}"], card[f"nearest_reals{end}"]) for end in ("", "_rgb")]
    near = ["; reals ".join(", ".join(f"{value:.2f}" for value in part) for part in pair) for pair in pairs]
    errors = ", ".join(f"{value:.2f}" for value in card["nearest_errors"])
    bits = one.record.get("bits_per_dimension")
    chance = f"expected 50 % ± {_share(card['nearer_error'])}"
    quantiles = f"{QUANTILES[0]} %, {QUANTILES[1]} %"
    return [
        ("design", ", ".join(told)),
        ("training", f"{sidecar['reals']:,} reals, {_training(one)}"),
        ("size", f"{sidecar['parameters']:,} parameters, {one.record['bytes'] / 2**20:.2f} MiB"),
        ("Fréchet distance", f"{card['frechet']:.2f}; reals {card['frechet_reals']:.2f}; {card['images']:,} images"),
        ("precision, recall", f"{card['precision']:.2f}, {card['recall']:.2f}"),
        ("density, coverage", f"{card['density']:.2f}, {card['coverage']:.2f}"),
        (f"nearest training image, {quantiles}", f"{near[0]}; error of the difference {errors}"),
        ("the same in RGB", near[1]),
        (
            "nearer to training than to unseen reals",
            f"{_share(card['nearer'])}; {chance}",
        ),
        *([("bits per subpixel of unseen reals", f"{bits:.2f}")] if bits is not None else []),
    ]


def _training(one: Entry) -> str:
    sidecar = one.sidecar
    return f"{sidecar['steps']:,} steps of {sidecar['batch']} in {_time(sidecar['seconds'])}"


def _read(path: Path) -> Record:
    record: Record = json.loads(path.read_text(encoding="utf-8"))
    return record


def _name(sidecar: Record) -> str:
    return str(sidecar["design"]["name"])


def _title(one: Entry) -> str:
    return f"{one.name} (cats and dogs)" if one.folder == CATS_AND_DOGS else one.name


def _anchor(one: Entry) -> str:
    """Return the anchor that the renderers of Markdown make of a title."""
    kept = [letter for letter in _title(one).lower() if letter.isalnum() or letter in " -_"]
    return "".join(kept).replace(" ", "-")


def _range(values: list[float]) -> str:
    low, high = f"{min(values):.2f}", f"{max(values):.2f}"
    return low if low == high else f"{low} to {high}"


def _share(share: float) -> str:
    return f"{100 * share:.1f} %" if 0 < share < 0.02 else f"{100 * share:.0f} %"  # noqa: PLR2004  (these decide)


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


if __name__ == "__main__":
    (Path(__file__).parent / "zoo.md").write_text(page(), encoding="utf-8")
