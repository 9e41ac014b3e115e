"""Says which part of the picture belongs to whom: a mask per speaker and one for the background, down to the tokens."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from workers.infinitetalk.pictures import cover_nearest
from workers.infinitetalk.sizes import Fit

Masks = npt.NDArray[np.uint8]
"""Classes x height x width, 0 or 1: the speakers in their order, then the background, which is neither."""

Box = tuple[int, int, int, int]
"""(left, top, right, bottom) in pixels of the source, right and bottom not included."""

LATENT_PIXELS: Final = 8
TOKEN_LATENTS: Final = 2
"""A latent is 8 x 8 pixels, a token of the transformer 2 x 2 latents."""

_MARGIN: Final = 0.05


def of_halves(height: int, width: int) -> Masks:
    """Give the left speaker the left half of the source and the right one the right half, less a margin of 5 %."""
    half = width // 2
    top, bottom = int(height * _MARGIN), int(height * (1 - _MARGIN))
    left, right = int(half * _MARGIN), int(half * (1 - _MARGIN))
    # The original rounds after adding the half, which is the same unless floating point says otherwise.
    far_left, far_right = int(half * _MARGIN + half), int(half * (1 - _MARGIN) + half)
    return of_boxes(height, width, [(left, top, right, bottom), (far_left, top, far_right, bottom)])


def of_boxes(height: int, width: int, boxes: Sequence[Box]) -> Masks:
    """Draw one box per speaker at the source's size; boxes may overlap."""
    speakers = np.zeros((len(boxes), height, width), np.uint8)
    for mask, (left, top, right, bottom) in zip(speakers, boxes, strict=True):
        mask[max(top, 0) : max(bottom, 0), max(left, 0) : max(right, 0)] = 1
    return with_background(speakers)


def of_picture(movable: npt.NDArray[np.uint8], speakers: int) -> Masks:
    """Read a mask picture (height x width, white may move): one speaker owns the white, two share it by halves.

    For one speaker the rest becomes a second speaker's, who is to be silent: so nobody there opens their mouth.
    """
    white = (movable >= 128).astype(np.uint8)  # noqa: PLR2004 - the middle of the greys
    if speakers == 1:
        return with_silent_rest(white)
    return with_background(of_halves(*white.shape)[:-1] * white)


def with_silent_rest(speaker: npt.NDArray[np.uint8]) -> Masks:
    """Give what is not the speaker's to a second one; nothing is left for the background."""
    return with_background(np.stack([speaker, 1 - speaker]))


def with_background(speakers: Masks) -> Masks:
    background = (speakers.sum(axis=0) == 0).astype(np.uint8)
    return np.concatenate([speakers, background[None]])


def to_latents(masks: Masks, fit: Fit) -> Masks:
    """Scale and crop masks like the picture, then take the latent grid: all by the nearest pixel."""
    covered = np.stack([cover_nearest(mask, fit) for mask in masks])
    return nearest(covered, fit.height // LATENT_PIXELS, fit.width // LATENT_PIXELS)


def to_tokens(latent_masks: Masks) -> Masks:
    height, width = latent_masks.shape[-2:]
    return nearest(latent_masks, height // TOKEN_LATENTS, width // TOKEN_LATENTS)


def nearest(masks: Masks, height: int, width: int) -> Masks:
    """Sample on a coarser grid, each cell by its first pixel."""
    rows = np.arange(height) * masks.shape[-2] // height
    columns = np.arange(width) * masks.shape[-1] // width
    return masks[..., rows[:, None], columns]
