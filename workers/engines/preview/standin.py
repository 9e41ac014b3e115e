"""Draws a face of three strokes for a speaker without one, so that the preview still shows who speaks when."""

from typing import Final

import cv2

from workers.engines.preview.pixels import Pixels
from workers.engines.preview.speakers import Colour

_DARK: Final = (24, 26, 32)


def draw(target: Pixels, centre: tuple[float, float], radius: float, colour: Colour, opening: float) -> None:
    """Draw it in place; `radius` in pixels, `opening` 0 to 1."""
    x, y = round(centre[0]), round(centre[1])
    size = max(6, round(radius))
    cv2.circle(target, (x, y), size, _DARK, -1, cv2.LINE_AA)
    cv2.circle(target, (x, y), size, colour, max(2, size // 16), cv2.LINE_AA)
    for side in (-1, 1):
        cv2.circle(
            target,
            (x + side * round(size * 0.36), y - round(size * 0.24)),
            max(1, round(size * 0.09)),
            colour,
            -1,
            cv2.LINE_AA,
        )
    lips = (round(size * 0.38), max(1, round(size * (0.03 + 0.3 * opening))))
    cv2.ellipse(target, (x, y + round(size * 0.36)), lips, 0, 0, 360, colour, -1, cv2.LINE_AA)
