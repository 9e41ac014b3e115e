"""Says what each tensor of the published files is called in the classes of diffusers and transformers."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from diffusers.loaders.single_file_utils import convert_wan_transformer_to_diffusers, convert_wan_vae_to_diffusers

Renaming = Mapping[str, tuple[str, ...]]
"""From the name in the file to the names in the class: several if it comes apart there, none if it is not needed."""

ADAPTER: Final = re.compile(r"audio_proj\.|blocks\.\d+\.(audio_cross_attn|norm_x)\.")
"""The audio branch, whose tensors are called the same everywhere."""

_CLIP: Final = (
    ("visual.", ""),
    ("cls_embedding", "embeddings.class_embedding"),
    ("pos_embedding", "embeddings.position_embedding.weight"),
    ("patch_embedding", "embeddings.patch_embedding"),
    ("pre_norm", "pre_layrnorm"),
    ("post_norm", "post_layernorm"),
    ("transformer.", "encoder.layers."),
    ("norm1", "layer_norm1"),
    ("norm2", "layer_norm2"),
    ("attn.proj", "self_attn.out_proj"),
    ("mlp.0", "mlp.fc1"),
    ("mlp.2", "mlp.fc2"),
)
"""In this order; `attn.to_qkv` is one tensor in the file and three in the class."""

_CLIP_UNUSED: Final = re.compile(r"textual\.|visual\.head|log_scale")
"""The published file holds the text's half of CLIP too."""

_TEXT: Final = (
    ("blocks.", "encoder.block."),
    (".norm1.", ".layer.0.layer_norm."),
    (".norm2.", ".layer.1.layer_norm."),
    (".attn.", ".layer.0.SelfAttention."),
    (".ffn.gate.0.", ".layer.1.DenseReluDense.wi_0."),
    (".ffn.fc1.", ".layer.1.DenseReluDense.wi_1."),
    (".ffn.fc2.", ".layer.1.DenseReluDense.wo."),
    (".pos_embedding.embedding.", ".layer.0.SelfAttention.relative_attention_bias."),
)

_TEXT_EMBEDDINGS: Final = ("shared.weight", "encoder.embed_tokens.weight")
"""One tensor under two names."""

_WAV2VEC_UNUSED: Final = re.compile(r"(wav2vec2\.)?masked_spec_embed|quantizer\.|project_(q|hid)\.|lm_head\.")
"""What it was trained with, and needs no more."""


def transformer(names: Iterable[str]) -> Renaming:
    """Rename Wan's tensors and leave the audio branch's alone, which the converter of diffusers would mangle."""
    told = list(names)
    wan = [name for name in told if not ADAPTER.match(name)]
    converted = convert_wan_transformer_to_diffusers({name: name for name in wan})
    return {old: (new,) for new, old in converted.items()} | unchanged(name for name in told if ADAPTER.match(name))


def vae(names: Iterable[str]) -> Renaming:
    return {old: (new,) for new, old in convert_wan_vae_to_diffusers({name: name for name in names}).items()}


def image_encoder(names: Iterable[str]) -> Renaming:
    return {name: _image_encoder(name) for name in names}


def text_encoder(names: Iterable[str]) -> Renaming:
    return {name: _text_encoder(name) for name in names}


def audio_encoder(names: Iterable[str]) -> Renaming:
    return {name: _audio_encoder(name) for name in names}


def unchanged(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    return {name: (name,) for name in names}


def image_encoder_of_diffusers(names: Iterable[str]) -> Renaming:
    return {name: (name.removeprefix("vision_model."),) for name in names if not name.endswith("position_ids")}


def text_encoder_of_diffusers(names: Iterable[str]) -> Renaming:
    """Rename nothing, but for the embeddings, of which files hold one, the other or both."""
    told = set(names)
    embeddings = [name for name in _TEXT_EMBEDDINGS if name in told]
    renaming = unchanged(told - set(_TEXT_EMBEDDINGS))
    return renaming | ({embeddings[0]: _TEXT_EMBEDDINGS, **dict.fromkeys(embeddings[1:], ())} if embeddings else {})


def _image_encoder(name: str) -> tuple[str, ...]:
    if _CLIP_UNUSED.match(name):
        return ()
    renamed = _replaced(name, _CLIP)
    if "attn.to_qkv" not in renamed:
        return (renamed,)
    return tuple(renamed.replace("attn.to_qkv", f"self_attn.{part}_proj") for part in "qkv")


def _text_encoder(name: str) -> tuple[str, ...]:
    if name == "token_embedding.weight":
        return _TEXT_EMBEDDINGS
    return ("encoder.final_layer_norm.weight",) if name == "norm.weight" else (_replaced(name, _TEXT),)


def _audio_encoder(name: str) -> tuple[str, ...]:
    """Newer torch calls the two halves of a normed weight differently."""
    if _WAV2VEC_UNUSED.match(name):
        return ()
    renamed = name.removeprefix("wav2vec2.")
    renamed = renamed.replace("conv.weight_g", "conv.parametrizations.weight.original0")
    return (renamed.replace("conv.weight_v", "conv.parametrizations.weight.original1"),)


def _replaced(name: str, pairs: Iterable[tuple[str, str]]) -> str:
    for old, new in pairs:
        name = name.replace(old, new)
    return name
