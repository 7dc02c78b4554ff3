"""Sets of decoders show held-out reals, and an image has the role of the real that it shows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from manifpt.errors import DataError, ImageError
from manifpt.images import ImageSet
from manifpt.zoo import sets
from manifpt.zoo.designs import named
from manifpt.zoo.reconstruction import reconstructed
from manifpt.zoo.sets import Recipe, built
from manifpt.zoo.trained import Trained

SMALL = Recipe("small", "", True, 8, 4, "for tests")


class Darker(nn.Module):
    """A decoder that scales what it is shown, and cannot show white."""

    latent_shape = (1,)

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def reconstructed(self, images: Tensor) -> Tensor:
        return torch.where(images.amax((1, 2, 3), keepdim=True) == 1, torch.nan, images * self.share)


def decoder(seed: int = 0) -> Trained:
    return Trained(named(f"decoder-nearest-relu-batch-none-l2-{seed}"), Darker(1 / (2 + seed)), "d" * 64, {})


def photographs(folder: Path, count: int, seed: int) -> ImageSet:
    folder.mkdir()
    for index in range(count):
        pixels = np.random.default_rng([seed, index]).integers(0, 250, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
    return ImageSet.photographs([str(folder)])


@pytest.fixture
def found(tmp_path: Path) -> SimpleNamespace:
    reference, real = photographs(tmp_path / "a", 5, 0), photographs(tmp_path / "b", 40, 1)
    made = [decoder(), decoder(1)]
    rows = list(built(SMALL, made, reference=reference, real=real))
    return SimpleNamespace(rows=rows, reference=reference, real=real, made=made)


def of(found: SimpleNamespace, name: str) -> list[Any]:
    return [sample for sample in found.rows if sample.row["generator"] == name]


def test_all_decoders_show_the_same_reals_each_in_the_reals_role(found: SimpleNamespace) -> None:
    reals = {sample.row["latent"]: sample for sample in of(found, "real")}
    assert len(found.rows) == 5 + 40 + 2 * 12
    shown = []
    for seed, made in enumerate(found.made):
        samples = of(found, made.design.name)
        assert [sample.row["role"] for sample in samples] == ["train"] * 8 + ["test"] * 4
        for sample in samples:
            original = reals[sample.row["latent"]]
            assert sample.row["role"] == original.row["role"]
            assert sample.row["index"] == original.row["index"]
            expected = np.rint(((original.pixels / 127.5 - 1) / (2 + seed) + 1) * 127.5)
            assert np.abs(sample.pixels - expected).max() <= 1
        shown.append([sample.row["latent"] for sample in samples])
    assert shown[0] == shown[1]
    assert len(set(shown[0])) == 12


def test_no_reference_is_shown(found: SimpleNamespace) -> None:
    references = {sample.row["latent"] for sample in found.rows if sample.row["role"] == "reference"}
    assert len(references) == 5
    assert not references & {sample.row["latent"] for sample in found.rows if sample.row["family"] == "decoder"}


def test_the_reals_that_are_shown_depend_on_content_and_not_on_names(tmp_path: Path, found: SimpleNamespace) -> None:
    renamed = tmp_path / "renamed"
    renamed.mkdir()
    for index, path in enumerate(reversed(found.real.paths)):
        (renamed / f"{index}.png").write_bytes((tmp_path / "b" / Path(path).name).read_bytes())
    again = built(SMALL, found.made, reference=found.reference, real=ImageSet.photographs([str(renamed)]))
    latents = [sample.row["latent"] for sample in again if sample.row["family"] == "decoder"]
    assert latents == [sample.row["latent"] for sample in found.rows if sample.row["family"] == "decoder"]


def test_too_few_held_out_reals_are_said_before_anything_is_made(tmp_path: Path) -> None:
    reference, real = photographs(tmp_path / "a", 5, 0), photographs(tmp_path / "b", 9, 1)
    with pytest.raises(DataError, match=r"of the 9 held-out reals are for .*expected at least [48], for decoders"):
        next(built(SMALL, [decoder()], reference=reference, real=real))


def test_what_has_no_encoder_another_size_or_nan_is_refused() -> None:
    images = np.zeros((3, 32, 32, 3), np.uint8)
    with pytest.raises(DataError, match="ddpm has no encoder; expected a decoder"):
        list(reconstructed(Trained(named("ddpm"), nn.Identity(), "", {}), images))
    with pytest.raises(DataError, match="images of 16 × 8 pixels for decoder-"):
        list(reconstructed(decoder(), np.zeros((3, 8, 16, 3), np.uint8)))
    with pytest.raises(ImageError, match="returned values that are not finite"):
        list(reconstructed(decoder(), images + np.uint8(255)))


@pytest.mark.parametrize("name", [recipe.name for recipe in sets.RECIPES])
def test_every_recipe_is_found_by_its_name(name: str) -> None:
    assert sets.recipe(name).name == name


def test_a_generator_that_repeats_anothers_images_is_refused(tmp_path: Path) -> None:
    reference, real = photographs(tmp_path / "a", 5, 0), photographs(tmp_path / "b", 40, 1)
    twin = Trained(named("decoder-nearest-relu-batch-none-l2-1"), Darker(0.5), "e" * 64, {})
    with pytest.raises(DataError, match=r"l2-0/\d+.png \(train\) and .*l2-1/\d+.png \(train\) have the same pixels"):
        list(built(SMALL, [decoder(), twin], reference=reference, real=real))


def test_an_image_is_reconstructed_the_same_whatever_stands_beside_it(tmp_path: Path) -> None:
    from manifpt.zoo.architectures import untrained

    design = named("decoder-nearest-relu-batch-none-l2-0")
    made = Trained(design, untrained(design).eval(), "", {})
    images = np.random.default_rng(0).integers(0, 256, (73, 32, 32, 3), np.uint8)
    whole = np.concatenate(list(reconstructed(made, images)))
    for place in (0, 37, 72):
        np.testing.assert_array_equal(
            np.concatenate(list(reconstructed(made, images[place : place + 1]))), whole[[place]]
        )


def test_held_out_reals_of_one_role_alone_are_no_class(tmp_path: Path) -> None:
    reference, real = photographs(tmp_path / "a", 5, 0), photographs(tmp_path / "b", 1, 1)
    with pytest.raises(
        DataError, match=r"none of the 1 held-out reals is for (train|test); expected some of either role"
    ):
        next(built(SMALL, [decoder()], reference=reference, real=real))
