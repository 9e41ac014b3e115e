"""Promises about reading the upstream's answers: what may be missing, and that what is wrong is told in a sentence."""

import json

import pytest

from workers.engines.cloud.errors import Unreadable
from workers.engines.cloud.replies import (
    Balance,
    BillingPage,
    Prediction,
    PredictionPage,
    Reader,
    Ticket,
    read_callback,
    read_message,
)

WHOLE = {"id": "0" * 32, "model": "m", "outputs": ["https://o/"], "status": "completed", "executionTime": 5}


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("<html>", "Invalid JSON"),
        ("", "Invalid JSON"),
        ("[]", "an object"),
        ('{"code":200}', "data is missing"),
        ('{"code":"200","data":null}', "code: "),
        ('{"code":200,"data":{"status":"created"}}', "data.id: Field required"),
        ('{"code":200,"data":{"id":"../secrets","status":"created"}}', "data.id: "),
        ('{"code":200,"data":{"id":"a"}}', "data.status: Field required"),
        ('{"code":200,"data":{"id":"a","status":1}}', "data.status: "),
        ('{"code":200,"data":{"id":"a","status":"created","outputs":"https://o/"}}', "data.outputs: "),
        ('{"code":200,"data":{"id":"a","status":"created","executionTime":1.5}}', "data.executionTime: "),
        ('{"code":200,"data":{"id":"a","status":"created","code":"1402"}}', "data.code: "),
        ('{"code":200,"data":{"id":"a","status":"created","created_at":"2026-01-01T00:00:00"}}', "data.created_at: "),
    ],
)
def test_what_is_wrong_is_named_and_not_quoted(answer: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as told:
        Reader(Prediction).read(answer.encode(), "a submit")

    assert str(told.value).startswith("WaveSpeed's answer to a submit cannot be read: ")
    assert sentence in str(told.value)
    assert "secrets" not in str(told.value)


@pytest.mark.parametrize(
    "field", ["outputs", "error", "code", "executionTime", "timings", "has_nsfw_contents", "model"]
)
def test_null_means_absent(field: str) -> None:
    assert read_callback(json.dumps(WHOLE | {field: None}).encode()).id == WHOLE["id"]


def test_a_word_nobody_knows_is_not_an_end() -> None:
    assert not read_callback(json.dumps(WHOLE | {"status": "queued"}).encode()).is_final
    assert read_callback(json.dumps(WHOLE | {"status": "timeout"}).encode()).is_final


def test_both_places_of_the_time_are_read() -> None:
    assert read_callback(json.dumps(WHOLE).encode()).inference_ms == 5
    assert read_callback(json.dumps(WHOLE | {"timings": {"inference": 7}}).encode()).inference_ms == 7


def test_what_other_models_put_out_is_listed_with_our_own() -> None:
    other = {"outputs": [{"text": "hello"}, None, 7, "https://o/1.mp4"], "has_nsfw_contents": [None, True]}
    page = {"code": 200, "data": {"items": [WHOLE, WHOLE | other]}}

    read = Reader(PredictionPage).read(json.dumps(page).encode(), "the list of jobs").expected()

    assert [one.outputs for one in read.items][1] == ("https://o/1.mp4",)
    assert read.items[1].flagged == (False, True)


@pytest.mark.parametrize("number", [-1, 2**31, 10**30])
def test_numbers_that_nothing_can_hold_say_nothing(number: int) -> None:
    told = read_callback(json.dumps(WHOLE | {"executionTime": number, "code": number, "timings": None}).encode())

    assert (told.inference_ms, told.code) == (0, 0)


@pytest.mark.parametrize("link", ["https://o/\x00.mp4", "https://o/\n.mp4", "https://o/" + "a" * 10_000])
def test_what_is_no_link_is_no_output(link: str) -> None:
    assert read_callback(json.dumps(WHOLE | {"outputs": [link]}).encode()).outputs == ()


def test_an_input_is_known_again_whatever_its_signature() -> None:
    given = {"input": {"image": "https://b/1/a.png?sig=1&try=7", "seed": 5, "audio": "https://b/1/a.wav"}}
    told = read_callback(json.dumps(WHOLE | given).encode())

    assert told.was_given("https://b/1/a.png?try=7")
    assert told.was_given("https://b/1/a.png"), "a marker without a query is an upload, which is no other try's"
    assert told.was_given("https://b/1/a.wav?try=7"), "an upstream may show no queries at all"
    assert not told.was_given("https://b/1/a.png?try=8"), "another try of the same job"
    assert not told.was_given("https://b/2/a.png")
    assert not read_callback(json.dumps(WHOLE).encode()).was_given("https://b/1/a.png")


@pytest.mark.parametrize("kind", [PredictionPage, BillingPage, Ticket, Balance])
def test_no_kind_of_answer_is_read_into_another(kind: type[object]) -> None:
    with pytest.raises(Unreadable):
        Reader(kind).read(b'{"code":200,"data":{"model_id":"m"}}', "a call")


def test_an_error_has_a_sentence_wherever_it_stands() -> None:
    assert read_message(b'{"code":400,"message":"no","data":null}') == "no"
    assert read_message(b'{"error":"no"}') == "no"
    assert [read_message(odd) for odd in (b"", b"<html>", b"[]", b'{"message":5}', b"\xff")] == [""] * 5
