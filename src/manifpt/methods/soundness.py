"""Whether the parts of a saved model agree, so that one that was changed by hand is refused, not believed."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.attributor import Attributor
from manifpt.errors import ModelError
from manifpt.extractors.artifacts import Artifacts, Referenced, digest
from manifpt.extractors.extractor import Extractor
from manifpt.images import ImageSet
from manifpt.methods.description import shown

REAL = "real"
LARGEST = 2**64
# Of a point's length: far above what another processor changes in a network's features, far below another image.
DRIFT = 0.01
Arrays = dict[str, NDArray[Any]]


def refuse_arrays(description: dict[str, Any], arrays: Arrays, *, prefixes: tuple[str, ...]) -> None:
    """Refuse arrays of other names, types, shapes or values than the description calls for.

    Raises:
        ModelError: One is absent, unknown, or not as described.
    """
    references, counts = len(description["reference"]["paths"]), description["training"]
    wanted = {
        "reference.pixels": (np.uint8, (references, description["height"], description["width"], 3)),
        "training.digests": (np.uint8, (counts["images"], 32)),
        "real.distances": (np.float64, (counts["reals"],)),
    }
    for name, (dtype, shape) in wanted.items():
        if name not in arrays or arrays[name].dtype != dtype or arrays[name].shape != shape:
            found = f"is {arrays[name].dtype} {arrays[name].shape}" if name in arrays else "is absent"
            raise _differs(f"the array {name} {found}", f"{np.dtype(dtype)} {shape}")
    for name, array in arrays.items():
        if name not in wanted and not name.startswith(prefixes):
            raise _differs(f"the array {shown(name)} is unknown", "the arrays that manifpt writes")
        if array.dtype.kind == "f" and not _is_finite(array):
            raise _differs(f"the array {shown(name)} holds NaN or infinity", "finite numbers")
    reals = arrays["real.distances"]
    if (reals < 0).any() or (np.diff(reals) < 0).any() or bool(len(reals)) != (REAL in description["classes"]):
        raise _differs("the distances of the reals are no sorted lengths", "one for each real, none without reals")


def refuse_reference(description: dict[str, Any], reference: ImageSet) -> None:
    """Refuse references with other pixels than the description says.

    Raises:
        ModelError: Their digest is another.
    """
    found, recorded = digest(reference), description["reference"]["digest"]
    if found != recorded:
        raise _differs(f"the reference set's content differs ({found})", recorded)


def refuse_numbers(settings: dict[str, Any]) -> None:
    """Refuse settings that no constructor should be tried with.

    Raises:
        ModelError: A number is beyond all use, or there would be no neighbour.
    """
    for name, value in settings.items():
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, dict):
                refuse_numbers(number)
            none = name == "neighbors" and not (type(number) is int and number > 0)
            if none or (isinstance(number, (int, float)) and abs(number) > LARGEST):
                raise _differs(f"the setting {shown(name)} is {shown(value)}", "a value that manifpt writes")


def refuse_settings(description: dict[str, Any], extractor: Extractor, attributor: Attributor) -> None:
    """Refuse parts whose settings, or weights of their space, are not those that were written.

    Raises:
        ModelError: A setting is absent, unknown or another, or the space's weights are.
    """
    checks = {
        "the space's settings or weights": (extractor.settings(), description["extractor"]),
        "the attributor's settings": ({"name": attributor.name, **attributor.settings()}, description["attributor"]),
    }
    for what, (found, recorded) in checks.items():
        if found != recorded:
            keys = sorted(found.keys() | recorded.keys())
            one = next(key for key in keys if key not in found or key not in recorded or found[key] != recorded[key])
            raise _differs(f"{what} differ in {shown(one)} ({shown(found.get(one))})", shown(recorded.get(one)))


def refuse_state(part: str, saved: Arrays, restored: Arrays) -> None:
    """Refuse a state that a part did not take over exactly: arrays of other names, types, shapes or values.

    Raises:
        ModelError: An array is absent, unknown or another.
    """
    for name in sorted(saved.keys() | restored.keys()):
        one, other = saved.get(name), restored.get(name)
        if one is None or other is None:
            what = "absent" if one is None else "unknown"
            raise _differs(f"the {part}'s array {shown(name)} is {what}", "the arrays that manifpt writes")
        if one.dtype != other.dtype or one.shape != other.shape or not np.array_equal(one, other):
            raise _differs(
                f"the {part}'s array {shown(name)} is {one.dtype} {one.shape}", f"{other.dtype} {other.shape}"
            )


def refuse_answers(
    description: dict[str, Any], extractor: Extractor, attributor: Attributor, reference: ImageSet
) -> None:
    """Refuse parts that give the first reference no sound answer.

    Raises:
        ModelError: The classes are others, the answer is no distribution over them, or the space no longer gives the
            point that it gave.
        NumbersError: The features do not have the shape that the attributor takes.
    """
    classes = attributor.classes_.tolist()
    if classes != description["classes"]:
        raise _differs(f"the classes differ ({shown(classes)})", shown(description["classes"]))
    first = reference.subset([0])
    features = extractor.extract(first)
    # The first reference's point shows whether the space is the same.
    if isinstance(extractor, Artifacts) and isinstance(extractor.manifold_, Referenced):
        kept = extractor.manifold_.reference_points(np.zeros(1, np.int64)).coordinates().astype(np.float64)
        point = extractor.embedding(first.pixels()).coordinates().astype(np.float64)
        if point.shape != kept.shape or not np.linalg.norm(point - kept) <= DRIFT * np.linalg.norm(point):
            raise _differs("the space gives the first reference another point", "the point that was saved")
    table = attributor.predict_proba(features)
    if table.shape != (1, len(classes)) or not math.isclose(float(table.sum()), 1, abs_tol=1e-6):
        raise _differs("the attributor gives no probabilities", "one of each class, with the sum 1")


def _is_finite(array: NDArray[Any]) -> bool:
    # Both ends carry NaN and infinity, and cost no copy of what may be large.
    with np.errstate(invalid="ignore"):
        return not array.size or bool(np.isfinite([array.min(), array.max()]).all())


def _differs(happened: str, expected: str) -> ModelError:
    return ModelError(
        f"{happened} and differs from what the model was fitted with",
        expected=expected,
        remedy="use the same weights, or fit the model again",
    )
