from typing import Any

import pytest

from tests.workers.infinitetalk import rule
from workers.infinitetalk import pictures, sizes

RECORDED = rule.arrays("frames")
TINY = {float(ratio): (height, width) for ratio, (height, width) in rule.cases("frames")["tiny_buckets"].items()}


@pytest.mark.parametrize("case", rule.cases("frames")["covers"], ids=lambda case: case["name"])
def test_a_picture_is_scaled_and_cropped_to_the_same_pixels(case: dict[str, Any]) -> None:
    source = rule.picture(case["seed"], "image", *case["picture"])
    fit = sizes.fit(source.shape[0], source.shape[1], TINY)

    assert [fit.resized_height, fit.resized_width, fit.top, fit.left] == [*case["resized"], *case["crop"]]
    assert (pictures.cover(source, fit) == RECORDED[f"{case['name']}.u8"]).all()
