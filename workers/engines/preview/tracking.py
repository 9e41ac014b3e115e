"""Keeps every speaker's face in sight through a video: searched for every few frames, followed in between."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from workers.engines.preview.casting import Cast, cast
from workers.engines.preview.faces import Face, FaceFinder
from workers.engines.preview.pixels import Pixels
from workers.engines.preview.speakers import Speaker

SEARCH_EVERY: Final = 10
"""Frames between two searches for a face that is missing."""

_SEARCH_ROUNDS: Final = 2
_STEADY: Final = 0.35
_JUMP: Final = 0.02
"""Movement, as a share of the face's height, that is believed at once; less is mostly the network's trembling."""


class Tracker:
    """Who is where, from frame to frame, beginning with what was found in the first."""

    def __init__(self, finder: FaceFinder, speakers: Sequence[Speaker], first: Cast, mask: Pixels | None) -> None:
        self._finder, self._speakers, self._mask = finder, speakers, mask
        self._cast = first
        self._seen: Pixels | None = None
        self._since_search = 0

    def look(self, picture: Pixels) -> Cast:
        """Find everybody in the next picture; the same picture again costs nothing."""
        if picture is self._seen:
            return self._cast
        self._seen = picture
        self._cast = _without_doubles([self._follow(picture, face) for face in self._cast])
        self._since_search += 1
        if None in self._cast and self._since_search >= SEARCH_EVERY:
            self._cast = self._search(picture)
            self._since_search = 0
        return self._cast

    def _follow(self, picture: Pixels, face: Face | None) -> Face | None:
        found = None if face is None else self._finder.follow(picture, face)
        return found if found is None or face is None else _steadied(face, found)

    def _search(self, picture: Pixels) -> Cast:
        known = [face for face in self._cast if face is not None]
        found = self._finder.find(picture, lambda faces: len(faces) >= len(self._speakers), _SEARCH_ROUNDS)
        new = [face for face in found if not any(face.is_same_as(other) for other in known)]
        chosen = cast(new, self._speakers, picture.shape[1], self._mask)
        return tuple(old or candidate for old, candidate in zip(self._cast, chosen, strict=True))


def _steadied(before: Face, now: Face) -> Face:
    """Follow quickly what moves, and calm what only trembles."""
    moved = float(np.abs(now.points.mean(axis=0) - before.points.mean(axis=0)).max()) / max(1.0, before.height)
    share = np.float32(np.clip(moved / _JUMP, _STEADY, 1))
    return Face(before.points + (now.points - before.points) * share)


def _without_doubles(faces: Sequence[Face | None]) -> Cast:
    """Two speakers whose faces have met keep one between them: the later one loses it, and is searched for anew."""
    kept: list[Face | None] = []
    for face in faces:
        taken = face is not None and any(other is not None and face.is_same_as(other) for other in kept)
        kept.append(None if taken else face)
    return tuple(kept)
