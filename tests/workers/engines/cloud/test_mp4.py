"""Promises about watching an MP4 go by: whole or not is told however it is cut up, and its index is read right."""

import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.fake_wavespeed import films
from tests.factories_media import clip_mp4
from workers.engines.cloud.mp4 import Film, Watcher

CLIP = clip_mp4(1.6, 64, 48)
PADDED = b"".join((film := films.shoot(1, "mark", 9_000)).pieces(0, film.size_bytes))


def watched(*pieces: bytes) -> Watcher:
    watcher = Watcher()
    for piece in pieces:
        watcher.watch(piece)
    return watcher


@pytest.mark.parametrize(("video", "film"), [(CLIP, Film(64, 48, 40, 1.6)), (PADDED, Film(96, 54, 25, 1.0))])
def test_a_whole_video_is_known_and_described(video: bytes, film: Film) -> None:
    found = watched(video)

    assert found.why_not_whole() is None
    assert found.film() == film


def test_an_index_in_front_is_read_too() -> None:
    front, back = CLIP[: CLIP.index(b"mdat") - 4], CLIP[CLIP.index(b"moov") - 4 :]
    samples = CLIP[len(front) : len(CLIP) - len(back)]

    found = watched(front + back + samples)
    assert (found.why_not_whole(), found.film()) == (None, Film(64, 48, 40, 1.6))


@given(st.lists(st.integers(0, len(PADDED)), max_size=12))
def test_it_does_not_matter_where_the_pieces_part(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(PADDED)]
    found = watched(*(PADDED[start:stop] for start, stop in itertools.pairwise(places)))

    assert (found.why_not_whole(), found.film()) == (None, Film(96, 54, 25, 1.0))


@given(st.integers(0, len(PADDED) - 1))
def test_a_video_that_ends_too_early_is_not_whole(length: int) -> None:
    boundaries = {at for at in range(len(PADDED)) if PADDED[at + 4 : at + 8] == b"free" and at > PADDED.index(b"moov")}

    assert (watched(PADDED[:length]).why_not_whole() is None) == (length in boundaries)


def test_byte_by_byte_is_no_different() -> None:
    assert watched(*(CLIP[at : at + 1] for at in range(len(CLIP)))).film() == Film(64, 48, 40, 1.6)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Sorry</html>" * 100,
        b"\x89PNG\r\n\x1a\n" + bytes(1000),
        bytes(100),
        struct.pack(">I4s", 4, b"ftyp") + bytes(100),
        struct.pack(">I4sQ", 1, b"ftyp", 3) + bytes(100),
        struct.pack(">I4s", 16, b"ftyp") + b"isomisom",
    ],
)
def test_what_is_no_video_is_told(content: bytes) -> None:
    found = watched(content)

    assert found.why_not_whole() is not None
    assert found.film() is None


def test_a_last_box_without_a_length_goes_to_the_end() -> None:
    at = CLIP.index(b"mdat") - 4
    back = CLIP.index(b"moov") - 4
    open_ended = CLIP[:at] + CLIP[back:] + struct.pack(">I", 0) + CLIP[at + 4 : back]

    assert watched(open_ended).why_not_whole() is None


@given(st.binary(max_size=400))
def test_an_index_of_nonsense_is_no_description(nonsense: bytes) -> None:
    index = struct.pack(">I4s", 8 + len(nonsense), b"moov") + nonsense
    found = watched(struct.pack(">I4s", 8, b"ftyp"), index, struct.pack(">I4s", 8, b"mdat"))

    assert found.why_not_whole() is None
    assert found.film() is None


@given(st.binary(min_size=1, max_size=3), st.integers(0, 10_000))
def test_a_damaged_index_never_crashes_us(damage: bytes, at: int) -> None:
    start = CLIP.index(b"moov") + 4
    place = start + at % (len(CLIP) - start)
    spoiled = CLIP[:place] + damage + CLIP[place + len(damage) :]

    watched(spoiled[: len(CLIP)]).film()
