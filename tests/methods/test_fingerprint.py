"""A fingerprint is the set of a generator's artifacts, and its summary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import DataError, ModelError
from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.methods.fingerprint import Fingerprint, fingerprints


@pytest.fixture(scope="module")
def found(images: ImageSet) -> dict[str, Fingerprint]:
    return fingerprints(Artifacts("rgb").fit(images), images)


def test_each_generator_has_the_set_of_its_own_artifacts(found: dict[str, Fingerprint], images: ImageSet) -> None:
    assert sorted(found) == ["columns", "real", "rows"]
    rows = images.scored.subset(np.flatnonzero(images.scored.generators == "rows"))
    np.testing.assert_array_equal(found["rows"].artifacts, Artifacts("rgb").fit(images).extract(rows))


def test_the_summary_is_that_of_the_set(found: dict[str, Fingerprint]) -> None:
    print_ = found["rows"]
    artifacts = print_.artifacts.astype(np.float64)
    np.testing.assert_allclose(print_.mean, artifacts.mean(0))
    np.testing.assert_allclose(print_.spread, artifacts.std(0), rtol=1e-6)
    assert print_.size == pytest.approx(np.sqrt((artifacts**2).sum((1, 2, 3))).mean())
    assert print_.mean_spectrum is not None
    np.testing.assert_allclose(print_.mean_spectrum, log_spectrum(artifacts).mean(0), rtol=1e-5)
    assert Fingerprint("x", np.ones((3, 5), np.float32), {}).mean_spectrum is None


def test_a_fingerprint_is_like_itself_and_unlike_another(found: dict[str, Fingerprint]) -> None:
    same, other = found["rows"].compare(found["rows"]), found["rows"].compare(found["columns"])
    assert (same.energy, same.cosine, same.spectrum) == pytest.approx((0, 1, 1))
    assert other.energy > 0
    assert other.cosine < 0.9
    assert found["columns"].compare(found["rows"]) == pytest.approx(other)


def test_fingerprints_measured_differently_are_not_compared(found: dict[str, Fingerprint], images: ImageSet) -> None:
    spectral = fingerprints(Artifacts("freq").fit(images), images)
    with pytest.raises(DataError, match="rows and rows were measured differently; expected fingerprints of one space"):
        found["rows"].compare(spectral["rows"])


def test_a_saved_fingerprint_comes_back_and_a_damaged_one_does_not(
    found: dict[str, Fingerprint], tmp_path: Path
) -> None:
    path = found["rows"].save(tmp_path / "rows.safetensors")
    again = Fingerprint.load(path)
    np.testing.assert_array_equal(again.artifacts, found["rows"].artifacts)
    assert (again.generator, again.settings) == ("rows", found["rows"].settings)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ModelError, match="cannot be read as a fingerprint"):
        Fingerprint.load(path)
    with pytest.raises(ModelError, match="cannot be read as a fingerprint"):
        Fingerprint.load(tmp_path / "absent")


def test_all_images_on_the_reference_make_the_fingerprint_zero(images: ImageSet) -> None:
    extractor = Artifacts("rgb").fit(images)
    assert Fingerprint("copy", extractor.extract(images.reference), {}).size == 0
