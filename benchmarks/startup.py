"""How long `import manifpt` and `manifpt --help` take, beside the bare interpreter and `import numpy` in the same run.

python benchmarks/startup.py --runs 11
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import manifpt": [sys.executable, "-c", "import manifpt"],
    "manifpt --help": [str(Path(sys.executable).parent / "manifpt"), "--help"],
}


def seconds(command: list[str]) -> float:
    """Return the wall-clock time of one run."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    """Print the medians of interleaved runs, seconds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11)
    given = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(given.runs):
        for name, command in COMMANDS.items():
            times[name].append(seconds(command))
    print(json.dumps({name: round(statistics.median(found), 3) for name, found in times.items()}))


if __name__ == "__main__":
    main()
