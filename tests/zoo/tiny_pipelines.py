"""The smallest diffusers pipelines of several kinds, as folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

REASON = "needs diffusers (pip install 'manifpt[zoo]')"
KINDS = ("ddpm", "ddim", "latent", "consistency", "score", "classes", "text", "grey")
STEPS = 20
OLD = {"num_train_timesteps": STEPS}


def written(kind: str, folder: Path) -> Path:
    """Write a pipeline of 8 × 8 pixels (latent ones: 16 × 16) with random weights; return its folder."""
    pytest.importorskip("diffusers", reason=REASON)
    from manifpt.zoo.diffusers_library import quiet

    with quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(KINDS.index(kind))
        made: Any = MADE[kind]()
        made.save_pretrained(folder)
    return folder


def _unet(**settings: Any) -> Any:
    from diffusers import UNet2DModel

    wanted: dict[str, Any] = {
        "sample_size": 8,
        "block_out_channels": (4, 8),
        "layers_per_block": 1,
        "norm_num_groups": 2,
        "down_block_types": ("DownBlock2D",) * 2,
        "up_block_types": ("UpBlock2D",) * 2,
        "add_attention": False,
    }
    return UNet2DModel(**(wanted | settings))


def _autoencoder() -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=2,
        latent_channels=4,
    )


def _ddpm(**settings: Any) -> Any:
    from diffusers import DDPMPipeline, DDPMScheduler

    return DDPMPipeline(_unet(**settings), DDPMScheduler(**OLD))


def _ddim() -> Any:
    from diffusers import DDIMPipeline, DDIMScheduler

    return DDIMPipeline(_unet(), DDIMScheduler(**OLD))


def _latent() -> Any:
    from diffusers import DDPMScheduler, LDMPipeline, VQModel

    vqvae = VQModel(
        block_out_channels=(4, 8),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        norm_num_groups=2,
        latent_channels=3,
        num_vq_embeddings=8,
    )
    # Its sampler draws noise without asking the generators.
    return LDMPipeline(vqvae, _unet(), DDPMScheduler(**OLD))


def _consistency() -> Any:
    from diffusers import CMStochasticIterativeScheduler, ConsistencyModelPipeline

    # It draws classes without asking the generators.
    return ConsistencyModelPipeline(_unet(num_class_embeds=5), CMStochasticIterativeScheduler())


def _score() -> Any:
    from diffusers import ScoreSdeVePipeline, ScoreSdeVeScheduler

    # The length of its steps depends on the images that are made together.
    return ScoreSdeVePipeline(_unet(), ScoreSdeVeScheduler(**OLD))


def _classes() -> Any:
    from diffusers import DDIMScheduler, DiTPipeline, DiTTransformer2DModel

    transformer = DiTTransformer2DModel(
        num_attention_heads=2,
        attention_head_dim=4,
        in_channels=4,
        out_channels=4,
        num_layers=1,
        norm_num_groups=2,
        sample_size=8,
        patch_size=2,
        num_embeds_ada_norm=1000,
    )
    return DiTPipeline(transformer, _autoencoder(), DDIMScheduler(**OLD))


def _text() -> Any:
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["<|startoftext|>", "<|endoftext|>", *letters, *(f"{letter}</w>" for letter in letters)]
    tokenizer = CLIPTokenizer(vocab={word: place for place, word in enumerate(words)}, merges=[], model_max_length=8)
    text = CLIPTextConfig(
        vocab_size=len(words),
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=8,
        bos_token_id=0,
        eos_token_id=1,
        projection_dim=8,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(4, 8),
        layers_per_block=1,
        norm_num_groups=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=8,
        attention_head_dim=2,
    )
    return StableDiffusionPipeline(
        _autoencoder(),
        CLIPTextModel(text),
        tokenizer,
        unet,
        DDIMScheduler(**OLD),
        None,
        None,
        requires_safety_checker=False,
    )


def _grey() -> Any:
    return _ddpm(in_channels=1, out_channels=1)


MADE = {
    "ddpm": _ddpm, "ddim": _ddim, "latent": _latent, "consistency": _consistency, "score": _score,
    "classes": _classes, "text": _text, "grey": _grey,
}  # fmt: skip
