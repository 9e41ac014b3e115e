"""Decides where the model lives: all on the GPU, its blocks there in 8 bit, or coming and going; or says why nowhere.

The figures for activations are the published ones of the original, not yet measured with this code.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import torch

from workers.infinitetalk.transformer import TalkTransformer

ACTIVATION_BYTES_PER_TOKEN: Final = 160_000
"""5 GB at 480p (32,760 tokens), 12 GB at 720p (75,600)."""

CONTEXT_BYTES: Final = 1_500_000_000
"""CUDA's own, and what allocation leaves unused between things."""

_BF16_BYTES: Final = 2
_FP8_BYTES: Final = 1
_FP32_BYTES: Final = 4
_BLOCKS_AT_ONCE: Final = 2
"""The block at work, and the next one on its way."""

_GIB: Final = 2**30


class Residency(IntEnum):
    """From the fastest to the smallest. When memory ran out after all, the next one is worth a try."""

    RESIDENT = 0
    EIGHT_BIT = 1
    OFFLOADED = 2

    @property
    def keeps_text_encoder(self) -> bool:
        """Whether the text encoder is on the GPU too; it reads a prompt on the CPU in seconds."""
        return self is Residency.RESIDENT


class TooLittleMemory(RuntimeError):
    """No way fits; the message says how much each would need, and how much there is."""


@dataclass(frozen=True)
class Weights:
    """How many parameters there are: in one block, in all blocks, beside them, and in the smaller models."""

    block: int
    blocks: int
    stem: int
    text_encoder: int
    image_encoder: int
    vae: int
    audio_encoder: int


PUBLISHED: Final = Weights(
    block=464_200_000,
    blocks=18_566_500_000,
    stem=315_600_000,
    text_encoder=5_681_000_000,
    image_encoder=632_000_000,
    vae=127_000_000,
    audio_encoder=95_000_000,
)


def needed_bytes(residency: Residency, weights: Weights, tokens: int) -> int:
    """Estimate the peak of GPU memory while rendering chunks of so many tokens."""
    small = _BF16_BYTES * weights.image_encoder + _FP32_BYTES * (weights.vae + weights.audio_encoder)
    others = small + tokens * ACTIVATION_BYTES_PER_TOKEN + CONTEXT_BYTES
    stem = _BF16_BYTES * weights.stem
    if residency is Residency.RESIDENT:
        return others + stem + _BF16_BYTES * (weights.blocks + weights.text_encoder)
    if residency is Residency.EIGHT_BIT:
        return others + stem + _FP8_BYTES * weights.blocks + _BF16_BYTES * weights.block
    return others + stem + _BF16_BYTES * _BLOCKS_AT_ONCE * weights.block


def choose(
    free_bytes: int, tokens: int, weights: Weights = PUBLISHED, at_least: Residency = Residency.RESIDENT
) -> Residency:
    """Take the fastest that fits, none faster than `at_least`. Raises TooLittleMemory, with the numbers."""
    allowed = [residency for residency in Residency if residency >= at_least]
    for residency in allowed:
        if needed_bytes(residency, weights, tokens) <= free_bytes:
            return residency
    needs = ", ".join(
        f"{needed_bytes(residency, weights, tokens) / _GIB:.1f} GiB {residency.name.lower().replace('_', ' ')}"
        for residency in allowed
    )
    raise TooLittleMemory(f"The GPU has {free_bytes / _GIB:.1f} GiB free, and chunks of {tokens} tokens need {needs}.")


def count(transformer: TalkTransformer) -> tuple[int, int, int]:
    """Count the parameters of one block, of all blocks and of what is beside them."""
    whole = sum(parameter.numel() for parameter in transformer.parameters())
    blocks = sum(parameter.numel() for parameter in transformer.blocks.parameters())
    return blocks // max(1, len(transformer.blocks)), blocks, whole - blocks


def move_in(transformer: TalkTransformer, residency: Residency, device: str) -> None:
    """Bring a transformer, loaded on the CPU in its compute type, to where it is to live."""
    compute = transformer.patch_embedding.weight.dtype
    if residency is Residency.EIGHT_BIT:
        transformer.enable_layerwise_casting(storage_dtype=torch.float8_e4m3fn, compute_dtype=compute)
    if residency is not Residency.OFFLOADED:
        transformer.to(device)
        return
    has_stream = device.startswith("cuda")
    transformer.enable_group_offload(
        onload_device=torch.device(device),
        offload_device=torch.device("cpu"),
        offload_type="block_level",
        num_blocks_per_group=1,
        use_stream=has_stream,
        record_stream=has_stream,
    )
