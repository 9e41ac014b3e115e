"""Fits pictures into their bucket: scaled to cover it, the middle cut out; 8-bit in, 8-bit out."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from workers.infinitetalk.sizes import Fit

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, RGB; masks have no last axis."""


def cover(picture: Pixels, fit: Fit) -> Pixels:
    """Scale smoothly (bilinear, with antialiasing) and crop."""
    return _crop(_resize(picture, fit, Image.Resampling.BILINEAR), fit)


def cover_nearest(mask: Pixels, fit: Fit) -> Pixels:
    """Scale by the nearest pixel, for masks, and crop."""
    rows = _nearest_indices(mask.shape[0], fit.resized_height)
    columns = _nearest_indices(mask.shape[1], fit.resized_width)
    return _crop(mask[rows[:, None], columns], fit)


def _resize(picture: Pixels, fit: Fit, how: Image.Resampling) -> Pixels:
    image = Image.fromarray(picture)
    return np.asarray(image.resize((fit.resized_width, fit.resized_height), how))


def _nearest_indices(source: int, target: int) -> npt.NDArray[np.int64]:
    """Index of the source pixel for each target pixel, in float32 like the original's resize."""
    scale = np.float32(source) / np.float32(target)
    positions = np.floor(np.arange(target, dtype=np.float32) * scale).astype(np.int64)
    return np.minimum(positions, source - 1)


def _crop(picture: Pixels, fit: Fit) -> Pixels:
    return picture[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width]
