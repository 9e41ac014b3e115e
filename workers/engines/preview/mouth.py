"""Opens and closes the mouth of a face in a picture: a vertical map per column of pixels, and the dark behind the lips.

The lower lip and the chin go down, the upper lip a little up; whatever showed between the lips (teeth) stays under the
upper lip, and the rest of the hole is filled. Everything is computed upright, in the face's own axes, and then turned
into the picture, whose pixels are read only once: no pixel outside the mouth's surroundings is touched or blurred.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from workers.engines.preview.faces import Face
from workers.engines.preview.pixels import Floats, Pixels

STEPS: Final = 20
"""From closed to wide open; a still picture draws each step once."""

_UPPER_LIP: Final = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_LOWER_LIP: Final = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_NOSE_BASE, _CHIN = 2, 152

# Shares of the face's height.
_WIDEST: Final = 0.13
_HALF_WIDTH: Final = 0.46
_BELOW_CHIN: Final = 0.22

# Shares of the opening.
_UPWARDS: Final = 0.16
_DOWNWARDS: Final = 0.84
_CHIN_DOWN: Final = 0.72

_THROAT: Final = np.array((46, 16, 18), np.float32)
_TONGUE: Final = np.array((138, 62, 62), np.float32)
_TEETH: Final = np.array((214, 206, 196), np.float32)


@dataclass(frozen=True)
class _Columns:
    """The lines of an upright face, per column: rows of the lips' inner edges, and how far the column opens."""

    upper: Floats
    lower: Floats
    hole: Floats
    jaw: Floats
    middle: float
    half: float


class Mouth:
    """The mouth of one face in one picture. The picture is not changed; `draw` paints on a copy of it."""

    def __init__(self, picture: Pixels, face: Face) -> None:
        self._size = face.height
        half, points = _HALF_WIDTH * self._size, face.points
        self._upright = _upright_matrix(face, points[[*_UPPER_LIP, *_LOWER_LIP]].mean(axis=0), half)
        local = points @ self._upright[:, :2].T + self._upright[:, 2]
        self._width = 2 * round(half)
        self._nose, self._chin = float(local[_NOSE_BASE, 1]), float(local[_CHIN, 1])
        self._bottom = self._chin + _BELOW_CHIN * self._size
        self._columns = _columns(local, self._width)
        self._rows = int(self._bottom) + 1
        self._left, self._top, right, bottom = self._window(picture)
        self._picture = picture
        self.is_drawable = right - self._left > 1 and bottom - self._top > 1 and self._chin > self._nose
        self._area = (right - self._left, bottom - self._top)
        self._patches: dict[int, Pixels] = {}

    def draw(self, target: Pixels, opening: float) -> None:
        """Paint the mouth, open by 0 to 1, onto `target`: the picture itself or a copy of it."""
        step = round(opening * STEPS)
        if not step or not self.is_drawable:
            return
        if step not in self._patches:
            self._patches[step] = self._patch(step / STEPS)
        width, height = self._area
        target[self._top : self._top + height, self._left : self._left + width] = self._patches[step]

    def _window(self, picture: Pixels) -> tuple[int, int, int, int]:
        """The part of the picture that may change: left, top, right, bottom."""
        corners = np.array([(0, 0), (self._width, 0), (0, self._rows), (self._width, self._rows)], np.float32)
        back = cv2.invertAffineTransform(self._upright)
        placed = corners @ back[:, :2].T + back[:, 2]
        left, top = np.floor(placed.min(axis=0)).astype(int)
        right, bottom = np.ceil(placed.max(axis=0)).astype(int)
        return (
            max(0, int(left)),
            max(0, int(top)),
            min(picture.shape[1], int(right)),
            min(picture.shape[0], int(bottom)),
        )

    def _patch(self, opening: float) -> Pixels:
        fields = self._fields(opening)
        matrix = self._upright.copy()
        matrix[:, 2] += matrix[:, :2] @ np.array((self._left, self._top), np.float32)
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        # The matrix leads from the picture into the upright face, so the fields are read through it as they are.
        shift, cover, filling = (cv2.warpAffine(field, matrix, self._area, flags=flags) for field in fields)
        down = self._upright[1, :2] / np.linalg.norm(self._upright[1, :2])
        rows, columns = np.mgrid[self._top : self._top + self._area[1], self._left : self._left + self._area[0]].astype(
            np.float32
        )
        moved = cv2.remap(
            self._picture,
            columns + shift * down[0],
            rows + shift * down[1],
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        share = cover[:, :, np.newaxis]
        return np.asarray(moved * (1 - share) + filling * share + 0.5, np.uint8)

    def _fields(self, opening: float) -> tuple[Floats, Floats, Floats]:
        """Per pixel of the upright face: rows to the pixel it shows, how much the hole covers it, the hole's colour."""
        of = self._columns
        widest = opening * _WIDEST * self._size
        rows = np.arange(self._rows, dtype=np.float32)[:, np.newaxis]
        upper, lower = of.upper - _UPWARDS * widest * of.hole, of.lower + _DOWNWARDS * widest * of.hole
        chin = self._chin + _CHIN_DOWN * widest * of.jaw
        source = np.select(
            [rows < self._nose, rows < upper, rows < lower, rows < chin, rows < self._bottom],
            [
                rows + 0 * upper,
                _between(rows, self._nose, upper, self._nose, of.upper),
                np.minimum(of.upper + rows - upper, of.lower),
                _between(rows, lower, chin, of.lower, self._chin),
                _between(rows, chin, self._bottom, self._chin, self._bottom),
            ],
            rows,
        )
        teeth_end = upper + of.lower - of.upper
        # Edges are softened over a pixel, so a hole of no height must be kept from covering the pixel it lies in.
        cover = (
            np.clip(rows - teeth_end + 0.5, 0, 1) * np.clip(lower - rows + 0.5, 0, 1) * np.clip(lower - teeth_end, 0, 1)
        )
        return np.asarray(source - rows, np.float32), np.asarray(cover, np.float32), self._filling(rows, upper, lower)

    def _filling(self, rows: Floats, upper: Floats, lower: Floats) -> Floats:
        """The inside of the mouth: throat, the upper teeth's shadowed edge, the tongue."""
        of, unit = self._columns, _WIDEST * self._size
        across = (np.arange(self._width, dtype=np.float32) - of.middle) / of.half
        inside = np.clip(1 - across**2, 0, 1)
        teeth = np.clip((0.3 * unit * inside - (rows - upper)) / (0.06 * unit), 0, 1) * inside * 0.75
        tongue = np.clip(((rows - lower) + 0.45 * unit * inside) / (0.3 * unit), 0, 1) * inside * 0.8
        colour = _THROAT + (_TONGUE - _THROAT) * tongue[:, :, np.newaxis]
        return np.asarray(colour + (_TEETH - colour) * teeth[:, :, np.newaxis], np.float32)


def _upright_matrix(face: Face, middle: Floats, half: float) -> Floats:
    """The 2x3 matrix from the picture to the upright face, whose row 0 lies just above the base of the nose."""
    matrix = np.asarray(
        cv2.getRotationMatrix2D((float(middle[0]), float(middle[1])), np.degrees(face.tilt), 1), np.float32
    )
    nose = matrix[:, :2] @ face.points[_NOSE_BASE] + matrix[:, 2]
    matrix[:, 2] += np.array((half - middle[0], 2 - nose[1]), np.float32)
    return matrix


def _columns(local: Floats, width: int) -> _Columns:
    places = np.arange(width, dtype=np.float32)
    upper, lower = (_line(local[list(points)], places) for points in (_UPPER_LIP, _LOWER_LIP))
    middle = float(local[[_UPPER_LIP[0], _UPPER_LIP[-1]], 0].mean())
    half = max(2.0, abs(float(local[_UPPER_LIP[-1], 0] - local[_UPPER_LIP[0], 0])) / 2)
    hole = np.sqrt(np.clip(1 - ((places - middle) / half) ** 2, 0, 1))
    jaw = np.clip(1 - ((places - middle) / (0.48 * width)) ** 2, 0, 1) ** 1.5
    return _Columns(upper, np.maximum(upper, lower), hole.astype(np.float32), jaw.astype(np.float32), middle, half)


def _line(points: Floats, places: Floats) -> Floats:
    """Rows of a line through points, for every column; beyond the mouth's corners it stays level."""
    in_order = points[np.argsort(points[:, 0])]
    return np.interp(places, in_order[:, 0], in_order[:, 1]).astype(np.float32)


def _between(
    rows: Floats, start: Floats | float, end: Floats | float, source_start: Floats | float, source_end: Floats | float
) -> Floats:
    """Stretch a run of rows over another."""
    share = (rows - start) / np.maximum(np.asarray(end) - np.asarray(start), 1e-3)
    return np.asarray(source_start + share * (np.asarray(source_end) - np.asarray(source_start)), np.float32)
