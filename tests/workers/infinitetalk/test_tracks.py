from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule, voices
from workers.infinitetalk import sizes, tracks
from workers.infinitetalk.tracks import SpeakingOrder

RECORDED = rule.arrays("audio")
ORDERS: dict[str, SpeakingOrder] = {"para": "meanwhile", "add": "left_right"}


@pytest.mark.parametrize("case", rule.cases("audio")["mixes"], ids=lambda case: case["name"])
def test_two_voices_are_laid_out_as_recorded(case: dict[str, Any]) -> None:
    pair = [None if name == "None" else voices.track(name) for name in case["tracks"]]
    first, second = tracks.arrange(pair, ORDERS[case["type"]])
    made = {"first": first, "second": second, "sum": first + second}

    assert sizes.frame_count(len(first) / tracks.SAMPLE_RATE) == case["embedding_frames"]
    for told in case["outputs"]:
        samples = made[told["track"]]
        assert len(samples) == told["samples"]
        assert samples[::80] == pytest.approx(RECORDED[f"mix.{case['name']}.{told['track']}"], abs=1e-6)
        loud = np.flatnonzero(samples)
        assert [told["first_sound"], told["last_sound"]] == ([loud[0], loud[-1]] if loud.size else [None, None])


def test_right_left_lets_the_right_speaker_begin() -> None:
    left, right = tracks.lay_out([np.ones(3, np.float32), np.ones(2, np.float32)], "right_left")

    assert left.tolist() == [0, 0, 1, 1, 1]
    assert right.tolist() == [1, 1, 0, 0, 0]


def test_unequal_voices_that_speak_together_become_equally_long() -> None:
    left, right = tracks.lay_out([np.ones(3, np.float32), np.ones(5, np.float32)], "meanwhile")

    assert left.tolist() == [1, 1, 1, 0, 0]
    assert right.tolist() == [1, 1, 1, 1, 1]


@pytest.mark.parametrize("order", ["meanwhile", "left_right", "right_left"])
def test_silent_voices_are_no_error(order: SpeakingOrder) -> None:
    left, right = tracks.arrange([np.zeros(16000, np.float32), None], order)

    assert len(left) == len(right) == (16000 if order == "meanwhile" else 32000)
    assert not left.any()


def test_nobody_at_all_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match="No voice has a sound"):
        tracks.arrange([None, None])
