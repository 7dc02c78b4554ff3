"""A fitted method as a folder: one JSON file and safetensors, no pickle."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from manifpt.attributors.attributor import Attributor
from manifpt.errors import ManifptError, ModelError
from manifpt.extractors.artifacts import digest
from manifpt.extractors.extractor import Extractor
from manifpt.images import ImageSet, Preparation
from manifpt.methods.evidence import Evidence
from manifpt.methods.provenance import versions
from manifpt.methods.training import Training
from manifpt.registry import built
from manifpt.storage import replaced

if TYPE_CHECKING:
    from manifpt.methods.method import Method

SCHEMA = 1
DESCRIPTION = "model.json"
ARRAYS = "model.safetensors"
HUGGING_FACE = "hugging-face"
ATTRIBUTOR, EXTRACTOR = "attributor.", "extractor."


@runtime_checkable
class Pretrained(Protocol):
    """An attributor that is also written in Hugging Face format, so that ``from_pretrained`` loads it."""

    def save_pretrained(self, folder: Path) -> None:
        """Write config.json and safetensors to a folder."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What a saved method is put together from."""

    extractor: Extractor
    attributor: Attributor
    training: Training
    evidence: Evidence


def written(method: Method, folder: Path) -> Path:
    """Write a fitted method beside ``folder``, then rename, so that no half-written model is ever seen.

    Raises:
        ModelError: The folder exists and holds something else than a model.
    """
    if folder.exists() and not (folder / DESCRIPTION).exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ModelError(
            f"{folder} exists and is not a model",
            expected="a new folder, or one that holds a manifpt model",
            remedy="choose another name for --out",
        )
    with replaced(folder) as beside:
        save_file(_arrays(method), beside / ARRAYS)
        if isinstance(method.attributor, Pretrained):
            method.attributor.save_pretrained(beside / HUGGING_FACE)
        files = sorted(path for path in beside.rglob("*") if path.is_file())
        description = _description(method) | {
            "files": {path.relative_to(beside).as_posix(): _file_digest(path) for path in files}
        }
        (beside / DESCRIPTION).write_text(json.dumps(description, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return folder


def parts(folder: Path) -> Parts:
    """Return the parts of a saved method.

    Raises:
        ModelError: The folder is incomplete, damaged or of another schema, or a space's weights are not those that the
            model was fitted with.
    """
    description = _checked(folder)
    try:
        return _assembled(description, load_file(folder / ARRAYS))
    except ManifptError:
        raise
    except (KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(
            f"{folder / DESCRIPTION} does not fit its arrays ({type(error).__name__}: {error})",
            expected=f"a model folder of schema {SCHEMA} as manifpt writes it",
            remedy="fit the model again",
        ) from error


def _arrays(method: Method) -> dict[str, np.ndarray[Any, Any]]:
    arrays = {
        "reference.pixels": method.evidence_.pixels_,
        "training.digests": _bytes(method.training_.digests),
        "real.distances": method.training_.real_distances,
        **{ATTRIBUTOR + name: value for name, value in method.attributor.state().items()},
        **{EXTRACTOR + name: value for name, value in method.extractor.state().items()},
    }
    return {name: np.asarray(value, order="C") for name, value in arrays.items()}


def _description(method: Method) -> dict[str, Any]:
    training = method.training_
    return {
        "schema": SCHEMA,
        "written": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "extractor": method.extractor.settings(),
        "attributor": {"name": method.attributor.name, **method.attributor.settings()},
        "classes": [str(name) for name in method.classes_],
        "height": training.height,
        "width": training.width,
        "preparation": asdict(training.preparation),
        "reference": {
            "digest": training.reference_digest,
            "paths": method.evidence_.paths_,
        },
    }


def _checked(folder: Path) -> dict[str, Any]:
    """Return the description of a model folder after checking the schema and every file's digest."""
    expected, remedy = "a model folder that `manifpt fit` wrote", "check the path, or fit the model again"
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} holds no {DESCRIPTION}", expected=expected, remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder / DESCRIPTION}: {error}", expected=expected, remedy=remedy) from error
    if not isinstance(description, dict) or description.get("schema") != SCHEMA:
        found = description.get("schema") if isinstance(description, dict) else None
        raise ModelError(
            f"{folder} has schema {found!r}",
            expected=f"schema {SCHEMA}",
            remedy="fit the model again with this version of manifpt",
        )
    files = description.get("files")
    if not isinstance(files, dict) or ARRAYS not in files:
        raise ModelError(f"{folder / DESCRIPTION} lists no files", expected=expected, remedy=remedy)
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != DESCRIPTION}
    for name, recorded in files.items():
        path = folder / name
        if name not in present or path.is_symlink() or not path.is_file() or _file_digest(path) != recorded:
            raise ModelError(
                f"{path} is missing or damaged",
                expected=f"the file whose digest {DESCRIPTION} records",
                remedy="copy the model again from its source, or fit it again",
            )
    return description


def _assembled(description: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> Parts:
    pixels = arrays["reference.pixels"]
    reference = ImageSet.from_arrays(pixels, ["real"] * len(pixels), roles=["reference"] * len(pixels))
    paths = [str(path) for path in description["reference"]["paths"]]
    training = Training(
        height=int(description["height"]),
        width=int(description["width"]),
        preparation=Preparation(**description["preparation"]),
        digests=tuple(row.tobytes().hex() for row in arrays["training.digests"]),
        reference_digest=str(description["reference"]["digest"]),
        real_distances=arrays["real.distances"],
    )
    evidence = Evidence().restore(pixels, paths, tuple(reference.digests))
    attributor = _built("attributors", description["attributor"])
    attributor.restore(_part(arrays, ATTRIBUTOR))
    extractor = _extractor(description["extractor"])
    extractor.restore(_part(arrays, EXTRACTOR), reference)
    _refuse_differences(description, extractor, attributor, evidence, reference)
    return Parts(extractor, attributor, training, evidence)


def _built(kind: Any, settings: dict[str, Any]) -> Any:
    options = dict(settings)
    return built(kind, options.pop("name"), **options)


def _extractor(settings: dict[str, Any]) -> Extractor:
    """Return the extractor with these settings; its space and manifold are rows of the registry too."""
    options = dict(settings)
    name = options.pop("name")
    if "space" in options:
        space = {key: value for key, value in options["space"].items() if key != "sha256"}
        # The name of a prefixed row (hf:MODEL@LAYER) carries its options itself.
        options["space"] = space["name"] if ":" in str(space["name"]) else _built("embeddings", space)
    if "manifold" in options:
        options["manifold"] = _built("manifolds", options["manifold"])
    extractor: Extractor = built("extractors", name, **options)
    return extractor


def _part(arrays: dict[str, np.ndarray[Any, Any]], prefix: str) -> dict[str, np.ndarray[Any, Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bytes(digests: Iterable[str]) -> np.ndarray[Any, Any]:
    return np.array([list(bytes.fromhex(digest)) for digest in digests], np.uint8).reshape(-1, 32)


def _refuse_differences(
    description: dict[str, Any],
    extractor: Extractor,
    attributor: Attributor,
    evidence: Evidence,
    reference: ImageSet,
) -> None:
    checks = {
        "the space's settings or weights": (extractor.settings(), description["extractor"]),
        "the classes": ([str(name) for name in attributor.classes_], description["classes"]),
        "the reference set's content": (digest(reference), description["reference"]["digest"]),
        "the number of reference paths": (len(evidence.pixels_), len(evidence.paths_)),
    }
    for what, (found, recorded) in checks.items():
        if found != recorded:
            raise ModelError(
                f"{what} differ from what the model was fitted with ({found!r})",
                expected=f"{recorded!r}",
                remedy="use the same weights, or fit the model again",
            )
