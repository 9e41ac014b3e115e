import pytest

from jobs.errors import WrongInput
from jobs.rules import knobs
from jobs.rules.catalog import MODELS

DUET = MODELS["wavespeed-ai/infinitetalk/multi"]
FAST = MODELS["wavespeed-ai/infinitetalk-fast"]
BOX = [0, 10, 200, 300]


def test_what_is_turned_comes_out_as_it_will_be_kept() -> None:
    turned = {
        "preset": "standard",
        "steps": 30,
        "text_scale": 4,
        "audio_scale": 3.5,
        "shift": 5,
        "negative_prompt": "hats",
        "boxes": [BOX, (200, 10, 400, 300)],
        "chunk_seeds": {"3": 77, "04": 5},
        "prompts": [{"from_seconds": 2, "prompt": "they laugh"}, {"from_seconds": 4.5, "prompt": "they stop"}],
    }
    assert knobs.clean(DUET, turned, {}) == {
        **turned,
        "text_scale": 4.0,
        "shift": 5.0,
        "boxes": [BOX, [200, 10, 400, 300]],
        "chunk_seeds": {"3": 77, "4": 5},
    }


def test_of_a_knob_that_there_is_not_little_is_repeated() -> None:
    with pytest.raises(WrongInput, match="There is no knob xxx") as caught:
        knobs.clean(DUET, {"x" * 100_000: 1}, {})
    assert len(str(caught.value)) < 300


def test_null_and_nothing_turn_nothing() -> None:
    assert knobs.clean(DUET, {"steps": None, "boxes": None}, {}) == {}


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("preset", "best"),
        ("preset", ["fast"]),
        ("steps", 0),
        ("steps", 101),
        ("steps", 8.5),
        ("steps", True),
        ("text_scale", 0.5),
        ("audio_scale", float("nan")),
        ("shift", 0),
        ("shift", "7"),
        ("negative_prompt", "\x00"),
        ("negative_prompt", 7),
        ("boxes", [BOX]),
        ("boxes", "left and right"),
        ("boxes", [BOX, [0, 0, 10]]),
        ("boxes", [BOX, [10, 0, 10, 5]]),
        ("boxes", [BOX, [0, 5, 10, 5]]),
        ("boxes", [BOX, [-1, 0, 10, 5]]),
        ("boxes", [BOX, [0, 0, 10, 99_999]]),
        ("chunk_seeds", {"first": 1}),
        ("chunk_seeds", {"1000": 1}),
        ("chunk_seeds", {"1": -1}),
        ("chunk_seeds", [1]),
        ("prompts", [{"from_seconds": 600, "prompt": "late"}]),
        ("prompts", [{"from_seconds": 2}]),
        ("prompts", [{"from_seconds": 2, "prompt": "a"}, {"from_seconds": 2, "prompt": "b"}]),
        ("prompts", [{"from_seconds": 0, "prompt": "a"}] * 101),
    ],
)
def test_a_knob_turned_too_far_is_refused_by_its_name(knob: str, value: object) -> None:
    with pytest.raises(WrongInput) as caught:
        knobs.clean(DUET, {knob: value}, {})
    assert caught.value.field == f"knobs.{knob}"


def test_a_knob_that_is_not_there_is_refused() -> None:
    with pytest.raises(WrongInput, match="no knob volume"):
        knobs.clean(DUET, {"volume": 11}, {})


@pytest.mark.parametrize("turned", [{"preset": "standard"}, {"steps": 13}])
def test_a_fast_model_stays_fast(turned: dict[str, object]) -> None:
    with pytest.raises(WrongInput):
        knobs.clean(FAST, turned, {})
    assert knobs.clean(FAST, {"preset": "few-steps", "steps": 12}, {})


def test_boxes_and_a_mask_are_one_too_many() -> None:
    solo = MODELS["wavespeed-ai/infinitetalk"]
    with pytest.raises(WrongInput, match="one of them"):
        knobs.clean(solo, {"boxes": [BOX]}, {"mask_image": "https://example.com/mask.png"})


def test_the_cloud_turns_no_knobs_and_takes_no_money_for_them() -> None:
    knobs.check_engine({}, "cloud")
    knobs.check_engine({"steps": 3}, "gpu")
    with pytest.raises(WrongInput, match="no knobs"):
        knobs.check_engine({"steps": 3}, "cloud")


@pytest.mark.parametrize(
    ("turned", "wanted", "configured", "engine"),
    [
        ({"steps": 8}, "auto", ("gpu", "cloud"), "gpu"),
        ({}, "auto", ("gpu", "cloud"), "auto"),
        ({"steps": 8}, "cloud", ("gpu", "cloud"), "cloud"),
        ({"steps": 8}, "auto", ("preview",), "auto"),
    ],
)
def test_an_order_with_knobs_wants_the_engine_that_has_them(
    turned: dict[str, object], wanted: str, configured: tuple[str, ...], engine: str
) -> None:
    assert knobs.only_gpu(turned, wanted, configured) == engine
