"""Draws people who do not exist: faces a detector is sure of, with closed mouths, in a plain room."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Look:
    """What one drawn person wears and is born with."""

    skin: Colour
    hair: Colour
    clothes: Colour
    iris: Colour
    lips: Colour
    long_hair: bool


LOOKS: Final = (
    Look((222, 172, 140), (58, 38, 28), (44, 86, 122), (74, 98, 74), (176, 96, 90), long_hair=False),
    Look((164, 112, 80), (30, 22, 22), (158, 70, 62), (60, 38, 24), (134, 62, 60), long_hair=True),
    Look((238, 196, 170), (156, 104, 52), (84, 104, 74), (70, 104, 134), (190, 108, 104), long_hair=True),
)

_HEAD: Final = ((-0.39, -0.56, 0.39, 0.4), (-0.31, -0.3, 0.31, 0.5))
"""The two rounds a head is made of, in faces' heights from its middle."""
_WALL: Final = ((214, 205, 190), (172, 164, 154))
_FLOOR: Final = (122, 104, 90)
_OVERSAMPLING: Final = 2


def draw_people(width: int, height: int, places: Sequence[tuple[float, float]], face_height: float) -> Image.Image:
    """Draw one person per place: the faces' middles in shares of width and height, a face in shares of the height."""
    scene = _room(width * _OVERSAMPLING, height * _OVERSAMPLING)
    for number, (across, down) in enumerate(places):
        _Person(
            scene, LOOKS[number % len(LOOKS)], across * scene.width, down * scene.height, face_height * scene.height
        ).draw()
    return scene.resize((width, height), Image.Resampling.LANCZOS)


def _room(width: int, height: int) -> Image.Image:
    ramp = Image.linear_gradient("L").resize((width, height))
    room = Image.composite(
        Image.new("RGB", (width, height), _WALL[1]), Image.new("RGB", (width, height), _WALL[0]), ramp
    )
    pen = ImageDraw.Draw(room)
    pen.rectangle((0, height * 0.93, width, height), fill=_FLOOR)
    for left in (0.43, 0.58):
        window = (width * left - width * 0.05, height * 0.1, width * left + width * 0.04, height * 0.42)
        pen.rectangle(window, fill=(196, 214, 222), outline=(236, 232, 224), width=max(2, width // 160))
    return room.filter(ImageFilter.GaussianBlur(height / 160))


@dataclass(frozen=True)
class _Person:
    """One person on a scene: the face's middle, and its height in pixels, which all shares are of."""

    scene: Image.Image
    look: Look
    x: float
    y: float
    size: float

    def draw(self) -> None:
        self._hair_behind()
        self._shoulders()
        self._head()
        for side in (-1, 1):
            self._eye(side)
        self._nose()
        self._mouth()
        self._hair_in_front()

    def _hair_behind(self) -> None:
        if self.look.long_hair:
            self._rounded((-0.46, -0.66, 0.46, 0.66), self.look.hair)
        else:
            self._ellipse((-0.43, -0.68, 0.43, 0.1), self.look.hair)

    def _shoulders(self) -> None:
        neck = _shade(self.look.skin, 0.82)
        self._polygon([(-0.17, 0.2), (0.17, 0.2), (0.19, 0.62), (0.3, 0.78), (-0.3, 0.78), (-0.19, 0.62)], neck)
        self._ellipse((-0.9, 0.66, 0.9, 2.6), self.look.clothes)
        self._polygon([(-0.9, 1.63), (0.9, 1.63), (0.9, 9), (-0.9, 9)], self.look.clothes)
        self._ellipse((-0.21, 0.58, 0.21, 0.8), neck)

    def _head(self) -> None:
        skin = self.look.skin
        for side in (-1, 1):
            self._ellipse((side * 0.4 - 0.06, -0.12, side * 0.4 + 0.06, 0.12), _shade(skin, 0.88))
        for shares in _HEAD:
            self._ellipse(shares, skin)
        self._soft((-0.3, -0.5, 0.16, 0.1), _shade(skin, 1.09), 0.1)
        self._soft((0.22, -0.5, 0.5, 0.5), _shade(skin, 0.9), 0.07)
        for side in (-1, 1):
            self._soft((side * 0.2 - 0.1, 0.05, side * 0.2 + 0.1, 0.22), _mix(skin, self.look.lips, 0.22), 0.05)
        self._soft((-0.1, 0.4, 0.1, 0.46), _shade(skin, 0.9), 0.025)

    def _eye(self, side: int) -> None:
        x, y = side * 0.172, -0.06
        self._soft((x - 0.11, y - 0.07, x + 0.11, y + 0.06), _shade(self.look.skin, 0.84), 0.03)
        self._ellipse((x - 0.078, y - 0.036, x + 0.078, y + 0.04), (244, 240, 236))
        self._ellipse((x - 0.038, y - 0.036, x + 0.038, y + 0.04), self.look.iris)
        self._ellipse((x - 0.018, y - 0.018, x + 0.018, y + 0.02), (14, 10, 10))
        self._ellipse((x - 0.002, y - 0.02, x + 0.014, y - 0.004), (255, 255, 255))
        self._stroke(
            [(x - 0.085, y + 0.006), (x - 0.045, y - 0.034), (x + 0.03, y - 0.038), (x + 0.085, y + 0.002)],
            (40, 26, 22),
            0.014,
        )
        brow = [(x - side * 0.085, y - 0.1), (x + side * 0.02, y - 0.125), (x + side * 0.11, y - 0.092)]
        self._stroke(brow, _shade(self.look.hair, 1.1), 0.03)

    def _nose(self) -> None:
        skin = self.look.skin
        self._soft((0.0, -0.1, 0.05, 0.16), _shade(skin, 0.88), 0.02)
        self._soft((-0.035, -0.1, 0.01, 0.14), _shade(skin, 1.1), 0.02)
        self._soft((-0.085, 0.1, 0.085, 0.175), _shade(skin, 0.86), 0.02)
        for side in (-1, 1):
            self._ellipse((side * 0.04 - 0.02, 0.142, side * 0.04 + 0.02, 0.164), _shade(skin, 0.55))

    def _mouth(self) -> None:
        lips, line = self.look.lips, 0.282
        upper = [
            (-0.15, line - 0.012),
            (-0.06, line - 0.04),
            (0, line - 0.03),
            (0.06, line - 0.04),
            (0.15, line - 0.012),
            (0, line + 0.008),
        ]
        lower = [
            (-0.15, line - 0.012),
            (0, line + 0.006),
            (0.15, line - 0.012),
            (0.08, line + 0.048),
            (0, line + 0.06),
            (-0.08, line + 0.048),
        ]
        self._polygon(upper, _shade(lips, 0.88))
        self._polygon(lower, lips)
        self._soft((-0.06, line + 0.02, 0.06, line + 0.04), _shade(lips, 1.2), 0.012)
        self._stroke(
            [
                (-0.15, line - 0.012),
                (-0.05, line + 0.004),
                (0, line + 0.008),
                (0.05, line + 0.004),
                (0.15, line - 0.012),
            ],
            _shade(lips, 0.5),
            0.01,
        )

    def _hair_in_front(self) -> None:
        """Hair lies on the head wherever the face does not look out of it."""
        if self.look.long_hair:
            self._frame((-0.46, -0.66, 0.46, 0.6), (-0.335, -0.4, 0.335, 0.9))
        else:
            self._frame((-0.43, -0.68, 0.43, -0.06), (-0.37, -0.42, 0.37, 0.6))

    def _frame(self, outer: Box, inner: Box) -> None:
        """Hair within the outer round, except within the inner one."""
        left, top, right, bottom = (round(edge) for edge in self._box(outer))
        mask = Image.new("L", (right - left, bottom - top))
        pen = ImageDraw.Draw(mask)
        pen.rounded_rectangle((0, 0, right - left, bottom - top), (right - left) / 2, fill=255)
        face = self._box(inner)
        pen.ellipse((face[0] - left, face[1] - top, face[2] - left, face[3] - top), fill=0)
        self.scene.paste(Image.new("RGB", mask.size, self.look.hair), (left, top), mask)

    def _rounded(self, shares: Box, colour: Colour) -> None:
        box = self._box(shares)
        ImageDraw.Draw(self.scene).rounded_rectangle(box, (box[2] - box[0]) / 2.2, fill=colour)

    def _ellipse(self, shares: Box, colour: Colour) -> None:
        ImageDraw.Draw(self.scene).ellipse(self._box(shares), fill=colour)

    def _polygon(self, corners: Sequence[tuple[float, float]], colour: Colour) -> None:
        ImageDraw.Draw(self.scene).polygon([self._point(corner) for corner in corners], fill=colour)

    def _stroke(self, corners: Sequence[tuple[float, float]], colour: Colour, thickness: float) -> None:
        width = max(1, round(thickness * self.size))
        ImageDraw.Draw(self.scene).line(
            [self._point(corner) for corner in corners], fill=colour, width=width, joint="curve"
        )

    def _soft(self, shares: Box, colour: Colour, blur: float) -> None:
        """An ellipse on the head that fades out: shading. Blurred in a window of its own, as the scene may be large."""
        left, top, right, bottom = self._box(shares)
        margin = 3 * blur * self.size
        corner = (round(left - margin), round(top - margin))
        size = (round(right + margin) - corner[0], round(bottom + margin) - corner[1])
        shade = _ellipses(size, [(left - corner[0], top - corner[1], right - corner[0], bottom - corner[1])])
        heads = [
            (box[0] - corner[0], box[1] - corner[1], box[2] - corner[0], box[3] - corner[1])
            for box in map(self._box, _HEAD)
        ]
        mask = ImageChops.multiply(shade.filter(ImageFilter.GaussianBlur(blur * self.size)), _ellipses(size, heads))
        self.scene.paste(Image.new("RGB", size, colour), corner, mask)

    def _box(self, shares: Box) -> Box:
        left, top, right, bottom = shares
        return (*self._point((left, top)), *self._point((right, bottom)))

    def _point(self, share: tuple[float, float]) -> tuple[float, float]:
        return self.x + share[0] * self.size, self.y + share[1] * self.size


def _ellipses(size: tuple[int, int], boxes: Sequence[Box]) -> Image.Image:
    mask = Image.new("L", size)
    for box in boxes:
        ImageDraw.Draw(mask).ellipse(box, fill=255)
    return mask


def _shade(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(part * factor)) for part in colour)
    return red, green, blue


def _mix(first: Colour, second: Colour, share: float) -> Colour:
    red, green, blue = (round(one * (1 - share) + other * share) for one, other in zip(first, second, strict=True))
    return red, green, blue
