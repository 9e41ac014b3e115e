"""The preview engine: shows who speaks when, with which face, at which size and length, on a CPU and for nothing.

It is not the model, and says so on every frame and in the file's metadata.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

import av
import cv2

from jobs.errors import EngineError
from workers.engines.engine import Keep, Order, Rendering, Report, keep_nothing
from workers.engines.preview import casting, pixels, soundtrack, timeline, voices
from workers.engines.preview.casting import Cast
from workers.engines.preview.encode import AAC_SAMPLES, Film
from workers.engines.preview.faces import Face, FaceFinder
from workers.engines.preview.footage import Footage
from workers.engines.preview.overlay import Overlay
from workers.engines.preview.pixels import Floats, Pixels
from workers.engines.preview.source import open_source
from workers.engines.preview.speakers import Speaker, speakers_of
from workers.engines.preview.still import Still
from workers.engines.preview.timeline import Timeline
from workers.engines.preview.tracking import Tracker
from workers.infinitetalk import sizes
from workers.infinitetalk.sizes import FRAMES_PER_SECOND, Fit

FILE_NAME: Final = "preview.mp4"

_THREADS: Final = 2
"""A worker's usual share; more only hold more memory."""
_LISTENED, _LOOKED, _DRAWN = 0.04, 0.08, 0.97
"""Shares of the whole that are done after each stage."""


class Scene(Protocol):
    """What a film shows before anything is drawn over it."""

    def draw(self, frame: int) -> tuple[Pixels, Cast]:
        """Give one frame, free to be drawn on, and where the faces are in it. Frames are asked for in their order."""

    def warnings(self) -> Sequence[str]:
        """What there is to say once all frames are drawn."""


@dataclass(frozen=True)
class _Script:
    """Who speaks, and when; `openings` has one track per speaker, 0 to 1 for every frame of the video."""

    speakers: tuple[Speaker, ...]
    timeline: Timeline
    openings: tuple[Floats, ...]
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Meeting:
    """Who was found in the first picture, where things may move, and what that foretells."""

    cast: Cast
    mask: Pixels | None
    warnings: Sequence[str]


@dataclass(frozen=True)
class _Set:
    """The scene, how its source was fitted to the frame, where things may move, and what was foretold."""

    scene: Scene
    fit: Fit
    mask: Pixels | None
    warnings: Sequence[str]


class PreviewEngine:
    """Renders all eight models: a picture or a video, one voice or two."""

    def render(self, order: Order, report: Report, keep: Keep = keep_nothing) -> Rendering:  # noqa: ARG002 - it is through before the bucket would be
        """Keep the promise of `Engine.render`, in constant memory: listening, looking, drawing, finishing."""
        cv2.setNumThreads(_THREADS)
        report("listening", 0.0)
        script = _listen(order)
        report("looking", _LISTENED)
        with _build_set(order, script) as stage:
            _shoot(order, script, stage, report)
            ignored = ("A preview turns no knobs; the model would.",) if order.knobs else ()
            warnings = (*script.warnings, *stage.warnings, *stage.scene.warnings(), *ignored)
        report("finishing", 1.0)
        frames = script.timeline.frames
        return Rendering(
            order.folder / FILE_NAME, stage.fit.width, stage.fit.height, frames, frames / FRAMES_PER_SECOND, warnings
        )


def _listen(order: Order) -> _Script:
    heard = [voices.listen(path) for path in order.voices]
    line = timeline.lay_out(heard, order.speaking_order)
    openings = tuple(turn.stretched(turn.voice.openings, line.frames) for turn in line.turns)
    speakers = speakers_of(len(heard))
    silent = [
        f"The {speaker.name}'s voice is silent."
        for speaker, voice in zip(speakers, heard, strict=True)
        if voice.is_silent
    ]
    return _Script(speakers, line, openings, silent)


@contextmanager
def _build_set(order: Order, script: _Script) -> Iterator[_Set]:
    """Open the source, and cast the faces of its first picture; what was opened is closed at the end."""
    table = sizes.TABLES[order.resolution]
    finder = FaceFinder()
    if order.picture is not None:
        fit = sizes.fit(*pixels.size_of(order.picture), table)
        covered = pixels.cover_picture(order.picture, fit)
        meeting = _meet(finder, covered, fit, order, script)
        still = Still(pixels.crop(covered, fit), script.speakers, meeting.cast, script.openings)
        yield _Set(still, fit, meeting.mask, meeting.warnings)
    elif order.video is not None:
        with open_source(order.video) as source:
            fit = sizes.fit(source.height, source.width, table)
            pictures = source.pictures(fit)
            first = next(pictures)
            meeting = _meet(finder, first, fit, order, script)
            tracker = Tracker(finder, script.speakers, meeting.cast, meeting.mask)
            footage = Footage(
                source,
                pictures=chain([first], pictures),
                fit=fit,
                speakers=script.speakers,
                tracker=tracker,
                openings=script.openings,
            )
            yield _Set(footage, fit, meeting.mask, meeting.warnings)
    else:
        raise EngineError("There is neither a picture nor a video to animate.", permanent=True)


def _meet(finder: FaceFinder, covered: Pixels, fit: Fit, order: Order, script: _Script) -> _Meeting:
    """Look at the first picture before it is cropped, so that a face that is cut is known to be one."""
    mask = None if order.mask is None else pixels.cover_mask(order.mask, fit)
    found = finder.find(covered, lambda faces: _everybody_is_there(faces, script.speakers, covered.shape[1]))
    faces = [face.moved(-fit.left, -fit.top) for face in found]
    cast = casting.cast(faces, script.speakers, fit.width, mask)
    moment = "" if order.video is None else " at the beginning"
    return _Meeting(cast, mask, casting.foresee(faces, script.speakers, (fit.width, fit.height), mask, moment))


def _everybody_is_there(faces: Sequence[Face], speakers: Sequence[Speaker], width: int) -> bool:
    return all(casting.faces_of(faces, speaker, width) for speaker in speakers)


def _shoot(order: Order, script: _Script, stage: _Set, report: Report) -> None:
    """Draw and encode every frame, with word of it once per second of output."""
    size, frames = (stage.fit.width, stage.fit.height), script.timeline.frames
    overlay = Overlay(size, script.speakers, script.timeline, stage.mask)
    sound = soundtrack.mix(script.timeline, AAC_SAMPLES)
    try:
        with Film(order.folder / FILE_NAME, *size, sound) as film:
            for frame in range(frames):
                if frame % FRAMES_PER_SECOND == 0:
                    report("drawing", _LOOKED + (_DRAWN - _LOOKED) * frame / frames)
                picture, cast = stage.scene.draw(frame)
                overlay.draw(picture, frame, cast, script.openings)
                film.add(picture)
            report("finishing", _DRAWN)
    except av.FFmpegError as error:
        raise EngineError(f"The video could not be written: {error.strerror}.", permanent=False) from error
