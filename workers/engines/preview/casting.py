"""Decides whose face speaks which voice, and foretells in sentences where the real model will have trouble."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from workers.engines.preview.faces import Face
from workers.engines.preview.pixels import Pixels
from workers.engines.preview.speakers import ALONE, Speaker

SMALL_FACE: Final = 48
"""Pixels. Below this a face is less than three of the model's patches high."""

_CROSSING: Final = 0.15
_CUT: Final = 0.05
_MOUTH: Final = (13, 14)

Cast = tuple[Face | None, ...]
"""One face per speaker, in pixels of the frame; None for a speaker without one."""


def cast(faces: Sequence[Face], speakers: Sequence[Speaker], width: int, mask: Pixels | None = None) -> Cast:
    """Give each speaker the largest face of their half; a mask comes first: who may not move does not speak."""
    chosen = []
    for speaker in speakers:
        own = faces_of(faces, speaker, width)
        allowed = [face for face in own if mask is None or may_move(face, mask)]
        chosen.append(next(iter(allowed or own), None))
    return tuple(chosen)


def faces_of(faces: Sequence[Face], speaker: Speaker, width: int) -> list[Face]:
    """The faces whose middle lies in the speaker's half, in the order given (largest first)."""
    start, end = (share * width for share in speaker.half)
    return [face for face in faces if start <= face.centre[0] < end]


def may_move(face: Face, mask: Pixels) -> bool:
    """Whether the mask is white at the face's mouth."""
    x, y = face.points[list(_MOUTH)].mean(axis=0)
    height, width = mask.shape
    return bool(mask[int(np.clip(y, 0, height - 1)), int(np.clip(x, 0, width - 1))])


def foresee(
    faces: Sequence[Face], speakers: Sequence[Speaker], size: tuple[int, int], mask: Pixels | None, moment: str = ""
) -> list[str]:
    """Say what the model may do wrong with this picture; `size` is the frame's width and height, `moment` is when."""
    chosen = cast(faces, speakers, size[0], mask)
    warnings: list[str] = []
    for speaker, face in zip(speakers, chosen, strict=True):
        count = len(faces_of(faces, speaker, size[0]))
        warnings.extend(_about_number(count, speaker, moment, has_mask=mask is not None))
        if face is not None:
            warnings.extend(_about_face(face, speaker, size, mask))
    return warnings


def _about_number(count: int, speaker: Speaker, moment: str, *, has_mask: bool) -> Iterator[str]:
    if count == 0:
        yield f"No face was found in the {speaker.place}{moment}: the preview draws a circle for the {speaker.name}."
    elif count > 1 and speaker is not ALONE:
        yield (
            f"{count} faces are in the {speaker.place}: the model pairs a voice with a half of the"
            " picture, not with a face; the preview moves the largest."
        )
    elif count > 1 and not has_mask:
        yield f"{count} faces are in the picture and one voice: the preview moves the largest, the model may move all."


def _about_face(face: Face, speaker: Speaker, size: tuple[int, int], mask: Pixels | None) -> Iterator[str]:
    left, top, right, bottom = face.box
    width, height = size
    if speaker is not ALONE and _reaches_over(left, right, width / 2) > _CROSSING:
        yield f"The {speaker.name}'s face crosses the middle of the picture: the other voice may move it too."
    outside = max(-left, right - width) / (right - left), max(-top, bottom - height) / (bottom - top)
    if max(outside) > _CUT:
        yield f"The {speaker.name}'s face is cut by the crop to {width}x{height}."
    if face.height < SMALL_FACE:
        yield f"The {speaker.name}'s face is only {face.height:.0f} pixels high at {width}x{height}: lips may not move."
    if mask is not None and not may_move(face, mask):
        yield f"The mask keeps the {speaker.name}'s mouth still: white is what may move."


def _reaches_over(left: float, right: float, middle: float) -> float:
    """The share of the face on the far side of the middle."""
    return max(0.0, min(right - middle, middle - left)) / (right - left)
