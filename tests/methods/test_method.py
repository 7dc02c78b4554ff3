"""The main job: fit, attribute, save, load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manifpt.embeddings.small import SelfSupervisedCIFAR
from manifpt.errors import DataError, ImageError, LeakError, ModelError
from manifpt.images import ImageSet
from manifpt.methods.attribution import Attribution, Failure
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method

FAST = {"rgb": "linear", "freq": "linear", "rgb+freq": "resnet-small", "freq-grey": "linear"}


@pytest.fixture(scope="module", params=FAST)
def model(request: pytest.FixtureRequest, images: ImageSet) -> ManiFPT:
    small = {"epochs": 6, "least_steps": 30} if FAST[request.param] == "resnet-small" else {}
    return ManiFPT(request.param, attributor=FAST[request.param], **small).fit(images)


def test_a_planted_pattern_is_attributed_on_unseen_images(model: ManiFPT, unseen: ImageSet) -> None:
    answers = model.classes_[model.predict_proba(unseen.scored).argmax(1)]
    assert (answers == unseen.scored.generators).mean() > 0.9


def test_probabilities_sum_to_one_in_the_order_of_the_classes(model: ManiFPT, unseen: ImageSet) -> None:
    table = model.predict_proba(unseen.scored)
    assert model.classes_.tolist() == ["columns", "real", "rows"]
    np.testing.assert_allclose(table.sum(1), 1)


def test_an_image_gets_the_same_answer_alone_and_in_a_batch(model: ManiFPT, unseen: ImageSet) -> None:
    pixels = unseen.scored.pixels()
    batch = [answer for answer in model.attributions(pixels) if isinstance(answer, Attribution)]
    for index in (0, 31, 89):
        alone, together = model.attribute(pixels[index]).record(), batch[index].record()
        assert alone.pop("probability") == pytest.approx(together.pop("probability"), abs=1e-5)
        assert alone.pop("probabilities") == pytest.approx(together.pop("probabilities"), abs=1e-5)
        assert alone == together


def test_the_answer_carries_its_evidence(model: ManiFPT, images: ImageSet, unseen: ImageSet) -> None:
    pixels = unseen.scored.pixels()[-1]
    answer = model.attribute(pixels)
    references = images.reference.pixels().astype(float)
    distances = np.sqrt(((references - pixels) ** 2).sum((1, 2, 3))) / 255
    assert answer.nearest.path == images.reference.paths[int(distances.argmin())]
    assert answer.nearest.distance == pytest.approx(distances.min(), abs=1e-5)
    assert answer.probabilities[answer.generator] == answer.probability == max(answer.probabilities.values())
    assert answer.runner_up == sorted(answer.probabilities, key=answer.probabilities.__getitem__)[-2]
    assert answer.artifact.shape == model.extractor.embedding.shape(16, 16)  # type: ignore[attr-defined]
    assert answer.distance == pytest.approx(float(np.linalg.norm(answer.artifact.astype(float))), rel=1e-4)


def test_the_percentile_counts_held_out_reals_that_lie_closer(model: ManiFPT, images: ImageSet) -> None:
    reals = images.scored.pixels()[images.scored.generators == "real"]
    found = [model.attribute(pixels) for pixels in reals]
    ordered = sorted(found, key=lambda answer: answer.distance)
    assert [answer.real_percentile for answer in ordered] == pytest.approx(
        [100 * (i + 1) / 30 for i in range(30)], abs=0.06
    )


def test_a_loaded_model_answers_as_the_saved_one(model: ManiFPT, unseen: ImageSet, tmp_path: Path) -> None:
    folder = model.save(tmp_path / "model")
    loaded = Method.load(folder)
    np.testing.assert_array_equal(loaded.predict_proba(unseen.scored), model.predict_proba(unseen.scored))
    pixels = unseen.scored.pixels()[0]
    assert loaded.attribute(pixels).record() == model.attribute(pixels).record()
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".pkl", ".pt", ".bin", ".npy")]


def test_content_that_the_model_knows_is_refused_for_testing(
    model: ManiFPT, images: ImageSet, unseen: ImageSet
) -> None:
    model.refuse_known(unseen.scored)
    for part, words in ((images.scored, "training images"), (images.reference, "references")):
        with pytest.raises(LeakError, match=rf"array\[\d+\] has the same pixels as one of the model's {words}"):
            model.refuse_known(part)


def test_every_input_gets_an_answer_or_a_failure_in_its_place(images: ImageSet, tmp_path: Path) -> None:
    model = ManiFPT("rgb", attributor="linear").fit(images)
    good, jpeg, large, text = (tmp_path / name for name in ("good.png", "lossy.jpg", "large.png", "text.png"))
    Image.fromarray(images.scored[0]).save(good)
    Image.fromarray(images.scored[0]).save(jpeg)
    Image.fromarray(np.tile(images.scored[0], (2, 2, 1))).save(large)
    text.write_text("no image")
    found = list(model.attributions([good, text, jpeg, large, tmp_path / "absent.png"]))
    assert [type(answer) for answer in found] == [Attribution, Failure, Attribution, Failure, Failure]
    assert isinstance(found[2], Attribution)
    assert found[2].warnings == ("JPEG: lossy compression may hide or change the trace",)
    assert found[3].record()["error"] == (
        f"{large} is 32 × 32 pixels; expected 16 × 16, as the model was trained on; "
        "give --crop 16 or --resize 16 (resizing changes the trace)"
    )
    cropped = model.attribute(large, crop=16)
    assert cropped.warnings == ("size: 32 × 32 was brought to 16 × 16, which may weaken the trace",)
    with pytest.raises(ImageError, match=r"absent\.png cannot be read"):
        model.attribute(tmp_path / "absent.png")


def test_fit_leaves_test_images_alone(images: ImageSet) -> None:
    roles = images.roles.copy()
    roles[-5:] = "test"
    marked = ImageSet.from_arrays(images.pixels(), images.generators, roles=roles)
    model = ManiFPT("rgb", attributor="linear").fit(marked)
    assert not set(model.training_.digests) & set(marked.digests[-5:])
    assert len(model.training_.digests) == len(images.scored) - 5


def test_one_class_only_is_refused(images: ImageSet) -> None:
    only = images.subset(np.flatnonzero(images.generators == "real"))
    with pytest.raises(DataError, match="only 'real' is there to train on; expected images of at least two generators"):
        ManiFPT("rgb", attributor="linear").fit(only)


def test_the_same_seed_gives_the_same_bits(images: ImageSet, unseen: ImageSet) -> None:
    one, two = (ManiFPT("freq", attributor="linear", seed=3).fit(images).predict_proba(unseen.scored) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.fixture(scope="module")
def saved(images: ImageSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return ManiFPT("rgb", attributor="linear").fit(images).save(tmp_path_factory.mktemp("models") / "model")


def copied(saved: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in saved.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_flipped_byte_in_the_arrays_is_found(saved: Path, tmp_path: Path) -> None:
    folder = copied(saved, tmp_path)
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelError, match=r"model\.safetensors is missing or damaged"):
        Method.load(folder)


def test_a_folder_that_is_no_model_is_neither_loaded_nor_overwritten(images: ImageSet, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ModelError, match=r"holds no model\.json"):
        Method.load(tmp_path)
    with pytest.raises(DataError, match=r"holds thesis\.txt, which is no part of a model"):
        ManiFPT("rgb", attributor="linear").fit(images).save(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_space_with_options_comes_back_with_them(images: ImageSet, unseen: ImageSet, tmp_path: Path) -> None:
    model = ManiFPT(SelfSupervisedCIFAR(layer=3), attributor="linear", calibration_folds=0).fit(images)
    loaded = Method.load(model.save(tmp_path / "model"))
    assert loaded.extractor.settings() == model.extractor.settings()
    np.testing.assert_allclose(loaded.predict_proba(unseen.scored), model.predict_proba(unseen.scored), atol=1e-5)
