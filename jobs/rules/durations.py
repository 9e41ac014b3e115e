"""How long the video for given voices will be, and when that is too long."""

from collections.abc import Mapping
from typing import Final

from jobs.errors import MediaError

OUTPUT_MAX_SECONDS: Final = 600.0
# The same speech decodes up to a tenth of a second longer by its codec: 600 s of MP3 must not be told it is too long.
CODEC_SLACK_SECONDS: Final = 0.25


def output_seconds(order: str, tracks: Mapping[str, float]) -> float:
    """Length of the video in seconds: one voice after the other when `order` says so, else the longest voice."""
    lengths = tracks.values()
    return max(lengths, default=0.0) if order == "meanwhile" else sum(lengths)


def refuse_too_long(order: str, tracks: Mapping[str, float], *, longest_seconds: float = OUTPUT_MAX_SECONDS) -> None:
    """Raise MediaError, permanent, naming the seconds when the video would outlast `longest_seconds`.

    `tracks` maps each audio field to its seconds, left speaker first.
    """
    for field, seconds in tracks.items():
        if seconds > longest_seconds + CODEC_SLACK_SECONDS:
            raise MediaError(field, f"lasts {seconds:.1f} seconds; at most {longest_seconds:g} are taken")
    total = output_seconds(order, tracks)
    if total > longest_seconds + CODEC_SLACK_SECONDS:
        sums = " + ".join(f"{seconds:.1f}" for seconds in tracks.values())
        sentence = (
            f"one after the other the voices last {sums} = {total:.1f} seconds; at most {longest_seconds:g} are taken"
        )
        raise MediaError(list(tracks)[-1], sentence)
