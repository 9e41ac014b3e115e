"""What every engine promises, asked of each: `workers/engines/engine.py` in tests."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest

from jobs.errors import EngineError
from tests.factories_media import clip_mp4, people_png, silence_wav, voice_wav, write
from workers.engines import wire
from workers.engines.engine import Order, Rendering

Equipped = tuple[Any, dict[str, object]]
FRAMES = 12


def order(folder: Path, equipped: Equipped, **changes: Any) -> Order:  # noqa: ANN401 - fields of an order
    plain: dict[str, Any] = {
        "model": "wavespeed-ai/infinitetalk/multi",
        "folder": folder,
        "voices": (write(folder, "left.wav", voice_wav(0.5, 120)), write(folder, "right.wav", voice_wav(0.3, 210))),
        "picture": write(folder, "picture.png", people_png(360, 240)),
        "seed": 7,
        "equipment": equipped[1],
    }
    return Order(**(plain | changes))


def rendered(equipped: Equipped, asked: Order) -> tuple[Rendering, list[tuple[str, float]]]:
    reports: list[tuple[str, float]] = []
    # As a child gets it: through the wire.
    crossed = wire.read_order(wire.write_order(asked))
    return equipped[0].render(crossed, lambda stage, done: reports.append((stage, done))), reports


def test_the_video_is_a_playable_film_of_the_size_and_length_told(
    tmp_path: Path, engine_and_equipment: Equipped
) -> None:
    rendering, _ = rendered(engine_and_equipment, order(tmp_path, engine_and_equipment))
    assert rendering.video.parent == tmp_path
    assert rendering.frames == FRAMES
    assert rendering.seconds == pytest.approx(FRAMES / 25)
    with av.open(str(rendering.video)) as film:
        pictures = [(frame.width, frame.height) for frame in film.decode(video=0)]
        assert film.streams.audio[0].codec_context.sample_rate == 48_000
        assert film.duration == FRAMES * 40_000
    assert pictures == [(rendering.width, rendering.height)] * FRAMES


def test_progress_grows_and_is_told_at_least_once_per_second_of_output(
    tmp_path: Path, engine_and_equipment: Equipped
) -> None:
    _, reports = rendered(engine_and_equipment, order(tmp_path, engine_and_equipment))
    fractions = [done for _, done in reports]
    assert len(fractions) >= FRAMES / 25
    assert all(0 <= one <= other <= 1 for one, other in pairwise(fractions))
    assert fractions[-1] == 1
    assert all(stage and " " not in stage for stage, _ in reports)


@pytest.mark.parametrize(("speaking_order", "frames"), [("left_right", 20), ("right_left", 20)])
def test_speakers_in_turns_take_as_long_as_both(
    tmp_path: Path, engine_and_equipment: Equipped, speaking_order: str, frames: int
) -> None:
    asked = order(tmp_path, engine_and_equipment, speaking_order=speaking_order)
    assert rendered(engine_and_equipment, asked)[0].frames == frames


def test_a_film_and_one_voice_are_rendered_too(tmp_path: Path, engine_and_equipment: Equipped) -> None:
    clip = write(tmp_path, "clip.mp4", clip_mp4(0.2, 180, 120, 1))
    alone = (write(tmp_path, "alone.wav", silence_wav(0.3)),)
    model = "wavespeed-ai/infinitetalk/video-to-video"
    asked = order(tmp_path, engine_and_equipment, model=model, picture=None, video=clip, voices=alone)
    assert rendered(engine_and_equipment, asked)[0].frames == 7


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"picture": None}, "neither"),
        ({"voices": ("left.wav",), "content": voice_wav(0.03)}, "shorter than one frame"),
        ({"voices": ("left.wav",), "content": b"no sound at all"}, r"left\.wav"),
        ({"picture": "picture.png", "content": b"no picture"}, r"picture\.png"),
    ],
    ids=["nothing to show", "short", "no sound", "no picture"],
)
def test_what_cannot_be_used_is_an_engine_error_that_says_why(
    tmp_path: Path, engine_and_equipment: Equipped, changes: dict[str, Any], words: str
) -> None:
    asked = order(tmp_path, engine_and_equipment)
    content = changes.get("content", b"")
    named: dict[str, Any] = {name: value for name, value in changes.items() if value is None}
    if "voices" in changes:
        named["voices"] = tuple(write(tmp_path, name, content) for name in changes["voices"])
    if changes.get("picture"):
        named["picture"] = write(tmp_path, changes["picture"], content)
    with pytest.raises(EngineError, match=words) as caught:
        rendered(engine_and_equipment, replace(asked, **named))
    assert caught.value.permanent
