"""Finds out which part of the moving picture is whose: asks the first frame, where the masks say it.

Speakers' tokens get places on a line of their own, so that a voice finds its mouth: speaker 1 lives from 0 to 4,
speaker 2 from 20 to 24, and so on in steps of 20; the background stands at 12.
"""

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

STEP: Final = 20.0
WIDTH: Final = 4.0
BACKGROUND: Final = 12.0

_ROTARY_BASE: Final = 10_000.0


def attention_map(query: Tensor, first_key: Tensor, classes: Tensor) -> Tensor:
    """Mean attention of every token to each class of the first frame: classes x tokens, float32.

    `query` is 1 x tokens x heads x width and `first_key` 1 x first tokens x heads x width, both after their rotary
    embedding; `classes` is classes x first tokens, 0 or 1. The masks ride through the attention as its values, so the
    matrix of tokens x first tokens is never written down; padded to the keys' width, which every back end asks for.
    """
    values = functional.pad(classes.T.to(first_key), (0, query.shape[-1] - len(classes)))
    heads = query.shape[2]
    mass = functional.scaled_dot_product_attention(
        query.transpose(1, 2), first_key.transpose(1, 2), values.expand(1, heads, -1, -1)
    )
    areas = classes.sum(dim=1).clamp_min(1).float()
    return mass[0, :, :, : len(classes)].float().mean(dim=0).T / areas[:, None]


def positions(attention: Tensor) -> Tensor:
    """Return each token's place, from the map of classes x tokens (the last class is the background)."""
    speakers = attention[:-1]
    low, high = speakers.amin(dim=1, keepdim=True), speakers.amax(dim=1, keepdim=True)
    # A voice whose mask is empty has a flat map: nobody is its, and nothing may be divided by nothing.
    scaled = (speakers - low) / (high - low).clamp_min(torch.finfo(torch.float32).tiny) * WIDTH
    starts = STEP * torch.arange(len(speakers), device=attention.device)[:, None]
    places = torch.cat([scaled + starts, torch.full_like(attention[-1:], BACKGROUND)])
    return places.gather(0, attention.argmax(dim=0, keepdim=True))[0]


def centres(speakers: int, tokens: int, device: torch.device) -> Tensor:
    """Return the places of the voices' own tokens, speaker after speaker: the middle of each one's stretch."""
    return (STEP * torch.arange(speakers, device=device) + WIDTH / 2).repeat_interleave(tokens)


def turn(vectors: Tensor, places: Tensor) -> Tensor:
    """Rotary embedding of vectors (... x tokens x heads x width) at places (... x tokens), in neighbouring pairs."""
    width = vectors.shape[-1]
    exponents = torch.arange(0, width, 2, device=vectors.device, dtype=torch.float32) / width
    angles = places.float()[..., None, None] / _ROTARY_BASE**exponents
    even, odd = vectors.float().unflatten(-1, (-1, 2)).unbind(-1)
    cosine, sine = angles.cos(), angles.sin()
    turned = torch.stack([even * cosine - odd * sine, even * sine + odd * cosine], dim=-1)
    return turned.flatten(-2).to(vectors.dtype)
