"""Lays drawn things over a frame: text, signs and panels made once, blended where they are wanted."""

from typing import Final, Self

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from workers.engines.preview.pixels import Pixels

Colour = tuple[int, int, int]

_OVERSAMPLING: Final = 2


class Layer:
    """A see-through picture, ready to be blended fast: colours times cover, and the rest that shows through."""

    def __init__(self, picture: Image.Image) -> None:
        pixels = np.asarray(picture.convert("RGBA"), np.uint16)
        cover = pixels[:, :, 3:]
        self._colours = np.asarray((pixels[:, :, :3] * cover + 127) // 255, np.uint8)
        self._through = np.repeat(255 - cover, 3, axis=2)
        self.height, self.width = pixels.shape[:2]

    def paste(self, target: Pixels, x: int, y: int) -> None:
        """Blend the layer onto `target` with its top left corner at (x, y); what lies outside is cut."""
        self.paste_columns(target, x, y, 0, self.width)

    def paste_columns(self, target: Pixels, x: int, y: int, first: int, end: int) -> None:
        """Blend only the layer's columns from `first` up to `end`, where they would be."""
        left, top = max(first, -x), max(0, -y)
        right, bottom = min(end, target.shape[1] - x), min(self.height, target.shape[0] - y)
        if left >= right or top >= bottom:
            return
        place = target[y + top : y + bottom, x + left : x + right]
        shown = (place * self._through[top:bottom, left:right] + 127) // 255
        place[:] = shown.astype(np.uint8) + self._colours[top:bottom, left:right]


class SparseLayer:
    """A layer as large as the frame of which little is drawn: only those pixels are kept and blended."""

    def __init__(self, picture: Image.Image) -> None:
        pixels = np.asarray(picture.convert("RGBA"), np.uint16).reshape(-1, 4)
        self._where = np.flatnonzero(pixels[:, 3])
        drawn = pixels[self._where]
        self._colours = drawn[:, :3] * drawn[:, 3:] + 127
        self._through = 255 - drawn[:, 3:]

    def paste(self, target: Pixels) -> None:
        """Blend onto a frame of the very size it was drawn for."""
        flat = target.reshape(-1, 3)
        flat[self._where] = (flat[self._where] * self._through + self._colours) // 255


class Sheet:
    """Paper to draw on at double size, so that edges come out smooth; measures are in pixels of the frame."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._picture = Image.new("RGBA", (width * _OVERSAMPLING, height * _OVERSAMPLING))
        self._pen = ImageDraw.Draw(self._picture)

    def line(self, points: list[tuple[float, float]], colour: Colour, cover: int, thickness: float) -> Self:
        at = [(x * _OVERSAMPLING, y * _OVERSAMPLING) for x, y in points]
        self._pen.line(at, fill=(*colour, cover), width=max(1, round(thickness * _OVERSAMPLING)))
        return self

    def panel(self, box: tuple[float, float, float, float], colour: Colour, cover: int, radius: float = 0) -> Self:
        at = tuple(value * _OVERSAMPLING for value in box)
        self._pen.rounded_rectangle((at[0], at[1], at[2] - 1, at[3] - 1), radius * _OVERSAMPLING, fill=(*colour, cover))
        return self

    def text(self, middle: tuple[float, float], words: str, size: float, colour: Colour, cover: int = 255) -> Self:
        at = (middle[0] * _OVERSAMPLING, middle[1] * _OVERSAMPLING)
        self._pen.text(at, words, font=_font(size * _OVERSAMPLING), fill=(*colour, cover), anchor="mm")
        return self

    def finished(self) -> Image.Image:
        return self._picture.resize(self._size, Image.Resampling.BOX)


def text_width(words: str, size: float) -> float:
    return _font(size).getlength(words)


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("Pillow was built without FreeType.")
    return font
