"""diffusers pipelines draw images by seed and place, and nothing but safetensors of known networks is opened."""

from __future__ import annotations

import functools
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from manifpt.errors import DataError, ImageError, ManifptError, NumbersError, WeightsError
from manifpt.zoo import pipelines
from manifpt.zoo.source import Images, Source

from ..methods.forgeries import pickles
from .tiny_pipelines import KINDS, REASON, written

diffusers = pytest.importorskip("diffusers", reason=REASON)
RGB = [kind for kind in KINDS if kind != "grey"]
LETTERS = ["a cat", "a dog", "b"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    root = tmp_path_factory.mktemp("pipelines")
    return functools.cache(lambda kind: written(kind, root / kind))


@pytest.fixture
def copied(folders: Callable[[str], Path], tmp_path: Path) -> Callable[[str], Path]:
    return lambda kind: Path(shutil.copytree(folders(kind), tmp_path / kind))


def opened(folder: Path, **settings: Any) -> Source:
    prompts = LETTERS if folder.name == "text" else ()
    return pipelines.source(str(folder), name="x", **{"steps": 2, "prompts": prompts, **settings})


def joined(source: Source, count: int, **numbers: int) -> Images:
    return np.concatenate(list(source.draw(count, **numbers)))


@pytest.mark.parametrize("kind", RGB)
def test_an_image_depends_on_seed_and_place_alone(folders: Callable[[str], Path], kind: str) -> None:
    source = opened(folders(kind))
    torch.manual_seed(0)
    whole = joined(source, 19, seed=3)
    side = 16 if kind in ("latent", "classes", "text") else 8
    assert (whole.shape, whole.dtype) == ((19, side, side, 3), np.uint8)
    assert len(np.unique(whole.reshape(19, -1), axis=0)) == 19
    torch.manual_seed(1)
    np.testing.assert_array_equal(joined(source, 6, seed=3, start=5), whole[5:11])
    np.testing.assert_array_equal(joined(opened(folders(kind)), 1, seed=3, start=18), whole[18:])
    assert list(source.draw(0, seed=3, start=2)) == []
    assert not np.array_equal(joined(source, 1, seed=4), whole[:1])


@pytest.mark.parametrize("kind", ["ddpm", "ddim", "consistency"])
def test_how_many_images_are_made_together_changes_none(
    folders: Callable[[str], Path], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = opened(folders(kind))
    together = joined(source, 9).astype(int)
    monkeypatch.setattr(pipelines, "TOGETHER", 1)
    # Sums of other shapes round otherwise.
    np.testing.assert_allclose(joined(source, 9), together, atol=1)


def test_pipelines_leave_the_global_generator_as_it_was(folders: Callable[[str], Path]) -> None:
    before = torch.get_rng_state()
    joined(opened(folders("consistency")), 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_prompts_are_taken_in_turn(folders: Callable[[str], Path]) -> None:
    several = joined(opened(folders("text")), 4)
    for place, prompt in enumerate([*LETTERS, LETTERS[0]]):
        alone = joined(opened(folders("text"), prompts=[prompt]), 1, start=place)
        np.testing.assert_array_equal(alone[0], several[place])
    assert not np.array_equal(joined(opened(folders("text"), prompts=["z"]), 1)[0], several[0])


def test_steps_are_those_of_the_sampler(folders: Callable[[str], Path]) -> None:
    few, many = (joined(opened(folders("ddim"), steps=steps), 1) for steps in (2, 10))
    assert not np.array_equal(few, many)
    alone, one = (joined(opened(folders("consistency"), steps=steps), 1) for steps in (None, 1))
    np.testing.assert_array_equal(alone, one)


def test_nothing_is_written_to_the_terminal(folders: Callable[[str], Path], capfd: pytest.CaptureFixture[str]) -> None:
    for kind in ("ddpm", "text"):
        joined(opened(folders(kind)), 1)
    assert capfd.readouterr() == ("", "")


def test_the_digest_is_that_of_what_decides_the_images_wherever_it_lies(copied: Callable[[str], Path]) -> None:
    folder = copied("ddpm")
    first = opened(folder).digest
    assert re.fullmatch("[0-9a-f]{64}", first)
    (folder / "README.md").write_text("a card")
    moved = folder.rename(folder.with_name("moved"))
    assert opened(moved).digest == first
    settings = moved / "scheduler" / "scheduler_config.json"
    settings.write_text(settings.read_text().replace('"linear"', '"squaredcos_cap_v2"'))
    second = opened(moved).digest
    weights = moved / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(weights)
    save_file({name: value + 1e-3 for name, value in tensors.items()}, weights)
    assert len({first, second, opened(moved).digest}) == 3


def test_an_old_pipeline_of_one_network_lies_flat(copied: Callable[[str], Path]) -> None:
    folder = copied("ddim")
    nested = opened(folder)
    images = joined(nested, 2)
    for part in ("unet", "scheduler"):
        for file in (folder / part).iterdir():
            file.rename(folder / file.name)
        (folder / part).rmdir()
    flat = opened(folder)
    np.testing.assert_array_equal(joined(flat, 2), images)
    assert flat.digest != nested.digest


def test_a_repository_is_known_by_its_commit(
    folders: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = tmp_path / "snapshots" / ("a" * 40)
    shutil.copytree(folders("ddim"), snapshot)
    asked = []
    monkeypatch.setattr(
        diffusers.DiffusionPipeline,
        "download",
        lambda place, **settings: asked.append((place, settings)) or str(snapshot),
    )
    source = pipelines.source("owner/name", name="x", steps=1)
    assert source.digest == "a" * 40
    assert asked == [("owner/name", {"use_safetensors": True, "trust_remote_code": False})]


def test_without_a_network_a_repository_fails_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        WeightsError, match=r"^nobody/nothing is no folder, and neither .* gives it .*check the name"
    ) as no:
        pipelines.source("nobody/nothing", name="x")
    assert "\n" not in str(no.value)
    assert len(str(no.value)) < 500
    assert capfd.readouterr() == ("", "")


def no_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


def no_json(folder: Path) -> None:
    (folder / "model_index.json").write_text("{")


def a_list(folder: Path) -> None:
    (folder / "model_index.json").write_text("[]")


def unknown_pipeline(folder: Path) -> None:
    indexed(folder, _class_name="TimePipeline")


def no_pipeline(folder: Path) -> None:
    indexed(folder, _class_name="UNet2DModel")


def own_pipeline(folder: Path) -> None:
    (folder / "pipeline.py").write_text("raise SystemExit")
    indexed(folder, _class_name=["pipeline", "Mine"])


def own_component(folder: Path) -> None:
    (folder / "unet" / "mine.py").write_text("raise SystemExit")
    indexed(folder, unet=["mine", "UNet2DModel"])


def shadowed_component(folder: Path) -> None:
    (folder / "unet" / "diffusers.py").write_text("raise SystemExit")


def other_library(folder: Path) -> None:
    indexed(folder, unet=["subprocess", "Popen"])


def mapped_class(folder: Path) -> None:
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"auto_map": {"AutoModel": "else/where--mine.Mine"}}))


def climbing_component(folder: Path) -> None:
    indexed(folder, **{"../unet": ["diffusers", "UNet2DModel"]})


def no_weights(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()


def torn_weights(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    path.write_bytes(path.read_bytes()[:-20])


def fewer_weights(folder: Path) -> None:
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    del tensors["conv_in.weight"]
    save_file(tensors, path)


def indexed(folder: Path, **changes: Any) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (no_index, "has no model_index.json; expected a pipeline as save_pretrained writes it"),
        (no_json, r"model_index.json of .* cannot be read \(JSONDecodeError"),
        (a_list, "names no pipeline"),
        (unknown_pipeline, r"is a TimePipeline, which diffusers [\d.]+ does not know"),
        (no_pipeline, "is a UNet2DModel, which diffusers"),
        (own_pipeline, r"is a pipeline of its own code \(pipeline.Mine\); .*others' code is never run"),
        (own_component, "unet of .* comes from mine"),
        (shadowed_component, "unet of .* brings its own code"),
        (other_library, "unet of .* comes from subprocess"),
        (mapped_class, r"unet of .* brings its own code \(config.json has an auto_map\)"),
        (climbing_component, "has a part '../unet', which is no name"),
        (no_weights, r"diffusers cannot open .* \(OSError: "),
        (torn_weights, "diffusers cannot open"),
        (fewer_weights, r"unet of .* lacks 1 weights of UNet2DModel \(conv_in.weight, …\)"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_is_no_sound_pipeline_is_refused_in_one_line(
    copied: Callable[[str], Path], change: Callable[[Path], None], text: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = copied("ddpm")
    change(folder)
    with pytest.raises(WeightsError, match=text) as refused:
        opened(folder)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


def test_pickled_weights_are_refused_and_never_opened(copied: Callable[[str], Path], tmp_path: Path) -> None:
    sentinel = tmp_path / "sentinel"
    for kind, part in (("ddpm", "unet"), ("text", "text_encoder")):
        folder = copied(kind)
        (weights,) = (folder / part).glob("*.safetensors")
        weights.unlink()
        name = "pytorch_model.bin" if part == "text_encoder" else "diffusion_pytorch_model.bin"
        (folder / part / name).write_bytes(pickles(sentinel)["torch.pt"])
        with pytest.raises(WeightsError, match=f"{part} of .* holds only {name}; expected safetensors .*never opens"):
            opened(folder)
    assert not sentinel.exists()


@pytest.mark.parametrize(
    ("kind", "settings", "text"),
    [
        ("text", {"prompts": ()}, "is a StableDiffusionPipeline, which makes images from text; .*give --prompt TEXT"),
        ("ddpm", {"prompts": ["a"]}, "is a DDPMPipeline, which takes no --prompt"),
    ],
)
def test_settings_that_a_pipeline_lacks_or_needs_are_named(
    folders: Callable[[str], Path], kind: str, settings: dict[str, Any], text: str
) -> None:
    with pytest.raises(DataError, match=text):
        opened(folders(kind), **settings)


def test_a_pipeline_that_needs_more_than_noise_and_text_is_refused(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diffusers.DDPMPipeline, "__call__", lambda self, image, batch_size=1: None)
    with pytest.raises(DataError, match="which needs image; expected a pipeline that makes images from noise or text"):
        opened(folders("ddpm"))
    monkeypatch.setattr(diffusers.DDPMPipeline, "__call__", lambda self, batch_size=1: None)
    with pytest.raises(DataError, match="which takes no --steps"):
        opened(folders("ddpm"))


def test_too_many_steps_are_told_in_one_line(folders: Callable[[str], Path]) -> None:
    with pytest.raises(ImageError, match=r"ddpm stopped with ValueError: .*; correct --steps and --prompt") as told:
        joined(opened(folders("ddpm"), steps=21), 1)
    assert "\n" not in str(told.value)


def returning(monkeypatch: pytest.MonkeyPatch, result: Callable[[int], Any]) -> None:
    @functools.wraps(diffusers.DDPMPipeline.__call__)
    def call(self: Any, batch_size: int = 1, **settings: Any) -> Any:
        return result(batch_size)

    monkeypatch.setattr(diffusers.DDPMPipeline, "__call__", call)


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (lambda count: np.zeros((count, 8, 8, 1)), r"shape \(8, 8, 8, 1\); expected shape \(8, height, width, 3\)"),
        (lambda count: np.zeros((count, 3, 8, 8)), r"shape \(8, 3, 8, 8\); .*; move the channels to the end"),
        (lambda count: np.zeros((count - 1, 8, 8, 3)), r"shape \(7, 8, 8, 3\); expected shape \(8, height"),
        (lambda count: np.zeros((count, 8, 8, 3)) - 1, r"floats from -1 to -1; expected uint8, or floats in \[0, 1\]"),
        (lambda count: np.full((count, 8, 8, 3), np.nan), "1536 values that are NaN or infinite; expected finite"),
        (lambda count: [np.zeros((8 + i, 8, 3)) for i in range(count)], "several sizes: 8 × 8 and 8 × 9; expected one"),
        (lambda count: np.zeros((count, 8, 8, 3), np.int64), "type int64; expected uint8"),
    ],
)
def test_a_pipeline_that_returns_nonsense_is_refused(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, result: Callable[[int], Any], text: str
) -> None:
    returning(monkeypatch, lambda count: SimpleNamespace(images=result(count)))
    with pytest.raises(ImageError, match=f"ddpm returned .*{text}"):
        joined(opened(folders("ddpm")), 3)


def test_a_pipeline_of_grey_images_is_refused(folders: Callable[[str], Path]) -> None:
    with pytest.raises(ImageError, match=r"grey returned values of shape \(8, 8, 8, 1\)"):
        joined(opened(folders("grey")), 1)


def test_weights_that_are_nan_are_found_before_they_become_pixels(copied: Callable[[str], Path]) -> None:
    folder = copied("ddpm")
    path = folder / "unet" / "diffusion_pytorch_model.safetensors"
    save_file({name: torch.full_like(value, torch.nan) for name, value in load_file(path).items()}, path)
    with pytest.raises(ImageError, match="ddpm returned 1536 values that are NaN or infinite"):
        joined(opened(folder), 3)


def test_an_image_that_the_safety_checker_blacked_out_is_told(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    returning(
        monkeypatch,
        lambda count: SimpleNamespace(images=np.zeros((count, 8, 8, 3)), nsfw_content_detected=[False, True]),
    )
    with pytest.raises(ImageError, match=r"blacked out .* with its safety checker"):
        joined(opened(folders("ddpm")), 1)


def test_images_that_are_pictures_of_pillow_are_taken_bit_for_bit(
    folders: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3), np.uint8)
    returning(monkeypatch, lambda count: SimpleNamespace(images=[Image.fromarray(one) for one in pixels]))
    np.testing.assert_array_equal(joined(opened(folders("ddpm")), 8), pixels)


def test_negative_numbers_are_refused(folders: Callable[[str], Path]) -> None:
    with pytest.raises(NumbersError, match="expected numbers from 0 up"):
        joined(opened(folders("ddpm")), 1, start=-1)


def test_without_diffusers_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    # None in its place makes an import fail as if nothing were installed.
    for name in [*sys.modules]:
        if name == "diffusers" or name.startswith("diffusers."):
            monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ManifptError, match=r"diffusers cannot be imported .*; pip install 'manifpt\[zoo\]'$"):
        pipelines.source("anything", name="x")


@pytest.mark.parametrize("place", ["no/such/folder", "./nothing", "nothing"])
def test_a_folder_that_is_not_there_is_not_sought_on_the_hub(place: str) -> None:
    with pytest.raises(WeightsError, match=f"there is no folder {place}"):
        pipelines.source(place, name="x")
