"""Promises about videos that are handed in: what is said of them is so, and what is no video is refused."""

from pathlib import Path
from typing import Any

import pytest

from jobs.errors import MediaError
from tests.workers.intake import making_media as make
from workers.intake.films import probe
from workers.intake.limits import Limits


def facts_of(content: bytes, folder: Path, limits: Limits | None = None) -> dict[str, Any]:
    source = folder / "source"
    source.write_bytes(content)
    return probe("video", source, folder / "unused", limits or Limits())


def refusal(content: bytes, folder: Path, limits: Limits | None = None) -> str:
    with pytest.raises(MediaError) as caught:
        facts_of(content, folder, limits)
    assert caught.value.permanent
    return caught.value.reason


@pytest.mark.parametrize(
    ("container", "codec", "suffix"),
    [
        ("mp4", "libx264", ".mp4"),
        ("mov", "libx264", ".mov"),
        ("matroska", "libx264", ".mkv"),
        ("webm", "libvpx", ".webm"),
        ("mp4", "mpeg4", ".mp4"),
    ],
)
def test_every_kind_of_film_is_measured(container: str, codec: str, suffix: str, tmp_path: Path) -> None:
    facts = facts_of(make.film(container, codec, frames=20, fps=20), tmp_path)
    assert (facts["width"], facts["height"], facts["rotation"], facts["suffix"]) == (128, 96, 0, suffix)
    assert facts["seconds"] == pytest.approx(1.0, abs=0.06)
    assert facts["fps"] == pytest.approx(20, abs=1.2)


def test_a_film_filmed_upright_is_measured_as_it_is_shown(tmp_path: Path) -> None:
    facts = facts_of(make.turned(make.film()), tmp_path)
    assert (facts["width"], facts["height"]) == (96, 128)
    assert facts["rotation"] in {90, 270}


def test_the_average_pace_of_an_uneven_film_is_counted(tmp_path: Path) -> None:
    stamps = [*range(20), *range(20, 60, 4)]
    facts = facts_of(make.film(stamps=stamps, fps=20), tmp_path)
    assert facts["fps"] == pytest.approx(30 / 3, rel=0.1)


def test_a_film_with_sound_is_a_film(tmp_path: Path) -> None:
    assert facts_of(make.film(sound="aac"), tmp_path)["seconds"] == pytest.approx(1.0, abs=0.06)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is no whole video"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "is no whole video"),
        (bytes(50_000), "is no whole video"),
        (make.picture(), "is no whole video"),
        (make.picture(kind="GIF"), "is no whole video"),
        (make.film("avi", "mpeg4"), "is no whole video"),
        (make.film()[:600], "is no whole video"),
        (make.recording("mp4", "aac", make.tone(1)), "holds no video"),
        (make.recording("matroska", "flac", make.tone(1)), "holds no video"),
        (make.film(size=(64, 48)), "is 64 x 48 pixels; each side must have 64 to 4096"),
        (make.film(size=(384, 64)), "is 384 x 64 pixels; no side may be over 5 times the other"),
        (make.film("matroska", "ffv1"), "is filmed with a codec that is not taken"),
    ],
)
def test_what_is_no_film_is_refused_with_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    assert refusal(content, tmp_path).startswith(reason)


def test_a_film_that_is_too_large_is_refused_by_its_size(tmp_path: Path) -> None:
    reason = refusal(make.film(size=(256, 128)), tmp_path, Limits(video_side_max_pixels=200))
    assert reason == "is 256 x 128 pixels; each side must have 64 to 200"


def test_a_film_none_of_whose_pictures_decode_is_refused(tmp_path: Path) -> None:
    whole = bytearray(make.film())
    start = whole.index(b"mdat") + 4
    whole[start : whole.index(b"moov")] = bytes(whole.index(b"moov") - start)
    assert refusal(bytes(whole), tmp_path).startswith(("holds no picture that can be decoded", "is no whole video"))
