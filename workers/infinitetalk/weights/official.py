"""Knows what the tensors of the original files may be called; a class says which of them there are."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

import torch
from torch import Tensor, nn

from workers.infinitetalk.weights import check, names
from workers.infinitetalk.weights.names import Renaming

_LEAVES: Final = ("weight", "bias")
_MOST_LAYERS: Final = 64
_WAN_STEM: Final = (
    "patch_embedding",
    "text_embedding.0",
    "text_embedding.2",
    "time_embedding.0",
    "time_embedding.2",
    "time_projection.1",
    "head.head",
    *(f"img_emb.proj.{index}" for index in (0, 1, 3, 4)),
    *(f"audio_proj.{name}" for name in ("proj1", "proj1_vf", "proj2", "proj3", "norm")),
)
_WAN_BLOCK: Final = (
    *(f"{attention}.{name}" for attention in ("self_attn", "cross_attn") for name in ("q", "k", "v", "o")),
    *(f"{attention}.{name}" for attention in ("self_attn", "cross_attn") for name in ("norm_q", "norm_k")),
    *(f"cross_attn.{name}" for name in ("k_img", "v_img", "norm_k_img")),
    *(f"audio_cross_attn.{name}" for name in ("q_linear", "kv_linear", "proj")),
    *("norm3", "norm_x", "ffn.0", "ffn.2"),
)
_VAE_BLOCK: Final = (
    *(f"residual.{index}.gamma" for index in (0, 3)),
    *(
        f"{name}.{leaf}"
        for name in ("residual.2", "residual.6", "shortcut", "resample.1", "time_conv")
        for leaf in _LEAVES
    ),
)
_VAE_MIDDLE: Final = ("1.norm.gamma", *(f"1.{name}.{leaf}" for name in ("to_qkv", "proj") for leaf in _LEAVES))
_VAE_MOST_BLOCKS: Final = 16
_CLIP_STEM: Final = ("cls_embedding", "pos_embedding", "patch_embedding.weight")
_CLIP_BLOCK: Final = ("norm1", "norm2", "attn.to_qkv", "attn.proj", "mlp.0", "mlp.2")
_TEXT_BLOCK: Final = (
    *("norm1", "norm2", "attn.q", "attn.k", "attn.v", "attn.o"),
    *("ffn.gate.0", "ffn.fc1", "ffn.fc2", "pos_embedding.embedding"),
)


def transformer(model: nn.Module) -> dict[str, Tensor]:
    """Give the state of a TalkTransformer by the names of the original's shards and of InfiniteTalk's adapter."""
    blocks = [f"blocks.{index}." for index in range(_MOST_LAYERS)]
    wanted = [
        *(f"{name}.{leaf}" for name, leaf in product(_WAN_STEM, _LEAVES)),
        *(f"{block}{name}.{leaf}" for block, name, leaf in product(blocks, _WAN_BLOCK, _LEAVES)),
        *(f"{owner}modulation" for owner in ("head.", *blocks)),
    ]
    return _held(model.state_dict(), names.transformer(wanted))


def vae(model: nn.Module) -> dict[str, Tensor]:
    return _held(model.state_dict(), names.vae(_vae_names()))


def image_encoder(model: nn.Module) -> dict[str, Tensor]:
    blocks = [f"transformer.{index}.{name}" for index in range(_MOST_LAYERS) for name in _CLIP_BLOCK]
    bare = [*_CLIP_STEM, *(f"{name}.{leaf}" for name in ("pre_norm", "post_norm", *blocks) for leaf in _LEAVES)]
    held = _held(model.state_dict(), names.image_encoder(f"visual.{name}" for name in bare))
    leading = {"visual.cls_embedding": (1, 1), "visual.pos_embedding": (1,)}
    return held | {name: held[name].reshape(*ones, *held[name].shape) for name, ones in leading.items()}


def text_encoder(model: nn.Module) -> dict[str, Tensor]:
    blocks = [f"blocks.{index}.{name}.weight" for index in range(_MOST_LAYERS) for name in _TEXT_BLOCK]
    return _held(model.state_dict(), names.text_encoder(["token_embedding.weight", "norm.weight", *blocks]))


def audio_encoder(model: nn.Module) -> dict[str, Tensor]:
    """Give the state by the names of older torch, in which the published file is written."""
    old = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
    held = {}
    for name, tensor in model.state_dict().items():
        for new, older in old.items():
            name = name.replace(new, older)  # noqa: PLW2901 - the name on its way back
        held[name] = tensor
    return held


def _vae_names() -> Iterator[str]:
    yield from (f"{name}.{leaf}" for name in ("conv1", "conv2") for leaf in _LEAVES)
    for half, blocks in (("encoder", "downsamples"), ("decoder", "upsamples")):
        yield from (f"{half}.{name}.{leaf}" for name in ("conv1", "head.2") for leaf in _LEAVES)
        yield from (f"{half}.head.0.gamma", *(f"{half}.middle.{name}" for name in _VAE_MIDDLE))
        owners = (*(f"{blocks}.{index}" for index in range(_VAE_MOST_BLOCKS)), "middle.0", "middle.2")
        yield from (f"{half}.{owner}.{name}" for owner in owners for name in _VAE_BLOCK)


def _held(state: Mapping[str, Tensor], renaming: Renaming) -> dict[str, Tensor]:
    """Take, of the names there may be, those whose counterparts the class has."""
    held = {name: targets for name, targets in renaming.items() if targets and set(targets) <= state.keys()}
    return {
        name: state[targets[0]] if check.is_shared(targets) else torch.cat([state[target] for target in targets])
        for name, targets in held.items()
    }
