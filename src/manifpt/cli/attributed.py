"""The answers of ``manifpt attribute`` as a folder that a report can be made of."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from manifpt.cli.ran import command
from manifpt.images import Preparation
from manifpt.methods.attribution import Attribution, Failure
from manifpt.methods.method import Method
from manifpt.studies import exhibits, provenance
from manifpt.studies.attributed import attributed, chosen
from manifpt.writing import replaced

ANSWERS = "attributions.jsonl"
FILES = (ANSWERS, provenance.FILE, exhibits.FILE, "report.html")
NOTHING = np.empty(0, np.float32)
INPUT = "-"  # standard input, which cannot be read again


def written(method: Method, answers: Sequence[Attribution | Failure], out: Path, preparation: Preparation) -> None:
    """Write ``attributions.jsonl`` (an answer a line, as --json), ``run.json`` and ``exhibits.safetensors``.

    Args:
        method: What answered.
        answers: In the order of the inputs.
        out: A folder, which is whole or not there.
        preparation: What was asked to be done to the images.
    """
    shown = [answer for answer in answers if isinstance(answer, Attribution) and answer.path != INPUT]
    rows, rule = chosen(shown)
    pictures = attributed(method, [shown[row] for row in rows], rule=rule, preparation=preparation)
    settings = {
        "extractor": method.extractor.settings(),
        "attributor": {"name": method.attributor.name, **method.attributor.settings()},
    }
    record = provenance.provenance(command(), seed=None, data={}, method=settings, protocol=_protocol(method))
    with replaced(out) as beside:
        lines = "".join(f"{json.dumps(answer.record(), allow_nan=False)}\n" for answer in answers)
        (beside / ANSWERS).write_text(lines, encoding="utf-8")
        provenance.written(record, beside)
        pictures.save(beside / exhibits.FILE)


def _protocol(method: Method) -> list[str]:
    training = method.training_
    name = method.folder.name if method.folder else "unsaved"
    return [
        f"The model “{name}” was fitted on {len(training.digests):,} images and "
        f"{len(method.evidence_.digests_):,} real "
        f"references of {training.width} × {training.height} pixels (SHA-256 of the references: "
        f"{training.reference_digest}).",
    ]
