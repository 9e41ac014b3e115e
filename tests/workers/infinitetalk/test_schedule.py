from typing import Any

import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("diffusers", reason=rule.NEEDED)

from workers.infinitetalk import schedule

CASES = rule.cases("sampler")["schedules"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['steps']}-{case['shift']}")
def test_the_model_is_asked_at_the_recorded_times(case: dict[str, Any]) -> None:
    made = schedule.original(case["steps"], case["shift"])
    strides = made.sigmas[:-1] - made.sigmas[1:]

    assert [*made.timesteps.tolist(), 0.0] == pytest.approx(case["timesteps"], abs=5e-4)
    assert strides.tolist() == pytest.approx(case["dt"], abs=1e-6)


def test_few_steps_are_spread_so_that_the_last_one_still_does_something() -> None:
    assert schedule.fitting(4, 1.0).sigmas.tolist() == pytest.approx([1, 0.75, 0.5, 0.25, 0])
    assert schedule.fitting(8, 7.0).sigmas.tolist() == schedule.original(8, 7.0).sigmas.tolist()
