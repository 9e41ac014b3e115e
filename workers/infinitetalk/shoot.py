"""What is asked for, in files and words: who speaks when and where, what is to be seen, and what is not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from workers.infinitetalk import sizes, sound, soundtrack, tracks
from workers.infinitetalk.masks import Box
from workers.infinitetalk.sound import Integers
from workers.infinitetalk.tracks import SpeakingOrder

NEGATIVE: Final = (
    "overexposed, washed out, blurred, low quality, compression artefacts, subtitles, a painting, a frozen picture,"
    " deformed face, deformed hands, extra fingers, extra limbs, walking backwards, a crowd, clutter behind"
)
"""What the model is asked not to show, unless told otherwise."""


@dataclass(frozen=True)
class Shoot:
    """One video's wishes. `voices` has one sound file per speaker, left first; None is a speaker who says nothing.

    `prompts` are texts by the frame from which on they hold, the first at 0. `boxes`, one per speaker, or a `mask`
    (white may move) say who is where; without them two speakers have a half each.
    """

    voices: Sequence[Path | None]
    order: SpeakingOrder = "meanwhile"
    prompts: Mapping[int, str] = field(default_factory=lambda: {0: ""})
    negative: str = NEGATIVE
    boxes: Sequence[Box] = ()
    mask: Path | None = None

    @property
    def variant(self) -> Literal["single", "multi"]:
        """Whose weights it takes: one speaker with a place of their own has a silent neighbour, and so is two."""
        return "multi" if len(self.voices) > 1 or self.boxes or self.mask else "single"


@dataclass(frozen=True)
class Voices:
    """The voices as they came, 48 kHz and 16 bit, and how many frames they make together."""

    samples: Sequence[Integers | None]
    order: SpeakingOrder

    @property
    def frames(self) -> int:
        lengths = [None if voice is None else len(voice) for voice in self.samples]
        return sizes.frame_count(tracks.total_of(lengths, self.order) / soundtrack.SAMPLE_RATE)


def hear(shoot: Shoot) -> Voices:
    """Read the voices. Raises av.FFmpegError for what is no sound."""
    read = [None if path is None else sound.read(path, soundtrack.SAMPLE_RATE) for path in shoot.voices]
    return Voices(read, shoot.order)
