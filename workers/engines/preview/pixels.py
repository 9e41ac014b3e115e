"""Names the arrays pictures are made of, and brings a source picture or mask to the size of the video."""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from jobs.errors import EngineError
from workers.infinitetalk.sizes import Fit

Pixels = npt.NDArray[np.uint8]
"""Height x width x 3, RGB; a mask has no third axis."""
Floats = npt.NDArray[np.float32]

_WHITE: Final = 128


def size_of(path: Path) -> tuple[int, int]:
    """Read (height, width) of a picture without decoding it. EngineError if it is none."""
    try:
        with Image.open(path) as picture:
            return picture.height, picture.width
    except OSError as error:
        raise EngineError(f"The picture {path.name} cannot be read: {error}.", permanent=True) from error


def cover_picture(path: Path, fit: Fit) -> Pixels:
    """Read a picture and scale it to cover the frame; the crop is still to come, so that faces at the edge are seen."""
    try:
        with Image.open(path) as picture:
            return scale(np.asarray(picture.convert("RGB")), fit)
    except OSError as error:
        raise EngineError(f"The picture {path.name} cannot be read: {error}.", permanent=True) from error


def cover_mask(path: Path, fit: Fit) -> Pixels:
    """Read a mask, scale and crop it like the picture it belongs to: 255 where things may move, else 0."""
    try:
        with Image.open(path) as mask:
            covered = mask.convert("L").resize((fit.resized_width, fit.resized_height), Image.Resampling.NEAREST)
    except OSError as error:
        raise EngineError(f"The mask {path.name} cannot be read: {error}.", permanent=True) from error
    return crop(np.where(np.asarray(covered) >= _WHITE, 255, 0).astype(np.uint8), fit)


def scale(picture: Pixels, fit: Fit) -> Pixels:
    shrinks = picture.shape[0] > fit.resized_height
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(picture, (fit.resized_width, fit.resized_height), interpolation=way), np.uint8)


def crop(covered: Pixels, fit: Fit) -> Pixels:
    """Cut the frame out of a covered picture or mask: a new array, safe to draw on."""
    return covered[fit.top : fit.top + fit.height, fit.left : fit.left + fit.width].copy()
