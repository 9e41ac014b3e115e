from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)

import torch

from workers.infinitetalk import colour

RECORDED = rule.arrays("colour")


@pytest.mark.parametrize("case", rule.cases("colour")["cases"], ids=lambda case: case["name"])
def test_frames_take_on_the_references_colours(case: dict[str, Any]) -> None:
    frames = _uniform(case, "source", 3, case["frames"], *case["size"])
    reference = _uniform(case, "reference", 3, *case["size"])
    matched = colour.match(frames, reference, case["strength"])

    rule.assert_near(matched.numpy(), RECORDED[case["name"]], 5e-4, 5e-5)


def test_lab_and_back_is_where_it_began() -> None:
    rgb = torch.from_numpy(rule.uniform("lab", 3, 8, 8).astype(np.float32)) / 2 + 0.5

    assert torch.allclose(colour.to_rgb(colour.to_lab(rgb)), rgb, atol=1e-5)


def test_a_frame_of_one_colour_takes_the_references_mean_and_stays_finite() -> None:
    reference = torch.from_numpy(rule.uniform("reference", 3, 8, 8).astype(np.float32))

    assert colour.match(torch.full((3, 1, 8, 8), 0.25), reference).isfinite().all()


def test_strength_nothing_changes_nothing() -> None:
    frames = torch.rand(3, 2, 4, 4)

    assert colour.match(frames, torch.rand(3, 4, 4), 0.0) is frames


def _uniform(case: dict[str, Any], name: str, *shape: int) -> torch.Tensor:
    factor, offset = case[name]
    return torch.from_numpy((factor * rule.uniform(f"{case['seed']}/{name}", *shape) + offset).astype(np.float32))
