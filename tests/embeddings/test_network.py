"""The laws of large networks' spaces, on tiny networks with random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import (
    BertConfig,
    BertModel,
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    ConvNextConfig,
    ConvNextModel,
    Dinov2Config,
    Dinov2Model,
    ResNetConfig,
    ResNetModel,
    ViTConfig,
    ViTForImageClassification,
    ViTModel,
)

from manifpt.embeddings.embedding import Embedding, Images
from manifpt.embeddings.network import HuggingFace, SelfSupervised, Supervised
from manifpt.errors import UnknownNameError, WeightsError
from manifpt.registry import built

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
VISION = {**TINY, "image_size": 32, "patch_size": 8}
TEXT = {
    **TINY,
    "vocab_size": 50,
    "max_position_embeddings": 8,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
RESNET = {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}


NETWORKS: dict[str, Callable[[], Any]] = {
    "vit": lambda: ViTModel(ViTConfig(**VISION)),
    "vit-classifier": lambda: ViTForImageClassification(ViTConfig(**VISION)),
    "clip-vision": lambda: CLIPVisionModel(CLIPVisionConfig(**VISION)),
    "clip": lambda: CLIPModel(CLIPConfig(vision_config=VISION, text_config=TEXT)),
    "dinov2": lambda: Dinov2Model(Dinov2Config(**VISION, mlp_ratio=2)),
    "resnet": lambda: ResNetModel(ResNetConfig(**RESNET)),
    "convnext": lambda: ConvNextModel(ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2)),
    "bert": lambda: BertModel(BertConfig(**TINY, vocab_size=50)),
}
KINDS = tuple(kind for kind in NETWORKS if kind != "bert")


def network(kind: str) -> Any:
    """The same random network whenever it is asked for, in evaluation mode."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return NETWORKS[kind]().eval()


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in NETWORKS:
        network(kind).save_pretrained(folder / kind)
    return folder


@pytest.fixture
def images() -> Images:
    return np.random.default_rng(0).integers(0, 256, (5, 40, 48, 3), dtype=np.uint8)


@pytest.mark.parametrize("layer", ["", "@0", "@1", "@-1"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_point_alone_is_its_point_in_a_batch(kind: str, layer: str, models: Path, images: Images) -> None:
    embedding = built("embeddings", f"hf:{models / kind}{layer}")
    together = embedding(images).values
    embedding.batch = 2
    alone = np.concatenate([embedding(images[i : i + 1]).values for i in range(len(images))])
    assert together.dtype == np.float32
    assert together.shape == (5, *embedding.shape(40, 48))
    np.testing.assert_allclose(alone, together, atol=1e-5)
    np.testing.assert_allclose(embedding(images).values, together, atol=1e-5)
    assert together.std(axis=0).max() > 1e-4, "images differ, so their points must"


@pytest.mark.parametrize("kind", KINDS)
def test_two_instances_agree_and_leave_global_state_alone(kind: str, models: Path, images: Images) -> None:
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first, second = (HuggingFace(f"{models / kind}") for _ in range(2))
    np.testing.assert_array_equal(first(images).values, second(images).values)
    assert first.settings() == second.settings()
    assert torch.equal(state, torch.get_rng_state())
    assert torch.get_num_threads() == threads
    assert torch.get_default_dtype() == torch.float32


def test_no_images_give_no_points_of_the_right_shape(models: Path) -> None:
    embedding = HuggingFace(str(models / "vit"))
    assert embedding(np.zeros((0, 32, 32, 3), np.uint8)).values.shape == (0, 16)


def test_every_network_is_an_embedding() -> None:
    for embedding in (HuggingFace("owner/name"), Supervised(), SelfSupervised()):
        assert isinstance(embedding, Embedding)
        assert embedding.costly


def test_the_pooled_output_is_the_default_point(models: Path, images: Images) -> None:
    for kind in ("vit", "clip-vision", "dinov2", "resnet", "convnext"):
        embedding = HuggingFace(str(models / kind))
        with torch.inference_mode():
            expected = network(kind)(embedding.preprocessing(images)).pooler_output.flatten(1)
        np.testing.assert_allclose(embedding(images).values, expected.numpy(), atol=1e-6)


def test_of_clip_the_vision_tower_is_taken_with_its_own_weights(models: Path, images: Images) -> None:
    embedding = HuggingFace(str(models / "clip"))
    with torch.inference_mode():
        tower = network("clip").vision_model
        expected = tower(embedding.preprocessing(images)).pooler_output
    np.testing.assert_allclose(embedding(images).values, expected.numpy(), atol=1e-6)


def test_a_checkpoint_without_pooler_gives_the_class_token_never_random_weights(models: Path, images: Images) -> None:
    embedding = HuggingFace(str(models / "vit-classifier"))
    with torch.inference_mode():
        inner = network("vit-classifier").vit
        expected = inner(embedding.preprocessing(images)).last_hidden_state[:, 0]
    np.testing.assert_allclose(embedding(images).values, expected.numpy(), atol=1e-6)


def test_a_layer_is_the_class_token_or_the_mean_over_positions(models: Path, images: Images) -> None:
    reductions: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "vit": lambda hidden: hidden[:, 0],
        "resnet": lambda hidden: hidden.mean(dim=(2, 3)),
    }
    for kind, reduced in reductions.items():
        embedding = HuggingFace(f"{models / kind}@1")
        with torch.inference_mode():
            states = network(kind)(embedding.preprocessing(images), output_hidden_states=True).hidden_states
        np.testing.assert_allclose(embedding(images).values, reduced(states[1]).numpy(), atol=1e-6)


def test_negative_layers_count_from_the_last(models: Path, images: Images) -> None:
    last, same = (HuggingFace(f"{models / 'vit'}@{layer}")(images).values for layer in (-1, 2))
    np.testing.assert_array_equal(last, same)


def test_a_layer_out_of_range_names_the_range(models: Path, images: Images) -> None:
    with pytest.raises(UnknownNameError, match=r"has no layer 3; expected a layer from -3 to 2; try hf:.*@-1"):
        HuggingFace(f"{models / 'vit'}@3")(images)


def test_a_layer_that_is_no_number_is_refused_at_once() -> None:
    with pytest.raises(UnknownNameError, match="'' is not a layer of owner/name"):
        HuggingFace("owner/name@")
    with pytest.raises(UnknownNameError) as caught:
        HuggingFace("owner/name@last")
    assert str(caught.value) == (
        "'last' is not a layer of owner/name; expected a whole number after @; try hf:owner/name@-1"
    )


def test_settings_tell_weights_apart_not_paths(models: Path, tmp_path: Path) -> None:
    vit = HuggingFace(str(models / "vit")).settings()
    assert set(vit["sha256"]) == {"config.json", "model.safetensors"}
    other = network("vit")
    with torch.no_grad():
        next(other.parameters()).add_(1)
    other.save_pretrained(tmp_path)
    assert HuggingFace(str(tmp_path)).settings()["sha256"] != vit["sha256"]
    network("vit").save_pretrained(tmp_path)
    assert HuggingFace(str(tmp_path)).settings()["sha256"] == vit["sha256"]


def test_a_text_network_is_refused(models: Path, images: Images) -> None:
    with pytest.raises(WeightsError, match="BertModel does not take images; expected a vision model"):
        HuggingFace(str(models / "bert"))(images)


def test_a_checkpoint_that_lacks_weights_is_refused(models: Path, images: Images, tmp_path: Path) -> None:
    model = network("vit")
    state = {name: tensor for name, tensor in model.state_dict().items() if "layers.0" not in name}
    assert len(state) < len(model.state_dict())
    model.save_pretrained(tmp_path, state_dict=state)
    with pytest.raises(WeightsError, match=r"lacks \d+ weights of ViTModel"):
        HuggingFace(str(tmp_path))(images)


def test_sl_refuses_another_network(models: Path, images: Images) -> None:
    with pytest.raises(WeightsError, match=r"holds another network \(vit\); expected a ResNet-50"):
        Supervised(weights=models / "vit")(images)


def test_sl_is_the_pooled_output_of_a_resnet50(images: Images, tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        resnet = ResNetModel(ResNetConfig()).eval()
    resnet.save_pretrained(tmp_path / "sl")
    embedding = Supervised(weights=tmp_path / "sl")
    points = embedding(images[:2]).values
    assert points.shape == (2, 2048)
    assert embedding.settings()["name"] == "sl"
    with torch.inference_mode():
        expected = resnet(embedding.preprocessing(images[:2])).pooler_output.flatten(1)
    np.testing.assert_allclose(points, expected.numpy(), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(embedding(images[1:2]).values, points[1:], rtol=1e-5, atol=1e-5)
