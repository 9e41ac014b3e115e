"""Draws what makes a frame a preview: watermark, rings and tags for who speaks, middle line, mask and lanes."""

import math
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from PIL import Image

from workers.engines.preview.casting import Cast
from workers.engines.preview.encode import NOTICE
from workers.engines.preview.faces import Face
from workers.engines.preview.lanes import Lanes
from workers.engines.preview.layers import Layer, Sheet, SparseLayer, text_width
from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.speakers import Speaker
from workers.engines.preview.timeline import Timeline

_INK: Final = (255, 255, 255)
_SHADE: Final = (10, 12, 16)
_WATERMARK: Final = 46
_RING: Final = (0.64, 0.74)
"""Half axes of a ring in faces' heights, across and along."""
_QUIET: Final = 0.45


class Overlay:
    """Everything that is drawn over the scene, for one video."""

    def __init__(
        self, size: tuple[int, int], speakers: Sequence[Speaker], timeline: Timeline, mask: Pixels | None
    ) -> None:
        self._size, self._speakers, self._timeline = size, speakers, timeline
        levels = [turn.stretched(turn.voice.levels, timeline.frames) for turn in timeline.turns]
        self._lanes = Lanes(size, speakers, levels)
        self._signs = SparseLayer(_signs(size, len(speakers), self._lanes.top, mask))
        letters = float(np.clip(size[1] * 0.034, 13, 30))
        self._tags = [
            {speaks: _tag(speaker, letters, speaks=speaks) for speaks in (True, False)} for speaker in speakers
        ]

    def draw(self, target: Pixels, frame: int, cast: Cast, openings: Sequence[Floats]) -> None:
        """Draw over `target`, in place. `cast` says where everybody's face is in this frame, if it is in view."""
        for number, (speaker, face) in enumerate(zip(self._speakers, cast, strict=True)):
            if face is not None:
                self._ring(target, speaker, face, float(openings[number][frame]), speaks=self._speaks(number, frame))
        self._signs.paste(target)
        for number, face in enumerate(cast):
            self._label(target, number, face, speaks=self._speaks(number, frame))
        self._lanes.draw(target, frame)

    def _speaks(self, number: int, frame: int) -> bool:
        return self._timeline.turns[number].speaks_in(frame)

    def _ring(self, target: Pixels, speaker: Speaker, face: Face, opening: float, *, speaks: bool) -> None:
        unit = face.height
        centre = (round(face.centre[0]), round(face.centre[1] - 0.06 * unit))
        axes = (round(_RING[0] * unit), round(_RING[1] * unit))
        colour = speaker.colour if speaks else _dimmed(speaker.colour)
        thickness = 2 + round(opening * max(2.0, self._size[1] / 150)) if speaks else 1
        cv2.ellipse(target, centre, axes, math.degrees(face.tilt), 0, 360, colour, thickness, cv2.LINE_AA)

    def _label(self, target: Pixels, number: int, face: Face | None, *, speaks: bool) -> None:
        """The tag stands over its face, or at the head of its half when there is none in view."""
        tag = self._tags[number][speaks]
        width, height = self._size
        if face is None:
            x, y = self._speakers[number].middle * width, height * 0.16
        else:
            x, y = face.centre[0], face.centre[1] - (_RING[1] + 0.06) * face.height - tag.height * 0.3
        left = int(np.clip(x - tag.width / 2, 2, width - tag.width - 2))
        top = int(np.clip(y - tag.height / 2, 2, self._lanes.top - tag.height - 2))
        tag.paste(target, left, top)


def _dimmed(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = (round(part * _QUIET + 128 * (1 - _QUIET)) for part in colour)
    return red, green, blue


def _tag(speaker: Speaker, size: float, *, speaks: bool) -> Layer:
    width, height = round(text_width(speaker.tag, size) + size * 1.2), round(size * 1.6)
    paper, ink, cover = (speaker.colour, _SHADE, 240) if speaks else (_SHADE, speaker.colour, 150)
    sheet = Sheet(width, height).panel((0, 0, width, height), paper, cover, height / 2)
    return Layer(sheet.text((width / 2, height / 2), speaker.tag, size, ink).finished())


def _signs(size: tuple[int, int], speakers: int, lanes_top: int, mask: Pixels | None) -> Image.Image:
    """What stands still all through the video."""
    signs = _watermark(size)
    if mask is not None:
        signs.alpha_composite(_outline(mask))
    sheet = Sheet(*size)
    if speakers > 1:
        _middle_line(sheet, size, lanes_top)
    _banner(sheet, size)
    signs.alpha_composite(sheet.finished())
    return signs


def _watermark(size: tuple[int, int]) -> Image.Image:
    """The notice along the diagonals, pale enough to leave faces readable."""
    width, height = size
    letters = max(14.0, math.hypot(width, height) * 0.026)
    step = letters * 5.5
    side = round(math.hypot(width, height))
    sheet = Sheet(side, side)
    for row in range(-4, 5):
        shift = (row % 2) * text_width(NOTICE, letters) * 0.65
        for place in range(-2, 3):
            at = (side / 2 + shift + place * text_width(NOTICE, letters) * 1.3, side / 2 + row * step)
            sheet.text((at[0] + 1, at[1] + 1), NOTICE, letters, _SHADE, _WATERMARK // 2)
            sheet.text(at, NOTICE, letters, _INK, _WATERMARK)
    turned = sheet.finished().rotate(math.degrees(math.atan2(height, width)), Image.Resampling.BICUBIC)
    left, top = (side - width) // 2, (side - height) // 2
    return turned.crop((left, top, left + width, top + height))


def _outline(mask: Pixels) -> Image.Image:
    """The edge of what may move: a dark line under a bright one."""
    canvas = np.zeros((*mask.shape, 4), np.uint8)
    edges, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, edges, -1, (*_SHADE, 200), 4)
    cv2.drawContours(canvas, edges, -1, (255, 240, 90, 255), 2)
    return Image.fromarray(canvas, "RGBA")


def _middle_line(sheet: Sheet, size: tuple[int, int], lanes_top: int) -> None:
    width, _ = size
    for top in range(0, lanes_top, 16):
        sheet.line([(width / 2, top), (width / 2, min(top + 8, lanes_top))], _INK, 130, 1.5)


def _banner(sheet: Sheet, size: tuple[int, int]) -> None:
    width, height = size
    letters = float(np.clip(min(height * 0.036, width * 0.042), 12, 30))
    half = text_width(NOTICE, letters) / 2 + letters
    middle = letters * 1.25
    sheet.panel(
        (width / 2 - half, middle - letters * 0.85, width / 2 + half, middle + letters * 0.85),
        _SHADE,
        175,
        letters * 0.85,
    )
    sheet.text((width / 2, middle), NOTICE, letters, _INK)
