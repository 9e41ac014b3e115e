from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule
from workers.infinitetalk import masks, sizes

RECORDED = rule.arrays("frames")


@pytest.mark.parametrize("case", rule.cases("frames")["masks"], ids=lambda case: case["name"])
def test_each_speaker_owns_the_recorded_tokens(case: dict[str, Any]) -> None:
    height, width = case["source"]
    fit = sizes.fit(height, width, sizes.TABLES[f"{case['size']}p"])
    # The recorded boxes are (top, left, bottom, right), as the original's are whatever it calls them.
    boxes = [(left, top, right, bottom) for top, left, bottom, right in case.get("boxes", [])]
    drawn = masks.of_boxes(height, width, boxes) if boxes else masks.of_halves(height, width)
    latents = masks.to_latents(drawn, fit)

    assert (latents == RECORDED[f"{case['name']}.latent"]).all()
    assert (masks.to_tokens(latents) == RECORDED[f"{case['name']}.tokens"]).all()
    assert masks.to_tokens(latents).sum(axis=(1, 2)).tolist() == case["token_counts"]


def test_boxes_are_left_top_right_bottom() -> None:
    first, background = masks.of_boxes(10, 20, [(1, 2, 15, 4)])

    assert np.argwhere(first).min(axis=0).tolist() == [2, 1]
    assert np.argwhere(first).max(axis=0).tolist() == [3, 14]
    assert ((first + background) == 1).all()


def test_one_speakers_mask_gives_the_rest_to_a_silent_second() -> None:
    picture = np.zeros((8, 8), np.uint8)
    picture[:, 2:4] = 255
    speaker, silent, background = masks.of_picture(picture, speakers=1)

    assert (speaker == (picture > 0)).all()
    assert ((speaker + silent) == 1).all()
    assert not background.any()


def test_two_speakers_share_a_mask_by_halves() -> None:
    left, right, background = masks.of_picture(np.full((40, 80), 255, np.uint8), speakers=2)

    assert left[:, 40:].sum() == right[:, :40].sum() == 0
    assert left.any()
    assert right.any()
    assert background.any()
