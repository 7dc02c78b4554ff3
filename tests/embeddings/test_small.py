"""The spaces of small networks: published accuracy, laws, and the training of ``ssl-cifar``."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manifpt.embeddings.barlow import Recipe, Training
from manifpt.embeddings.embedding import Embedding, Images
from manifpt.embeddings.inference import NetworkEmbedding
from manifpt.embeddings.residual import SmallResNet
from manifpt.embeddings.small import CHECKPOINTS, CIFAR10, SelfSupervisedCIFAR, SupervisedCIFAR
from manifpt.errors import UnknownNameError, WeightsError

Built = Callable[..., NetworkEmbedding]


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of checkpoints as their publisher writes them, with random weights."""
    folder = tmp_path_factory.mktemp("weights")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for depth, filename in CHECKPOINTS.items():
            network = SmallResNet(((depth - 2) // 6,) * 3, (16, 32, 64), 10)
            state = {f"module.{name}": tensor for name, tensor in network.state_dict().items()}
            torch.save({"state_dict": state, "best_prec1": 10.0}, folder / filename)
    return folder


@pytest.fixture(params=["sl-cifar", "sl-cifar 56", "ssl-cifar"])
def embedding(request: pytest.FixtureRequest, weights: Path) -> Built:
    match request.param:
        case "sl-cifar":
            return lambda **settings: SupervisedCIFAR(weights=weights, **settings)
        case "sl-cifar 56":
            return lambda **settings: SupervisedCIFAR(weights=weights, depth=56, **settings)
        case _:
            return SelfSupervisedCIFAR


@pytest.fixture
def images() -> Images:
    return np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)


@pytest.mark.parametrize("layer", [None, 1, 2, 3])
def test_a_point_alone_is_its_point_in_a_batch(embedding: Built, layer: int | None, images: Images) -> None:
    space = embedding(layer=layer)
    together = space(images).values
    alone = np.concatenate([space(images[i : i + 1]).values for i in range(len(images))])
    space.batch = 3
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(space(images).values, together, rtol=1e-5, atol=1e-5)
    assert together.dtype == np.float32
    assert together.shape == (7, *space.shape(32, 32))
    assert together.std(axis=0).max() > 1e-3, "images differ, so their points must"


def test_the_last_maps_average_to_the_penultimate_features(embedding: Built, images: Images) -> None:
    maps, points = embedding(layer=3)(images).values, embedding()(images).values
    assert maps.shape[2:] == (8, 8)
    np.testing.assert_allclose(maps.mean(axis=(2, 3)), points, rtol=1e-5, atol=1e-5)


def test_global_state_is_left_alone(embedding: Built, images: Images) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    np.testing.assert_array_equal(embedding()(images).values, embedding()(images).values)
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads


def test_no_images_give_no_points(embedding: Built) -> None:
    for layer in (None, 2):
        space = embedding(layer=layer)
        assert space(np.zeros((0, 32, 32, 3), np.uint8)).values.shape == (0, *space.shape(32, 32))


def test_larger_images_are_averaged_over_areas(embedding: Built, images: Images) -> None:
    enlarged = images.repeat(8, axis=1).repeat(8, axis=2)
    space = embedding()
    np.testing.assert_allclose(space(enlarged).values, space(images).values, rtol=1e-5, atol=1e-5)
    assert space.shape(256, 256) == space.shape(32, 32)
    assert space(images[:, :20, :17]).values.shape == (7, *space.shape(20, 17))


def test_settings_hold_options_and_digest(weights: Path) -> None:
    space = SupervisedCIFAR(depth=56, layer=2, weights=weights)
    settings = space.settings()
    assert isinstance(space, Embedding)
    assert (settings["name"], settings["depth"], settings["layer"]) == ("sl-cifar", 56, 2)
    assert list(settings["sha256"]) == ["resnet56-4bfd9763.th"]
    packaged = SelfSupervisedCIFAR().settings()
    assert list(packaged["sha256"]) == ["ssl-cifar.safetensors"]
    assert len(packaged["sha256"]["ssl-cifar.safetensors"]) == 64


def test_unknown_layers_and_depths_are_refused_by_name() -> None:
    with pytest.raises(UnknownNameError) as caught:
        SelfSupervisedCIFAR(layer=4)
    assert str(caught.value) == (
        "ssl-cifar has no layer 4; expected a layer from 1 to 3, or none for penultimate features; try layer=3"
    )
    with pytest.raises(UnknownNameError, match="sl-cifar has no depth 44; expected 20 or 56; try depth=20"):
        SupervisedCIFAR(depth=44)


def test_a_checkpoint_of_another_depth_is_refused(weights: Path, images: Images) -> None:
    with pytest.raises(WeightsError, match=r"does not fit: .* expected resnet20-12fca82f\.th"):
        SupervisedCIFAR(weights=weights / CHECKPOINTS[56])(images)


def test_the_packaged_weights_are_small() -> None:
    (path,) = SelfSupervisedCIFAR().files()
    assert path.stat().st_size <= 3_000_000


def labelled(folder: Path, limit: int | None = None) -> tuple[Images, list[str]]:
    paths = sorted(folder.glob("*.png"))[:limit]
    return np.stack([np.asarray(Image.open(path)) for path in paths]), [path.stem.split("-")[1] for path in paths]


@pytest.mark.parametrize(("depth", "limit", "percent"), [(20, None, 91.6), (56, 500, 94.0)])
def test_the_published_networks_keep_their_accuracy(
    depth: int, limit: int | None, percent: float, shared_data: Path
) -> None:
    images, classes = labelled(shared_data / "reals" / "cifar10-test", limit)
    logits = SupervisedCIFAR(depth=depth, weights=shared_data / "weights").logits(images)
    found = [CIFAR10[index] for index in logits.argmax(1)]
    accuracy = 100 * np.mean([a == b for a, b in zip(found, classes, strict=True)])
    assert accuracy == pytest.approx(percent, abs=0.2)


def test_self_supervision_brings_images_of_one_class_together(shared_data: Path) -> None:
    images, classes = labelled(shared_data / "reals" / "cifar10-test")
    points = SelfSupervisedCIFAR()(images).values.astype(np.float64)
    points = (points - points.mean(0)) / points.std(0)
    distances = ((points[:, None] - points[None]) ** 2).sum(-1) + np.diag(np.full(len(points), np.inf))
    same = np.array(classes)[distances.argmin(1)] == np.array(classes)
    assert same.mean() > 0.4, "a tenth would be chance"


def test_a_resumed_training_is_the_uninterrupted_one(tmp_path: Path) -> None:
    reals = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), dtype=np.uint8)
    recipe = Recipe(blocks=(1, 1, 1), widths=(4, 8, 8), projection=16, steps=6, batch=16)
    whole, half = Training(reals, recipe), Training(reals, recipe)
    losses = [whole.advance() for _ in range(6)]
    for _ in range(3):
        half.advance()
    half.save(tmp_path / "checkpoint.safetensors")
    resumed = Training(reals, recipe).resume(tmp_path / "checkpoint.safetensors")
    assert [resumed.advance() for _ in range(3)] == losses[3:]
    whole.export(tmp_path / "whole.safetensors")
    resumed.export(tmp_path / "resumed.safetensors")
    assert (tmp_path / "whole.safetensors").read_bytes() == (tmp_path / "resumed.safetensors").read_bytes()
    points = SelfSupervisedCIFAR(weights=tmp_path / "whole.safetensors")(reals).values
    assert points.shape == (40, 8)
    with pytest.raises(ValueError, match="delete it to start afresh"):
        Training(reals, Recipe(steps=7)).resume(tmp_path / "checkpoint.safetensors")


def test_training_leaves_global_randomness_alone_and_obeys_its_seed() -> None:
    reals = np.random.default_rng(0).integers(0, 256, (32, 32, 32, 3), dtype=np.uint8)
    state = torch.get_rng_state()
    recipes = [
        Recipe(blocks=(1, 1, 1), widths=(4, 8, 8), projection=16, steps=2, batch=16, seed=seed) for seed in (0, 0, 1)
    ]
    first, same, other = (Training(reals, recipe).advance() for recipe in recipes)
    assert first == same != other
    assert torch.equal(state, torch.get_rng_state())
