import pytest

from tests.workers.infinitetalk import rule

pytest.importorskip("torch", reason=rule.NEEDED)
pytest.importorskip("diffusers", reason=rule.NEEDED)

import torch

from workers.infinitetalk import residency
from workers.infinitetalk.residency import PUBLISHED, Residency, TooLittleMemory
from workers.infinitetalk.transformer import TalkTransformer

TOKENS_480P, TOKENS_720P = 32_760, 75_600
GIB = 2**30


@pytest.mark.parametrize(
    ("free_gib", "tokens", "chosen"),
    [
        (139, TOKENS_720P, Residency.RESIDENT),
        (78, TOKENS_480P, Residency.RESIDENT),
        (78, TOKENS_720P, Residency.RESIDENT),
        (47, TOKENS_480P, Residency.EIGHT_BIT),
        (47, TOKENS_720P, Residency.EIGHT_BIT),
        (23, TOKENS_480P, Residency.OFFLOADED),
        (23, TOKENS_720P, Residency.OFFLOADED),
    ],
)
def test_the_fastest_way_that_fits_is_chosen(free_gib: int, tokens: int, chosen: Residency) -> None:
    assert residency.choose(free_gib * GIB, tokens) is chosen


def test_after_memory_ran_out_the_next_smaller_way_is_chosen() -> None:
    assert residency.choose(139 * GIB, TOKENS_480P, at_least=Residency.EIGHT_BIT) is Residency.EIGHT_BIT


def test_a_gpu_that_is_too_small_is_refused_with_numbers() -> None:
    with pytest.raises(TooLittleMemory, match=r"6\.0 GiB free, and chunks of 75600 tokens need .* GiB resident, .*"):
        residency.choose(6 * GIB, TOKENS_720P)


def test_each_way_needs_less_than_the_one_before() -> None:
    needs = [residency.needed_bytes(each, PUBLISHED, TOKENS_480P) for each in Residency]

    assert needs == sorted(needs, reverse=True)


def test_the_published_models_parameters_are_counted_right() -> None:
    with torch.device("meta"):
        block, blocks, stem = residency.count(TalkTransformer())

    assert blocks + stem == 18_882_046_784
    assert (PUBLISHED.block, PUBLISHED.blocks, PUBLISHED.stem) == pytest.approx((block, blocks, stem), rel=0.01)
