import time

import pytest

from jobs.errors import InvalidInput, MissingInput, WrongInput
from jobs.rules import inputs
from jobs.rules.catalog import MODELS
from tests.factories import MULTI, form

SINGLE = "wavespeed-ai/infinitetalk"


def test_the_defaults_are_filled_in() -> None:
    cleaned = inputs.clean(MODELS[MULTI], form())
    assert cleaned == {**form(), "prompt": "", "order": "meanwhile", "resolution": "480p", "seed": -1}


def test_null_means_absent_and_unknown_keys_are_dropped() -> None:
    cleaned = inputs.clean(MODELS[MULTI], form() | {"order": None, "enable_base64_output": False, "model": "x"})
    assert cleaned["order"] == "meanwhile"
    assert "model" not in cleaned


def test_a_choice_that_was_left_empty_is_the_first() -> None:
    left_empty = inputs.clean(MODELS[MULTI], form(order="", resolution=""))
    assert left_empty == inputs.clean(MODELS[MULTI], form())


def test_a_fast_model_drops_the_resolution() -> None:
    assert "resolution" not in inputs.clean(MODELS["wavespeed-ai/infinitetalk-fast/multi"], form(resolution="720p"))


@pytest.mark.parametrize("field", ["image", "left_audio", "right_audio"])
@pytest.mark.parametrize("empty", [None, ""])
def test_a_required_medium_must_be_there(field: str, empty: str | None) -> None:
    with pytest.raises(MissingInput, match=f"^{field} is required") as caught:
        inputs.clean(MODELS[MULTI], form() | {field: empty})
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("image", 7),
        ("image", ["https://example.com/a.png"]),
        ("image", "ftp://example.com/a.png"),
        ("image", "a b?c"),
        ("image", "https://example.com/" + "a" * 9000),
        ("order", "both"),
        ("order", 1),
        ("resolution", "1080p"),
        ("resolution", None.__class__),
        ("seed", -2),
        ("seed", 2**31),
        ("seed", "7"),
        ("seed", True),
        ("seed", 1.5),
        ("seed", float("inf")),
        ("prompt", 7),
        ("prompt", "x" * 10_001),
        ("prompt", "a\x00b"),
    ],
)
def test_a_wrong_value_is_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(WrongInput, match=f"^{field} ") as caught:
        inputs.clean(MODELS[MULTI], form() | {field: value})
    assert caught.value.field == field


@pytest.mark.parametrize("value", ["data:image/png;base64,AAAA", "AAAA", "AA_-", "AAA=\n"])
def test_data_uris_and_bare_base64_are_media(value: str) -> None:
    assert inputs.is_inline(str(inputs.clean(MODELS[SINGLE], {"image": value, "audio": "https://e.com/a"})["image"]))


@pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)
def test_every_model_names_what_it_lacks(model: object) -> None:
    with pytest.raises(InvalidInput):
        inputs.clean(model, {})  # type: ignore[arg-type]


def test_a_whole_number_written_as_a_float_is_a_seed() -> None:
    assert inputs.clean(MODELS[MULTI], form(seed=7.0))["seed"] == 7


def test_a_seed_that_nobody_filled_in_is_drawn() -> None:
    assert inputs.clean(MODELS[MULTI], form(seed=""))["seed"] == -1


def test_a_hostile_medium_is_judged_in_no_time() -> None:
    hostile = "A" + " " * 200_000 + "!"
    began = time.process_time()
    with pytest.raises(WrongInput):
        inputs.clean(MODELS[SINGLE], {"image": hostile, "audio": "AAAA"})
    assert time.process_time() - began < 1  # it was minutes when white space could match twice
