"""Promises about how long a video may become."""

import pytest

from jobs.errors import MediaError
from jobs.rules.durations import output_seconds, refuse_too_long


def test_voices_at_once_last_as_long_as_the_longer() -> None:
    assert output_seconds("meanwhile", {"left_audio": 20.0, "right_audio": 14.2}) == 20.0


@pytest.mark.parametrize("order", ["left_right", "right_left"])
def test_voices_in_turn_last_as_long_as_both(order: str) -> None:
    assert output_seconds(order, {"left_audio": 20.0, "right_audio": 14.2}) == pytest.approx(34.2)


def test_one_voice_that_is_too_long_is_refused_by_its_seconds() -> None:
    with pytest.raises(MediaError, match=r"^audio: lasts 601\.0 seconds; at most 600") as caught:
        refuse_too_long("meanwhile", {"audio": 601.0})
    assert caught.value.permanent
    assert caught.value.code == 1402


def test_two_voices_in_turn_that_are_too_long_together_are_refused_by_their_seconds() -> None:
    with pytest.raises(MediaError, match=r"right_audio: .*400\.0 \+ 300\.0 = 700\.0 seconds; at most 600"):
        refuse_too_long("left_right", {"left_audio": 400.0, "right_audio": 300.0})


def test_the_same_two_voices_at_once_are_fine() -> None:
    refuse_too_long("meanwhile", {"left_audio": 400.0, "right_audio": 300.0})


def test_ten_minutes_are_fine_even_when_the_codec_added_a_breath() -> None:
    refuse_too_long("left_right", {"left_audio": 300.06, "right_audio": 300.06})
