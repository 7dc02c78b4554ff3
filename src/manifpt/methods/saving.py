"""A fitted method as a folder: one JSON file and safetensors, no pickle."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from safetensors.numpy import load, save_file

from manifpt.attributors.attributor import Attributor
from manifpt.errors import ManifptError, ModelError, UnknownNameError, WeightsError
from manifpt.extractors.extractor import Extractor
from manifpt.images import ImageSet, Preparation
from manifpt.methods import description as descriptions
from manifpt.methods import integrity, soundness
from manifpt.methods.description import DESCRIPTION, SCHEMA, shown
from manifpt.methods.evidence import Evidence
from manifpt.methods.provenance import versions
from manifpt.methods.training import Training
from manifpt.outputs import refuse_foreign
from manifpt.registry import built
from manifpt.writing import replaced, safetensors_file

if TYPE_CHECKING:
    from manifpt.methods.method import Method

ARRAYS = "model.safetensors"
HUGGING_FACE = "hugging-face"
TRIES = 3  # to read a model that another process replaces meanwhile
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
    refuse_foreign(folder, ours=descriptions.listed(folder), what="a model")
    with replaced(folder) as beside:
        with safetensors_file(beside / ARRAYS):
            save_file(_arrays(method), beside / ARRAYS)
        if isinstance(method.attributor, Pretrained):
            method.attributor.save_pretrained(beside / HUGGING_FACE)
        files = sorted(path for path in beside.rglob("*") if path.is_file())
        description = _description(method) | {
            "files": {path.relative_to(beside).as_posix(): integrity.file_digest(path) for path in files}
        }
        text = json.dumps(descriptions.sealed(description), indent=1, allow_nan=False)
        (beside / DESCRIPTION).write_text(text + "\n", encoding="utf-8")
    return folder


def parts(folder: Path) -> Parts:
    """Return the parts of a saved method.

    What is damaged is refused, and so is a folder that somebody changed, as far as its parts contradict each other;
    other weights of the same shape make another model, which nothing but the digests tells from the first.

    Raises:
        ModelError: The folder is incomplete, damaged, of another schema, holds a pickle, or does not fit together.
        WeightsError: The weights of the space are absent.
    """
    for _ in range(TRIES):
        description, content = descriptions.read(folder), b""
        try:
            content = integrity.sound_content(folder, description["files"], needed=ARRAYS)
        except ModelError:
            # Another process may have replaced the folder between its files.
            if descriptions.read(folder) == description:
                raise
        if content:
            return _whole(folder, description, content)
    raise ModelError(
        f"{folder} changes while it is read",
        expected="a model at rest",
        remedy="wait for what writes it, and try again",
    )


def _whole(folder: Path, description: dict[str, Any], content: bytes) -> Parts:
    try:
        return _assembled(description, load(content))
    except (ModelError, UnknownNameError, WeightsError):
        raise
    except ManifptError as error:
        raise _contradiction(folder, error.happened) from error
    except MemoryError as error:
        raise ModelError(
            f"{folder} does not fit into memory", expected="a model smaller than the free memory", remedy="free some"
        ) from error
    except Exception as error:  # NumPy, torch and transformers raise whatever a changed setting leads them into.
        text = " ".join(str(error).split())
        raise _contradiction(folder, f"{type(error).__name__}: {shown(text)}") from error


def _contradiction(folder: Path, what: str) -> ModelError:
    return ModelError(
        f"{folder / DESCRIPTION} does not fit its arrays ({what})",
        expected=f"a model folder of schema {SCHEMA} as manifpt writes it",
        remedy="fit the model again",
    )


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
        "training": {"images": len(training.digests), "reals": len(training.real_distances)},
    }


def _assembled(description: dict[str, Any], arrays: dict[str, np.ndarray[Any, Any]]) -> Parts:
    soundness.refuse_arrays(description, arrays, prefixes=(ATTRIBUTOR, EXTRACTOR))
    pixels = arrays["reference.pixels"]
    reference = ImageSet.from_arrays(pixels, ["real"] * len(pixels), roles=["reference"] * len(pixels))
    soundness.refuse_reference(description, reference)
    training = Training(
        height=description["height"],
        width=description["width"],
        preparation=Preparation(**description["preparation"]),
        digests=tuple(row.tobytes().hex() for row in arrays["training.digests"]),
        reference_digest=description["reference"]["digest"],
        real_distances=arrays["real.distances"],
    )
    evidence = Evidence().restore(pixels, description["reference"]["paths"], tuple(reference.digests))
    extractor = _extractor(description["extractor"])
    attributor: Attributor = _built("attributors", description["attributor"])
    soundness.refuse_settings(description, extractor, attributor)
    attributor.restore(_part(arrays, ATTRIBUTOR))
    extractor.restore(_part(arrays, EXTRACTOR), reference)
    soundness.refuse_state("attributor", _part(arrays, ATTRIBUTOR), attributor.state())
    soundness.refuse_state("extractor", _part(arrays, EXTRACTOR), extractor.state())
    soundness.refuse_answers(description, extractor, attributor, reference)
    return Parts(extractor, attributor, training, evidence)


def _built(kind: Any, settings: dict[str, Any]) -> Any:
    options = dict(settings)
    soundness.refuse_numbers(options)
    return built(kind, options.pop("name"), **options)


def _extractor(settings: dict[str, Any]) -> Extractor:
    """Return the extractor with these settings; its space and manifold are rows of the registry too."""
    options = dict(settings)
    name = options.pop("name")
    if "space" in options:
        space = {key: value for key, value in options["space"].items() if key != "sha256"}
        # The name of a prefixed row (hf:MODEL@LAYER) carries its options itself.
        named = ":" in str(space["name"])
        options["space"] = built("embeddings", space["name"]) if named else _built("embeddings", space)
    if "parts" in options:
        options["parts"] = [_extractor(part) for part in options["parts"]]
    if "manifold" in options:
        options["manifold"] = _built("manifolds", options["manifold"])
    extractor: Extractor = _built("extractors", {"name": name, **options})
    return extractor


def _part(arrays: dict[str, np.ndarray[Any, Any]], prefix: str) -> dict[str, np.ndarray[Any, Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _bytes(digests: Iterable[str]) -> np.ndarray[Any, Any]:
    return np.array([list(bytes.fromhex(digest)) for digest in digests], np.uint8).reshape(-1, 32)
