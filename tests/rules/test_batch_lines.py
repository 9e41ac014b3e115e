"""Promises about one line of a batch: what it may say, and what it is told when it says something else."""

import json

import pytest

from jobs.errors import CallerError, InvalidInput, MissingInput, WrongInput
from jobs.rules import batch_lines
from jobs.rules.batches import LINE_MAX_BYTES
from tests import factories


def said(**changes: object) -> bytes:
    return json.dumps(factories.line(**changes)).encode()  # type: ignore[arg-type]  # as the factory takes them


def read(text: bytes, **defaults: object) -> batch_lines.Line:
    return batch_lines.read(text, defaults)


def refused(text: bytes, kind: type[CallerError] = WrongInput) -> CallerError:
    with pytest.raises(kind) as caught:
        read(text)
    return caught.value


def test_a_line_says_its_name_its_model_its_form_and_its_options() -> None:
    line = read(said(options={"engine": "preview", "tags": ["a"], "duration_seconds": 7.5}))
    assert (line.custom_id, line.model, line.inputs) == ("row-1", factories.MULTI, factories.form())
    assert (line.options.engine, line.options.tags, line.options.declared_seconds) == ("preview", ["a"], 7.5)


def test_openais_envelope_is_understood() -> None:
    body = {"model": factories.MULTI, "inputs": factories.form(), "engine": "preview", "voice_seconds": 3}
    line = read(json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/jobs", "body": body}).encode())
    assert (line.model, line.options.engine, line.options.declared_seconds) == (factories.MULTI, "preview", 3)
    assert line.shape == "OpenAI's"


def test_the_batchs_options_hold_where_the_line_says_nothing() -> None:
    line = read(said(options={"priority": 5}), engine="preview", priority=1)
    assert (line.options.engine, line.options.priority) == ("preview", 5)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"options": {"engine": 5}}, "options.engine"),
        ({"options": {"priority": 101}}, "options.priority"),
        ({"options": {"webhook": "ftp://x"}}, "options.webhook"),
        ({"options": {"duration_seconds": 0}}, "options.duration_seconds"),
        ({"options": {"duration_seconds": 4, "voice_seconds": 5}}, "options"),
        ({"options": {"deadlines": {"run_seconds": 0}}}, "options.deadlines.run_seconds"),
        ({"options": {"metadata": {"a": "x" * 20_000}}}, "options.metadata"),
        ({"options": {"speed": 2}}, "options.speed"),
        ({"options": []}, "options"),
        ({"inputs": []}, "inputs"),
        ({"custom_id": 5}, "custom_id"),
        ({"custom_id": ""}, "custom_id"),
        ({"custom_id": "a" * 201}, "custom_id"),
        ({"custom_id": "a\nb"}, "custom_id"),
        ({"prompt": "here?"}, "prompt"),
    ],
)
def test_what_a_line_gets_wrong_is_named(changes: dict[str, object], field: str) -> None:
    assert refused(said(**changes)).field == field


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "text",
    [
        said(options={LONG: 1}),
        said(options={"deadlines": {LONG: 1}}),
        said(**{LONG: 1}),
        json.dumps({"custom_id": "a", LONG: "\0"}).encode(),
        said(options={"priority": LONG}),
        said(options={"tags": [LONG]}),
        said(custom_id=LONG),
    ],
    ids=["an option", "a deadline", "a part", "an unstorable part", "a priority", "a tag", "a custom_id"],
)
def test_however_long_a_name_is_little_of_it_is_repeated(text: bytes) -> None:
    error = refused(text)
    assert len(str(error)) < 300
    assert len(error.field or "") < 200


@pytest.mark.parametrize("part", ["custom_id", "model", "inputs"])
def test_what_a_line_lacks_is_named(part: str) -> None:
    assert refused(said(**{part: None}), MissingInput).field == part


@pytest.mark.parametrize(
    "text",
    [
        b"nope",
        b"[]",
        b'{"custom_id": "a"',
        b'{"a": 1, "a": 2}',
        b'{"a": "\xff"}',
        b'{"a": NaN}',
        b"x" * (LINE_MAX_BYTES + 1),
    ],
    ids=["words", "an array", "cut off", "a key twice", "not UTF-8", "no number", "too long"],
)
def test_a_line_that_is_no_object_is_refused_with_a_sentence(text: bytes) -> None:
    assert str(refused(text, InvalidInput)).startswith("The line ")


def test_a_text_that_no_database_keeps_is_refused() -> None:
    assert refused(rb'{"custom_id": "a", "model": "\u0000"}').field == "model"


@pytest.mark.parametrize("change", [{"method": "GET"}, {"url": "/v1/embeddings"}, {"body": "x"}, {"more": 1}])
def test_an_envelope_for_something_else_is_refused(change: dict[str, object]) -> None:
    envelope = {"custom_id": "a", "body": {"model": factories.MULTI, "inputs": factories.form()}}
    assert refused(json.dumps(envelope | change).encode()).field in change
