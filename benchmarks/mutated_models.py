"""Change saved models in some thousand ways, and count which are refused and which answer as before.

Run ``python benchmarks/mutated_models.py`` from the repository; a model or kind by name restricts it. It ends with an
error if any mutation gives another answer, an error that is not manifpt's, a hang, or more than 256 MiB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.methods.outcomes import KINDS, NAMES, made, outcomes, tiny


def main() -> None:
    """Print a table of outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="*", default=list(NAMES), choices=NAMES)
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    given = parser.parse_args()
    # A warning is no answer, and what raises only where warnings are errors would hide here in the tests.
    warnings.simplefilter("ignore")
    started, total, failures = time.monotonic(), Counter[str](), []
    with tempfile.TemporaryDirectory() as root:
        for model in given.models:
            folder = made(model).fit(tiny(0)).save(Path(root) / model)
            for kind in given.kinds:
                place = Path(root) / f"{model}-{kind}"
                place.mkdir()
                counts, wrong = outcomes(folder, KINDS[kind](folder, place), place)
                if (place / "sentinel").exists():
                    wrong.append(f"{model}, {kind}: a pickle was opened")
                total += counts
                failures += [f"{model}, {line}" for line in wrong]
                print(f"{model:10} {kind:16} {counts.total():6} mutations, {len(wrong)} wrong", flush=True)
    print("", "| kind: outcome | count |", "|---|---|", sep="\n")
    print(*(f"| {name} | {count:,} |" for name, count in sorted(total.items())), sep="\n")
    print(f"\n{total.total():,} mutations in {time.monotonic() - started:.0f} s, {len(failures)} wrong")
    if failures:
        sys.exit("\n".join(failures))


if __name__ == "__main__":
    main()
