"""Table 3 of the paper on every set: groups of fingerprints against design choices, and what becomes of its claims.

    python benchmarks/structure_tables.py --run [--only GLOB …] [--zoo FOLDER]   # minutes; writes structure.json
    python benchmarks/structure_tables.py                                        # writes the tables into the page

Published images are looked for in ``MANIFPT_DATA`` (default: ``../shared/data`` beside the repository), as for
``results.py``; the zoo's sets are built below ``--zoo``. The tables stand in docs/structure.md between two marks.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from results import DATA, build
from results_sets import SETS, Places

from manifpt import Cache, ImageSet
from manifpt.studies.choices import Choices
from manifpt.studies.grouping import FOUND as FOUND_BY_GROUPS
from manifpt.studies.grouping import UNDECIDED
from manifpt.studies.structure import Structure, fingerprint_distances, structure
from manifpt.zoo.taxonomy import taxonomy

ROOT = Path(__file__).parents[1]
FOUND = Path(__file__).parent / "structure.json"
PAGE = ROOT / "docs" / "structure.md"
BEGIN, END = "<!-- written by benchmarks/structure_tables.py -->", "<!-- end -->"
METHODS = ("paper-rgb", "paper-freq", "paper-sl-cifar", "paper-ssl-cifar", "auto")
CLAIMED = ("upsampling", "loss")
SEED, PERMUTATIONS = 0, 999
LEVEL = 0.05
# NMI in the paper's table 3, of 8 to 17 models.
PAPER = {
    "upsampling": (0.625, 0.654, 0.613, 0.680), "nonlinearity": (0.453, 0.354, 0.452, 0.477),
    "normalisation": (0.647, 0.534, 0.481, 0.465), "downsampling": (0.432, 0.692, 0.546, 0.615),
    "skip": (0.541, 0.317, 0.434, 0.357), "loss": (0.563, 0.631, 0.677, 0.573),
}  # fmt: skip
TELLING = ("nmi", "ami", "p_value", "corrected", "least_p", "levels", "generators", "verdict")


@dataclass(frozen=True)
class Looked:
    """A set whose fingerprints are looked at.

    Args:
        name: Of the set.
        about: What it is, for the page.
        crossed: Whether its choices were crossed on purpose.
        opened: Returns its images.
    """

    name: str
    about: str
    crossed: bool
    opened: Callable[[Places], ImageSet]


def _celeba(places: Places) -> ImageSet:
    return ImageSet.open(places.data / "gm-celeba64-wild", reference=places.data / "reals" / "faces64")


def _zoo(name: str, **options: Any) -> Callable[[Places], ImageSet]:
    def opened(places: Places) -> ImageSet:
        build(places, name)
        return ImageSet.open(places.zoo / name, **options)

    return opened


LOOKED = (
    Looked("gm-cifar10-wild", "32 published generators of CIFAR-10", crossed=False,
           opened=next(one for one in SETS if one.name == "gm-cifar10-wild").opened),
    Looked("gm-celeba64-wild", "23 published generators of faces; reference: `faces64`", crossed=False, opened=_celeba),
    Looked("gm-cifar10-zoo", "the zoo's five generators of CIFAR-10", crossed=False, opened=_zoo("gm-cifar10-zoo")),
    # Two seeds of a design are no two designs: shuffles that move them apart would find what is not there.
    Looked("gm-decoders-zoo", "the zoo's 25 crossed decoders, the first seed of each", crossed=True,
           opened=_zoo("gm-decoders-zoo", generators=["decoder-*-0"])),
)  # fmt: skip


def main() -> None:
    """Run what is asked for, then write the page."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--run", action="store_true", help="measure, and replace what structure.json has")
    asked.add_argument("--only", nargs="*", default=["*"], help="globs of set/method")
    asked.add_argument("--zoo", type=Path, default=ROOT / "build" / "zoo", help="where the zoo's sets are built")
    given = asked.parse_args()
    found = stored()
    if given.run:
        os.environ.setdefault("MANIFPT_WEIGHTS", str(DATA / "weights"))
        for one in LOOKED:
            methods = [name for name in METHODS if any(fnmatchcase(f"{one.name}/{name}", glob) for glob in given.only)]
            images = one.opened(Places(DATA, given.zoo)) if methods else None
            for method in methods:
                assert images is not None
                found[f"{one.name}/{method}"] = measured(method, images)
                FOUND.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n", encoding="utf-8")
                print(one.name, method, flush=True)
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PAGE.write_text(before + BEGIN + section(found) + END + rest.partition(END)[2], encoding="utf-8")


def stored() -> dict[str, Any]:
    """Return what was measured: by set and method."""
    return dict(json.loads(FOUND.read_text(encoding="utf-8"))) if FOUND.exists() else {}


def measured(method: str, images: ImageSet) -> dict[str, Any]:
    """Return the groups by k-means against each choice, and the share of the spread that each explains alone."""
    apart = fingerprint_distances(method, images, seed=SEED, cache=Cache())
    known: Choices = taxonomy(apart.generators)
    study: Structure = structure(
        method, apart, known, clusterings=["k-means"], rules=["levels"], permutations=PERMUTATIONS, seed=SEED
    )
    record = study.record()
    return {
        "images_each": record["images_each"],
        "generators": len(record["generators"]),
        "groups": {row["choice"]: {name: row[name] for name in TELLING} for row in record["groupings"]},
        "spread": {
            row["choice"]: {name: row[name] for name in ("share", "p_value", "corrected", "least_p", "verdict")}
            for row in record["effects"]
            if not row["marginal"]
        },
    }


def section(found: dict[str, Any]) -> str:
    """Return the tables, as Markdown."""
    return "\n".join(["", "", *_paper(), *_tables(found), *_claims(found), ""])


def _paper() -> Iterator[str]:
    yield from (
        "### The paper's own",
        "",
        "NMI of 8 to 17 models (Song et al. 2024, table 3); it has no AMI and no p.",
        "",
    )
    yield from ("| choice | RGB | FREQ | SL | SSL |", "|---|---:|---:|---:|---:|")
    for choice, values in PAPER.items():
        yield f"| {choice} | {' | '.join(f'{value:.3f}' for value in values)} |"
    yield ""


def _tables(found: dict[str, Any]) -> Iterator[str]:
    for one in LOOKED:
        ran = {name: found[f"{one.name}/{name}"] for name in METHODS if f"{one.name}/{name}" in found}
        if not ran:
            yield from (f"### {one.name}", "", "Not run.", "")
            continue
        first = next(iter(ran.values()))
        about = f"{one.about[0].upper()}{one.about[1:]}"
        yield from (f"### {one.name}", "", f"{about}; {first['images_each']} images of each.")
        yield from ("", f"| choice | levels | {' | '.join(f'`{name}`' for name in ran)} |")
        yield f"|---|---:|{'---:|' * len(ran)}"
        for choice, row in first["groups"].items():
            cells = (_cell(measure["groups"][choice]) for measure in ran.values())
            yield f"| {choice} | {row['levels']} | {' | '.join(cells)} |"
        yield ""


def _cell(row: dict[str, Any]) -> str:
    if row["nmi"] is None or row["p_value"] is None:
        return "–"
    text = f"{row['nmi']:.2f} / {row['ami']:.2f}, {row['p_value']:.3f}".replace("-", "−")
    return f"**{text}**" if row["corrected"] is not None and row["corrected"] <= LEVEL else text


def _claims(found: dict[str, Any]) -> Iterator[str]:
    yield from ("### The paper's claims", "")
    yield f"| fingerprints group by | set | reading | {' | '.join(f'`{name}`' for name in METHODS)} | |"
    yield f"|---|---|---|{'---|' * (len(METHODS) + 1)}"
    for choice in CLAIMED:
        for one in LOOKED:
            ran = [found.get(f"{one.name}/{name}") for name in METHODS]
            verdicts = ["not run" if row is None else _verdict(row, choice) for row in ran]
            reading = "crossed" if one.crossed else "correlation"
            yield f"| {choice} | {one.name} | {reading} | {' | '.join(verdicts)} | {_whole(verdicts)} |"
    yield ""


def _verdict(row: dict[str, Any], choice: str) -> str:
    """Return what the groups say, and in brackets what the share of the spread says where it says more."""
    groups = row["groups"].get(choice, {}).get("verdict", UNDECIDED)
    spread = row["spread"].get(choice, {}).get("verdict", UNDECIDED)
    return groups if spread in {groups, UNDECIDED} else f"{groups} (spread: {spread})"


def _whole(verdicts: list[str]) -> str:
    found = sum(verdict.startswith(FOUND_BY_GROUPS) for verdict in verdicts)
    if found:
        return "holds" if found == len(verdicts) else f"holds in {found} of {len(verdicts)}"
    return "cannot be decided" if all(verdict.startswith(UNDECIDED) for verdict in verdicts) else "fails"


if __name__ == "__main__":
    main()
