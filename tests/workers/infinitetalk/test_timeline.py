from itertools import pairwise
from typing import Any

import pytest

from tests.workers.infinitetalk import rule
from workers.infinitetalk import timeline
from workers.infinitetalk.timeline import Span

CASES = rule.cases("frames")["timelines"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['audio_frames']}-{case['max_frames']}-{case['chunk']}")
def test_chunks_see_hear_and_keep_what_the_original_model_does(case: dict[str, Any]) -> None:
    span = Span(case["chunk"], case["motion"])
    frames = min(case["audio_frames"], case["max_frames"])
    planned = list(timeline.chunks(frames, span))

    assert frames == case["frames"]
    assert len(planned) == timeline.chunk_count(frames, span) == len(case["chunks"])
    for chunk, recorded in zip(planned, case["chunks"], strict=True):
        heard = timeline.windows(chunk.start, span.chunk_frames, case["audio_frames"])
        assert chunk.start == recorded["reference_frame"]
        assert [chunk.kept.start, chunk.kept.stop] == recorded["kept"]
        assert heard[0].tolist() == recorded["first_window"]
        assert heard[-1].tolist() == recorded["last_window"]
        assert _runs(heard[:, 2].tolist()) == recorded["centres"]


@pytest.mark.parametrize("frames", [1, 9, 80, 81, 82, 153, 154, 15000])
def test_kept_frames_are_exactly_the_video(frames: int) -> None:
    span = Span()
    kept = [chunk.start + frame for chunk in timeline.chunks(frames, span) for frame in chunk.kept]

    assert kept == list(range(frames))


@pytest.mark.parametrize("audio_frames", [1, 5, 40, 81])
def test_short_audio_never_points_outside_of_itself(audio_frames: int) -> None:
    heard = timeline.windows(0, 81, audio_frames)

    assert heard.min() == 0
    assert heard.max() == audio_frames - 1


@pytest.mark.parametrize(("chunk", "motion"), [(80, 9), (81, 8), (9, 9), (81, 0), (81, -3)])
def test_chunks_the_autoencoder_cannot_make_are_refused(chunk: int, motion: int) -> None:
    with pytest.raises(ValueError, match="4n"):
        Span(chunk, motion)


def _runs(centres: list[int]) -> list[list[int]]:
    """Rising and falling runs, as first and last index; the turn's index stands twice."""
    turn = next((at for at, (one, other) in enumerate(pairwise(centres), 1) if other <= one), len(centres))
    return [[run[0], run[-1]] for run in (centres[:turn], centres[turn:]) if run]
