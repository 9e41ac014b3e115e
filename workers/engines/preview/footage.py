"""The scene of a video source: the video plays, and mouths move on it for as long as their faces are in view."""

from collections.abc import Iterator, Sequence
from typing import Final

from workers.engines.preview import pixels, standin
from workers.engines.preview.casting import Cast
from workers.engines.preview.mouth import STEPS, Mouth
from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.source import Source
from workers.engines.preview.speakers import Speaker
from workers.engines.preview.tracking import Tracker
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, Fit

_STANDIN: Final = 0.07
_SPEAKING: Final = 0.05
_MOSTLY: Final = 0.9
_BRIEFLY_SECONDS: Final = 0.1


class Footage:
    """A video fitted to the frame: its pictures from the first on, and the tracker that knows who is where."""

    def __init__(
        self,
        source: Source,
        *,
        pictures: Iterator[Pixels],
        fit: Fit,
        speakers: Sequence[Speaker],
        tracker: Tracker,
        openings: Sequence[Floats],
    ) -> None:
        self._source, self._pictures, self._fit = source, pictures, fit
        self._speakers, self._tracker, self._openings = speakers, tracker, openings
        self._covered: Pixels | None = None
        self._picture: Pixels | None = None
        self._mouths: dict[int, Mouth] = {}
        self._spoken = [0] * len(speakers)
        self._seen = [0] * len(speakers)

    def draw(self, frame: int) -> tuple[Pixels, Cast]:
        """Give one frame, free to be drawn on, and where the faces in view are in it."""
        picture = self._next_picture()
        cast = self._tracker.look(picture)
        target = picture.copy()
        for number, (face, track) in enumerate(zip(cast, self._openings, strict=True)):
            opening = float(track[frame])
            self._count(number, opening, in_view=face is not None)
            if face is None:
                self._draw_standin(target, number, opening)
            elif round(opening * STEPS):
                if number not in self._mouths:
                    self._mouths[number] = Mouth(picture, face)
                self._mouths[number].draw(target, opening)
        return target, cast

    def warnings(self) -> list[str]:
        """Say how long a source that was too short is held, and whose face was away while its voice spoke."""
        return [*self._about_length(), *self._about_views()]

    def _about_length(self) -> Iterator[str]:
        whole, ended = len(self._openings[0]) / FRAMES_PER_SECOND, self._source.ended_at_seconds
        if ended is not None and whole - ended > _BRIEFLY_SECONDS:
            yield f"The video ends after {ended:.1f} of {whole:.1f} seconds: its last frame is held, as the model does."

    def _about_views(self) -> list[str]:
        counts = zip(self._speakers, self._seen, self._spoken, strict=True)
        return [
            f"The {speaker.name}'s face is in view for {seen / FRAMES_PER_SECOND:.1f} of the"
            f" {spoken / FRAMES_PER_SECOND:.1f} seconds it speaks."
            for speaker, seen, spoken in counts
            if seen < _MOSTLY * spoken
        ]

    def _next_picture(self) -> Pixels:
        """The next picture, cropped; the very same array while the source holds, so that nothing is done twice."""
        covered = next(self._pictures)
        if self._picture is None or covered is not self._covered:
            self._covered, self._picture = covered, pixels.crop(covered, self._fit)
            self._mouths = {}
        return self._picture

    def _count(self, number: int, opening: float, *, in_view: bool) -> None:
        if opening > _SPEAKING:
            self._spoken[number] += 1
            self._seen[number] += in_view

    def _draw_standin(self, target: Pixels, number: int, opening: float) -> None:
        height, width = target.shape[:2]
        centre, radius = (self._speakers[number].middle * width, height * 0.27), _STANDIN * min(height, width)
        standin.draw(target, centre, radius, self._speakers[number].colour, opening)
