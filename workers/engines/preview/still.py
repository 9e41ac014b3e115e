"""The scene of a picture source: the same picture in every frame, its heads swaying, its mouths moving."""

from collections.abc import Sequence
from typing import Final

from workers.engines.preview import standin
from workers.engines.preview.casting import Cast
from workers.engines.preview.mouth import Mouth
from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.speakers import Speaker
from workers.engines.preview.sway import Sway

_STANDIN: Final = 0.17


class Still:
    """One picture of the frame's size, brought to life."""

    def __init__(self, picture: Pixels, speakers: Sequence[Speaker], cast: Cast, openings: Sequence[Floats]) -> None:
        self._picture, self._speakers, self._cast, self._openings = picture, speakers, cast, openings
        self._mouths = [None if face is None else Mouth(picture, face) for face in cast]
        self._sways = [
            None if face is None else Sway(picture, face, track, phase=1.7 * number)
            for number, (face, track) in enumerate(zip(cast, openings, strict=True))
        ]

    def draw(self, frame: int) -> tuple[Pixels, Cast]:
        """Give one frame, free to be drawn on, and where the faces are in it."""
        target = self._picture.copy()
        for mouth, track in zip(self._mouths, self._openings, strict=True):
            if mouth is not None:
                mouth.draw(target, float(track[frame]))
        for sway in self._sways:
            if sway is not None:
                sway.draw(target, frame)
        self._draw_standins(target, frame)
        return target, self._cast

    def warnings(self) -> tuple[str, ...]:
        """Nothing: all there is to say about a picture is known before it is drawn."""
        return ()

    def _draw_standins(self, target: Pixels, frame: int) -> None:
        height, width = target.shape[:2]
        for speaker, face, track in zip(self._speakers, self._cast, self._openings, strict=True):
            if face is None:
                radius = _STANDIN * min(height, width)
                standin.draw(
                    target, (speaker.middle * width, height * 0.45), radius, speaker.colour, float(track[frame])
                )
