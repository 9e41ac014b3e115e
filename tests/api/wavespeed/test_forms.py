"""Promises about the documented forms: they say what the rules decide."""

import re
from typing import Any

import pytest

from api.wavespeed import forms
from jobs.errors import InvalidInput, WrongInput
from jobs.rules import inputs
from jobs.rules.catalog import MODELS, Model

VALUES: tuple[object, ...] = (None, "https://x.example/a", "aGVsbG8=", "data:image/png;base64,aGk=", "a b?", 7)
MODELS_BY_ID = pytest.mark.parametrize("model", MODELS.values(), ids=lambda model: model.id)


def full_form(model: Model) -> dict[str, Any]:
    return dict.fromkeys(model.media, "https://x.example/a")


@MODELS_BY_ID
def test_the_form_names_exactly_what_the_rules_keep(model: Model) -> None:
    schema = forms.request_schema(model)
    assert set(schema["properties"]) == set(inputs.clean(model, full_form(model)))
    assert schema["required"] == list(model.required)


@MODELS_BY_ID
def test_the_form_and_the_rules_agree_on_what_a_medium_may_be(model: Model) -> None:
    for field in model.media:
        schema = forms.request_schema(model)["properties"][field]
        for value in VALUES:
            assert takes(model, field, value) == documents(schema, value), (field, value)


@MODELS_BY_ID
def test_the_form_and_the_rules_agree_on_the_defaults(model: Model) -> None:
    cleaned = inputs.clean(model, full_form(model))
    for name, schema in forms.request_schema(model)["properties"].items():
        if name not in model.media:
            assert schema["default"] == cleaned[name]


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, False), ("", False), (False, False), (0, False), ("False", False), (True, True), (1, True), ("true", True)],
)
def test_a_switch_is_understood_in_every_spelling(value: object, expected: bool) -> None:  # noqa: FBT001 - a case
    assert forms.switch({"enable_sync_mode": value}, "enable_sync_mode") is expected


@pytest.mark.parametrize("value", ["maybe", 2, [], {}, 0.5])
def test_any_other_switch_is_refused(value: object) -> None:
    with pytest.raises(WrongInput, match="enable_sync_mode must be true or false"):
        forms.switch({"enable_sync_mode": value}, "enable_sync_mode")


def takes(model: Model, field: str, value: object) -> bool:
    try:
        inputs.clean(model, full_form(model) | {field: value})
    except InvalidInput:
        return False
    return True


def documents(schema: dict[str, Any], value: object) -> bool:
    if value is None:
        return "null" in schema["type"]
    return isinstance(value, str) and re.search(schema["pattern"], value) is not None
