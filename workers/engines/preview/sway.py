"""Lets a head in a still picture sway: under two hundredths of its height, fading to nothing around it."""

import math
from typing import Final

import cv2
import numpy as np

from workers.engines.preview.faces import Face
from workers.engines.preview.pixels import Floats, Pixels
from workers.infinitetalk.sizes import FRAMES_PER_SECOND

_REACH: Final = 0.95
"""From the face's middle to where nothing moves any more, in faces."""
_SIDEWAYS: Final = 0.010
_DOWNWARDS: Final = 0.007
_LISTENING: Final = 0.15
"""Who does not speak sways this much of it."""
_SPEAKING: Final = 0.05
_SLOWNESS: Final = 0.06


class Sway:
    """One head's surroundings in a still picture, and where they go in each frame."""

    def __init__(self, picture: Pixels, face: Face, openings: Floats, phase: float) -> None:
        height, width = picture.shape[:2]
        x, y = face.centre
        reach = face.height * _REACH
        self._left, self._top = max(0, int(x - reach)), max(0, int(y - reach))
        self._right, self._bottom = min(width, int(x + reach) + 1), min(height, int(y + reach) + 1)
        self._size, self._phase = face.height, phase
        self._liveliness = _slowly(openings > _SPEAKING)
        rows, columns = np.mgrid[0 : self._bottom - self._top, 0 : self._right - self._left].astype(np.float32)
        away = np.hypot(columns + self._left - x, rows + self._top - y) / reach
        self._weight = np.asarray(np.cos(np.clip(away, 0, 1) * math.pi / 2) ** 2, np.float32)
        self._edge_weight()
        self._rows, self._columns = rows, columns

    def draw(self, target: Pixels, frame: int) -> None:
        """Move the head in `target`, in place."""
        if self._weight.size == 0:
            return
        across, down = self._offset(frame)
        head = target[self._top : self._bottom, self._left : self._right]
        moved = cv2.remap(
            head, self._columns - across * self._weight, self._rows - down * self._weight, cv2.INTER_LINEAR
        )
        target[self._top : self._bottom, self._left : self._right] = moved

    def _offset(self, frame: int) -> tuple[float, float]:
        """Pixels across and down: two slow swings each, whose periods never meet."""
        seconds = frame / FRAMES_PER_SECOND
        life = float(self._liveliness[frame]) * self._size
        across = 0.6 * math.sin(1.9 * seconds + self._phase) + 0.4 * math.sin(0.83 * seconds + 2 * self._phase)
        down = 0.6 * math.sin(2.3 * seconds + 3 * self._phase) + 0.4 * math.sin(1.07 * seconds + self._phase)
        return across * _SIDEWAYS * life, down * _DOWNWARDS * life

    def _edge_weight(self) -> None:
        """Where the surroundings are cut by the picture's edge, nothing may be pulled in from outside."""
        for axis, length in enumerate(self._weight.shape):
            ramp = np.minimum(np.arange(length), np.arange(length)[::-1]) / max(1.0, 0.1 * self._size)
            self._weight *= np.clip(ramp, 0, 1).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))


def _slowly(speaks: np.ndarray) -> Floats:
    """Wake up and calm down over a second or so."""
    calm = np.empty(len(speaks), np.float32)
    now = _LISTENING
    for number, target in enumerate(np.where(speaks, 1.0, _LISTENING).tolist()):
        now += (target - now) * _SLOWNESS
        calm[number] = now
    return calm
