"""Builds the tiny models of the recorded numbers, their weights made by the rule and renamed like official files."""

from functools import cache
from typing import Any

import torch
from diffusers import AutoencoderKLWan
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModel

from tests.workers.infinitetalk import rule
from workers.infinitetalk.audio_branch import AudioShape
from workers.infinitetalk.pipeline import Models
from workers.infinitetalk.transformer import TalkTransformer
from workers.infinitetalk.weights import names


def wan_config(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "patch_size": tuple(told["patch_size"]),
        "num_attention_heads": told["num_heads"],
        "attention_head_dim": told["dim"] // told["num_heads"],
        "in_channels": told["in_dim"],
        "out_channels": told["out_dim"],
        "text_dim": told["text_dim"],
        "freq_dim": told["freq_dim"],
        "ffn_dim": told["ffn_dim"],
        "num_layers": told["num_layers"],
        "image_dim": told["image_dim"],
        "added_kv_proj_dim": told["dim"],
    }


def audio_shape(told: dict[str, Any]) -> AudioShape:
    return AudioShape(
        told["audio_layers"], told["audio_channels"], told["audio_hidden"], told["audio_tokens"], told["audio_out"]
    )


def transformer(config: str, seed: str) -> TalkTransformer:
    told = rule.cases("dit")["configs"][config]
    with torch.device("meta"):
        model = TalkTransformer(wan_config(told), audio_shape(told))
    official = tensors(seed, rule.cases("keys_tiny")["dit"][config])
    renaming = names.transformer(official)
    model.load_state_dict({renaming[name][0]: tensor for name, tensor in official.items()}, assign=True)
    model.settle()
    return model.eval().requires_grad_(requires_grad=False)


def tensors(seed: str, shapes: dict[str, list[int]], gain: float = 1.0) -> dict[str, Tensor]:
    return {name: torch.from_numpy(made) for name, made in rule.checkpoint(seed, shapes, gain).items()}


def signal(seed: str, name: str, *shape: int) -> Tensor:
    return torch.from_numpy(rule.signal(seed, name, *shape))


def zeros_to(rows: int, values: Tensor) -> Tensor:
    padded: Tensor = torch.nn.functional.pad(values, (0, 0, 0, rows - len(values)))
    return padded


def vae(seed: str, gain: float) -> AutoencoderKLWan:
    told = rule.cases("pipeline")["vae"]
    model = AutoencoderKLWan(
        base_dim=told["dim"],
        z_dim=told["z_dim"],
        dim_mult=told["dim_mult"],
        num_res_blocks=told["num_res_blocks"],
        temperal_downsample=told["temporal_downsample"],
        latents_mean=told["latents_mean"],
        latents_std=told["latents_std"],
    )
    official = tensors(seed, rule.cases("keys_tiny")["vae"], gain)
    renaming = names.vae(official)
    model.load_state_dict({renaming[name][0]: tensor for name, tensor in official.items()})
    return model.eval().requires_grad_(requires_grad=False)


def image_encoder(seed: str, dim: int) -> CLIPVisionModel:
    told = rule.cases("pipeline")["clip"]
    config = CLIPVisionConfig(
        hidden_size=dim,
        intermediate_size=dim * told["mlp_ratio"],
        num_hidden_layers=told["num_layers"],
        num_attention_heads=told["num_heads"],
        image_size=told["image_size"],
        patch_size=told["patch_size"],
        hidden_act=told["activation"],
    )
    model = CLIPVisionModel(config)
    official = tensors(seed, rule.cases("keys_tiny")["clip"]["tiny"])
    renamed: dict[str, Tensor] = {}
    for name, parts in names.image_encoder(official).items():
        renamed.update(zip(parts, official[name].chunk(len(parts)), strict=True))
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    model.load_state_dict({name: tensor.reshape(shapes[name]) for name, tensor in renamed.items()})
    return model.eval().requires_grad_(requires_grad=False)


@cache
def loaded(config: str, seed: str, vae_gain: float) -> Models:
    dim = rule.cases("dit")["configs"][config]["image_dim"]
    return Models(transformer(config, seed), vae(seed, vae_gain), image_encoder(seed, dim))
