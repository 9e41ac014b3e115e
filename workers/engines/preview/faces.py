"""Finds faces in a picture and follows them from one picture to the next: 468 points each, or not a face."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, Self

import cv2
import numpy as np

from workers.engines.preview import networks
from workers.engines.preview.pixels import Floats, Pixels

CONFIRMED: Final = 0.8
"""A hit of the detector is a face once the landmark network is this sure of it."""

_INPUT: Final = 192
"""Both networks look at squares of this many pixels."""
_GRID: Final = 48
_HIT: Final = 0.6
_OVERLAP: Final = 0.3
_MESH_MARGIN: Final = 1.5
_FOLLOW_MARGIN: Final = 1.55
_RIGHT_EYE, _LEFT_EYE, _FOREHEAD, _CHIN, _RIGHT_CHEEK, _LEFT_CHEEK = 33, 263, 10, 152, 234, 454
_SQUARES: Final = (1.0, 0.6, 0.36)
"""Sides of the overlapping squares searched after the whole picture, in shares of its short side."""

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Face:
    """A face as 468 points (x, y) in pixels of the picture it was found in, some perhaps outside of it."""

    points: Floats

    @property
    def box(self) -> Box:
        """Left, top, right, bottom, forehead to chin, cheek to cheek."""
        left, top = self.points.min(axis=0)
        right, bottom = self.points.max(axis=0)
        return float(left), float(top), float(right), float(bottom)

    @property
    def centre(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    @property
    def height(self) -> float:
        """Forehead to chin, in pixels, however the head is tilted."""
        return float(np.linalg.norm(self.points[_CHIN] - self.points[_FOREHEAD]))

    @property
    def width(self) -> float:
        return float(np.linalg.norm(self.points[_LEFT_CHEEK] - self.points[_RIGHT_CHEEK]))

    @property
    def tilt(self) -> float:
        """The angle of the line through the eyes, in radians, clockwise as pixels count."""
        across, down = self.points[_LEFT_EYE] - self.points[_RIGHT_EYE]
        return math.atan2(float(down), float(across))

    def moved(self, across: float, down: float) -> Self:
        return replace(self, points=self.points + np.array((across, down), np.float32))

    def is_same_as(self, other: "Face") -> bool:
        return _overlap(self.box, other.box) > _OVERLAP


@dataclass(frozen=True)
class _Square:
    """A tilted square of the picture: what the landmark network is shown."""

    x: float
    y: float
    side: float
    tilt: float

    def into_network(self) -> Floats:
        """The 2x3 matrix from the picture's pixels to the network's."""
        matrix = cv2.getRotationMatrix2D((self.x, self.y), math.degrees(self.tilt), _INPUT / self.side)
        turn = np.asarray(matrix, np.float64)
        turn[:, 2] += _INPUT / 2 - np.array((self.x, self.y))
        return np.asarray(turn, np.float32)


class FaceFinder:
    """Both networks, loaded once. Not for two threads at a time."""

    def __init__(self) -> None:
        self._detector = networks.load(networks.DETECTOR)
        self._mesh = networks.load(networks.LANDMARKS)

    def find(self, picture: Pixels, is_enough: Callable[[Sequence[Face]], bool], rounds: int = 4) -> list[Face]:
        """Search the picture, then ever smaller squares of it, until it `is_enough` or `rounds` end. Largest first."""
        faces: list[Face] = []
        for windows in list(_rounds_of_windows(picture))[:rounds]:
            hits = [hit for window in windows for hit in self._hits(picture, window)]
            for _, square in _distinct(hits):
                face = self._confirm(picture, square)
                if face is not None and not any(face.is_same_as(known) for known in faces):
                    faces.append(face)
            if is_enough(faces):
                break
        return sorted(faces, key=lambda face: -face.height)

    def follow(self, picture: Pixels, face: Face) -> Face | None:
        """Find the same face in the next picture; None once it is out of view, turned away or cut."""
        left, top, right, bottom = face.box
        side = max(right - left, bottom - top) * _FOLLOW_MARGIN
        height, width = picture.shape[:2]
        x, y = face.centre
        if not (0 <= x < width and 0 <= y < height):
            return None
        return self._confirm(picture, _Square(x, y, side, face.tilt))

    def _hits(self, picture: Pixels, window: tuple[int, int, int, int]) -> Iterator[tuple[float, _Square]]:
        """What the detector sees in one window (left, top, right, bottom), as scores and squares of the picture."""
        left, top, right, bottom = window
        side = max(right - left, bottom - top)
        across, down = (side - (right - left)) / 2, (side - (bottom - top)) / 2
        seen = cv2.resize(
            picture[top:bottom, left:right], None, fx=_INPUT / side, fy=_INPUT / side, interpolation=cv2.INTER_AREA
        )
        square = np.zeros((_INPUT, _INPUT, 3), np.float32)
        at_y, at_x = (_INPUT - seen.shape[0]) // 2, (_INPUT - seen.shape[1]) // 2
        square[at_y : at_y + seen.shape[0], at_x : at_x + seen.shape[1]] = seen
        self._detector.setInput(cv2.dnn.blobFromImage(square, 1 / 127.5, mean=(127.5, 127.5, 127.5)))
        outputs = self._detector.forward(("reshaped_classifier_face_4", "reshaped_regressor_face_4"))
        scores, boxes = outputs[0][0, :, 0], outputs[1][0]
        for cell in np.flatnonzero(scores > math.log(_HIT / (1 - _HIT))):
            found = _square_of(boxes[cell], int(cell), side)
            yield float(scores[cell]), replace(found, x=found.x + left - across, y=found.y + top - down)

    def _confirm(self, picture: Pixels, square: _Square) -> Face | None:
        matrix = square.into_network()
        shown = cv2.warpAffine(picture, matrix, (_INPUT, _INPUT), flags=cv2.INTER_LINEAR)
        self._mesh.setInput(cv2.dnn.blobFromImage(shown, 1 / 255))
        presence, points = self._mesh.forward(("conv2d_31", "conv2d_21"))
        if 1 / (1 + math.exp(-float(presence.ravel()[0]))) < CONFIRMED:
            return None
        flat = points.reshape(-1, 3)[:, :2]
        back = cv2.invertAffineTransform(matrix)
        return Face(np.asarray(flat @ back[:, :2].T + back[:, 2], np.float32))


def _rounds_of_windows(picture: Pixels) -> Iterator[list[tuple[int, int, int, int]]]:
    height, width = picture.shape[:2]
    yield [(0, 0, width, height)]
    for share in _SQUARES:
        side = round(min(height, width) * share)
        yield [(x, y, x + side, y + side) for y in _steps(height, side) for x in _steps(width, side)]


def _steps(length: int, side: int) -> list[int]:
    """Where squares begin so that neighbours overlap by at least half."""
    count = math.ceil((length - side) / (side / 2)) + 1
    return [round(step * (length - side) / max(1, count - 1)) for step in range(count)]


def _square_of(numbers: Floats, cell: int, side: float) -> _Square:
    """Read one row of the detector: box middle and size, then points, the first two the eyes; relative to its cell."""
    middle = np.array((cell % _GRID + 0.5, cell // _GRID + 0.5)) / _GRID
    x, y = (numbers[:2] / _INPUT + middle) * side
    across, down = (numbers[6:8] - numbers[4:6]) / _INPUT
    size = float(max(numbers[2:4])) / _INPUT * side
    return _Square(float(x), float(y), size * _MESH_MARGIN, math.atan2(float(down), float(across)))


def _distinct(hits: Sequence[tuple[float, _Square]]) -> list[tuple[float, _Square]]:
    """Keep the best of hits that overlap."""
    kept: list[tuple[float, _Square]] = []
    for score, square in sorted(hits, key=lambda hit: -hit[0]):
        if all(_overlap(_box_of(square), _box_of(other)) <= _OVERLAP for _, other in kept):
            kept.append((score, square))
    return kept


def _box_of(square: _Square) -> Box:
    half = square.side / 2
    return square.x - half, square.y - half, square.x + half, square.y + half


def _overlap(one: Box, other: Box) -> float:
    """Common area over joint area."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)
