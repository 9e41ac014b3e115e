"""The five models a video needs: in which files each lies, how its tensors are renamed, and how it is built empty."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from diffusers import AutoencoderKLWan
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel, UMT5Config, UMT5EncoderModel, Wav2Vec2Config, Wav2Vec2Model

from workers.infinitetalk.audio_branch import PUBLISHED, AudioShape
from workers.infinitetalk.transformer import TalkTransformer
from workers.infinitetalk.weights.headers import Shapes
from workers.infinitetalk.weights.names import Renaming

CLIP_HEAD_WIDTH = 80
"""CLIP ViT-H has 16 heads over 1280; no file says so."""


Model = TypeVar("Model", bound=nn.Module)


@dataclass(frozen=True)
class Part(Generic[Model]):
    """One model and its files. `build` makes it on the meta device, as large as the tensors in the files say.

    It is given their shapes by the names they have in the class; a KeyError says which it could not do without.
    """

    name: str
    files: tuple[Path, ...]
    rename: Callable[[Iterable[str]], Renaming]
    build: Callable[[Shapes], Model]


def transformer(told: Mapping[str, Any], audio: AudioShape = PUBLISHED) -> Callable[[Shapes], TalkTransformer]:
    """Build from a config.json, the original's or that of diffusers; what neither says is read off the tensors."""

    def build(shapes: Shapes) -> TalkTransformer:
        dim = shapes["patch_embedding.weight"][0]
        heads = told.get("num_heads") or told.get("num_attention_heads") or dim // 128
        kv_width = shapes["blocks.0.audio_cross_attn.kv_linear.weight"][1]
        wan = {
            "patch_size": (1, 2, 2),
            "num_attention_heads": heads,
            "attention_head_dim": dim // heads,
            "in_channels": shapes["patch_embedding.weight"][1],
            "out_channels": shapes["proj_out.weight"][0] // 4,
            "text_dim": shapes["condition_embedder.text_embedder.linear_1.weight"][1],
            "freq_dim": shapes["condition_embedder.time_embedder.linear_1.weight"][1],
            "ffn_dim": shapes["blocks.0.ffn.net.0.proj.weight"][0],
            "num_layers": told.get("num_layers") or _count(shapes, "blocks."),
            "image_dim": shapes["condition_embedder.image_embedder.norm1.weight"][0],
            "added_kv_proj_dim": shapes["blocks.0.attn2.add_k_proj.weight"][1],
        }
        hidden, tokens = shapes["audio_proj.proj2.weight"][0], shapes["audio_proj.proj3.weight"][0] // kv_width
        with torch.device("meta"):
            return TalkTransformer(wan, AudioShape(audio.layers, audio.channels, hidden, tokens, kv_width))

    return build


def vae(shapes: Shapes) -> AutoencoderKLWan:
    with torch.device("meta"):
        return AutoencoderKLWan(base_dim=shapes["encoder.conv_in.weight"][0])


def image_encoder(shapes: Shapes) -> CLIPVisionModel:
    width, _, patch, _ = shapes["embeddings.patch_embedding.weight"]
    positions = shapes["embeddings.position_embedding.weight"][-2]
    config = CLIPVisionConfig(
        hidden_size=width,
        intermediate_size=shapes["encoder.layers.0.mlp.fc1.weight"][0],
        num_hidden_layers=_count(shapes, "encoder.layers."),
        num_attention_heads=max(1, width // CLIP_HEAD_WIDTH),
        image_size=round((positions - 1) ** 0.5) * patch,
        patch_size=patch,
        hidden_act="gelu",
    )
    with torch.device("meta"):
        model = CLIPVisionModel(config)
    # No file holds them.
    model.embeddings.position_ids = torch.arange(positions)[None]
    return model


def text_encoder(shapes: Shapes) -> UMT5EncoderModel:
    vocabulary, width = shapes["shared.weight"]
    buckets, heads = shapes["encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"]
    config = UMT5Config(
        vocab_size=vocabulary,
        d_model=width,
        d_kv=shapes["encoder.block.0.layer.0.SelfAttention.q.weight"][0] // heads,
        d_ff=shapes["encoder.block.0.layer.1.DenseReluDense.wi_0.weight"][0],
        num_layers=_count(shapes, "encoder.block."),
        num_heads=heads,
        relative_attention_num_buckets=buckets,
        relative_attention_max_distance=128,
        feed_forward_proj="gated-gelu",
    )
    with torch.device("meta"):
        return UMT5EncoderModel(config)


def audio_encoder(told: Mapping[str, Any]) -> Callable[[Shapes], Wav2Vec2Model]:
    """Build from a config.json; without training's masks, of which nothing is needed."""

    def build(_shapes: Shapes) -> Wav2Vec2Model:
        config = Wav2Vec2Config(**{**told, "mask_time_prob": 0.0, "mask_feature_prob": 0.0, "layerdrop": 0.0})
        with torch.device("meta"):
            return Wav2Vec2Model(config)

    return build


def _count(shapes: Shapes, prefix: str) -> int:
    """Count the layers whose tensors begin like this and a number."""
    return len({name.removeprefix(prefix).split(".")[0] for name in shapes if name.startswith(prefix)})
