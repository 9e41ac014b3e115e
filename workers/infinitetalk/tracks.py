"""Lays the speakers' voices out in time: together or in turns, all equally long, silence where one is away."""

from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from workers.infinitetalk import loudness
from workers.infinitetalk.loudness import Samples

SAMPLE_RATE: Final = 16_000
"""What the audio encoder hears."""

SpeakingOrder = Literal["meanwhile", "left_right", "right_left"]


def arrange(
    voices: Sequence[Samples | None], order: SpeakingOrder = "meanwhile", sample_rate: int = SAMPLE_RATE
) -> list[Samples]:
    """Return one track per speaker (left first), all equally long, each voice brought to the model's loudness.

    A voice that is None is silent for as long as the other speaks. Voices of unequal length are padded with silence.
    """
    heard = [None if voice is None else loudness.normalised(voice, sample_rate) for voice in voices]
    return lay_out(heard, order)


def lay_out(voices: Sequence[Samples | None], order: SpeakingOrder) -> list[Samples]:
    """Place voices in time without touching their loudness; works at any sample rate."""
    lengths = [None if voice is None else len(voice) for voice in voices]
    length = _longest(lengths)
    present = [np.zeros(length, np.float32) if voice is None else voice for voice in voices]
    starts = starts_of(lengths, order)
    total = max(start + len(voice) for start, voice in zip(starts, present, strict=True))
    return [_placed(voice, start, total) for start, voice in zip(starts, present, strict=True)]


def starts_of(lengths: Sequence[int | None], order: SpeakingOrder) -> list[int]:
    """Say at which sample each voice begins; one that is away (None) takes as long as the longest."""
    if order == "meanwhile":
        return [0] * len(lengths)
    longest = _longest(lengths)
    turns = range(len(lengths)) if order == "left_right" else range(len(lengths) - 1, -1, -1)
    starts, now = [0] * len(lengths), 0
    for turn in turns:
        length = lengths[turn]
        starts[turn], now = now, now + (longest if length is None else length)
    return starts


def total_of(lengths: Sequence[int | None], order: SpeakingOrder) -> int:
    """Say how many samples the voices take together."""
    longest = _longest(lengths)
    ends = zip(starts_of(lengths, order), lengths, strict=True)
    return max(start + (longest if length is None else length) for start, length in ends)


def padded(track: Samples, samples: int) -> Samples:
    """Append silence up to so many samples; a longer track stays as it is."""
    return np.pad(track, (0, max(0, samples - len(track))))


def _longest(lengths: Sequence[int | None]) -> int:
    longest = max((length for length in lengths if length is not None), default=0)
    if not longest:
        raise ValueError("No voice has a sound: there is nothing to say how long the video is.")
    return longest


def _placed(voice: Samples, start: int, total: int) -> Samples:
    return np.pad(voice, (start, total - start - len(voice)))
