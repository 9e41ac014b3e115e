"""Draws one lane of waveform per speaker along the foot of the frame, and a playhead that walks over them."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from PIL import Image

from workers.engines.preview.layers import Layer, Sheet
from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.speakers import Speaker

_LANE: Final = 0.046
"""Height of a lane as a share of the frame's height, within limits in pixels."""
_LIMITS: Final = (18, 40)
_PAPER: Final = (12, 14, 18)
_INK: Final = (255, 255, 255)


class Lanes:
    """The lanes of all speakers for a whole video."""

    def __init__(self, size: tuple[int, int], speakers: Sequence[Speaker], levels: Sequence[Floats]) -> None:
        width, height = size
        self._lane = int(np.clip(round(height * _LANE), *_LIMITS))
        self.height = self._lane * len(speakers) + 4
        self.top = height - self.height
        self._frames = len(levels[0])
        self._start = round(self._lane * 2.9)
        self._end = width - round(self._lane * 0.5)
        self._to_come = Layer(self._panel(width, speakers, levels, cover=105))
        self._heard = Layer(self._panel(width, speakers, levels, cover=255))

    def draw(self, target: Pixels, frame: int) -> None:
        playhead = self._start + round((self._end - self._start) * frame / max(1, self._frames - 1))
        self._heard.paste_columns(target, 0, self.top, 0, playhead)
        self._to_come.paste_columns(target, 0, self.top, playhead, self._to_come.width)
        cv2.line(target, (playhead, self.top + 1), (playhead, self.top + self.height - 2), _INK, 2, cv2.LINE_AA)

    def _panel(self, width: int, speakers: Sequence[Speaker], levels: Sequence[Floats], cover: int) -> Image.Image:
        sheet = Sheet(width, self.height).panel((0, 0, width, self.height), _PAPER, 150)
        for number, (speaker, track) in enumerate(zip(speakers, levels, strict=True)):
            middle = 2 + self._lane * (number + 0.5)
            sheet.text((self._start / 2, middle), speaker.tag, self._lane * 0.6, speaker.colour)
            for column, level in enumerate(_columns(track, self._end - self._start)):
                tall = max(0.5, float(level) * self._lane * 0.42)
                x = self._start + column + 0.5
                sheet.line([(x, middle - tall), (x, middle + tall)], speaker.colour, cover, 1)
        return sheet.finished()


def _columns(track: Floats, count: int) -> Floats:
    """The loudest frame behind each column of pixels; between frames that lie further apart, a straight line."""
    if len(track) < count:
        return np.interp(np.linspace(0, len(track) - 1, count), np.arange(len(track)), track).astype(np.float32)
    edges = np.linspace(0, len(track), count + 1)
    starts = np.minimum(edges[:-1].astype(int), len(track) - 1)
    return np.asarray(np.maximum.reduceat(track, starts), np.float32)
