from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule, voices
from workers.infinitetalk import loudness, tracks

RECORDED = rule.arrays("audio")
CASES = rule.cases("audio")["loudness"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_a_track_is_measured_and_brought_to_the_recorded_loudness(case: dict[str, Any]) -> None:
    samples = (voices.track(case["track"]) * np.float32(case["amplitude"]))[: case["samples"]]
    measured = loudness.integrated(samples, tracks.SAMPLE_RATE)
    heard = loudness.normalised(samples, tracks.SAMPLE_RATE)

    assert measured == (None if case["lufs"] is None else pytest.approx(case["lufs"], abs=1e-4))
    assert heard[::80] == pytest.approx(RECORDED[f"loudness.{case['name']}"], abs=1e-6, rel=1e-5)
    assert np.sqrt((heard.astype(np.float64) ** 2).mean()) == pytest.approx(case["rms"], rel=1e-5)
    assert np.abs(heard).max() == pytest.approx(case["peak"], rel=1e-5)


@pytest.mark.parametrize("samples", [0, 1, 6399])
def test_what_is_too_short_to_measure_stays_as_it_is(samples: int) -> None:
    short = np.full(samples, 0.5, np.float32)

    assert loudness.integrated(short, tracks.SAMPLE_RATE) is None
    assert (loudness.normalised(short, tracks.SAMPLE_RATE) == short).all()


def test_a_tone_of_known_loudness_reads_as_the_standard_says() -> None:
    # BS.1770: a full-scale sine of 997 Hz in one channel reads -3.01 LUFS. The original's shelf lies a little lower.
    tone = np.sin(2 * np.pi * 997 * np.arange(48_000 * 5) / 48_000).astype(np.float32)

    assert loudness.integrated(tone, 48_000) == pytest.approx(-3.01, abs=0.06)
