"""Promises about bodies: one clean JSON object, or a sentence."""

import json
import tracemalloc

import pytest

from api.strict_json import DEPTH_MAX, read_object
from jobs.errors import InvalidInput, WrongInput
from jobs.rules.batches import ARRAY_MAX
from jobs.rules.strict_json import VALUES_MAX


def nested(depth: int) -> bytes:
    return b'{"metadata":' + b"[" * depth + b"]" * depth + b"}"


def test_a_clean_object_is_read_as_it_is() -> None:
    given = {"prompt": "grüße 🎬 \n", "seed": 2**40, "x": [1.5, None, True, {"y": "z"}]}
    assert read_object(json.dumps(given).encode()) == given
    assert read_object(json.dumps(given, ensure_ascii=False).encode()) == given


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nope",
        b"[]",
        b"null",
        b'"text"',
        b"5",
        b'{"a":1} x',
        b'{"a":',
        b'{"a":"\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b'{"a":1,"a":2}',
        b'{"a":{"b":1,"b":1}}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5000 + b"}",
        nested(DEPTH_MAX + 1),
        nested(100_000),
    ],
)
def test_anything_else_is_refused_with_a_sentence(body: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^The body .+\.$"):
        read_object(body)


@pytest.mark.parametrize("bad", [r"\u0000", r"\ud800", r"x\udfffy"])
@pytest.mark.parametrize("place", ['{"prompt":"%s"}', '{"prompt":{"a":["%s"]}}', '{"prompt":{"%s":1}}'])
def test_text_that_no_database_keeps_is_refused_by_the_name_of_its_field(bad: str, place: str) -> None:
    with pytest.raises(WrongInput) as caught:
        read_object((place % bad).encode())
    assert caught.value.field == "prompt"


def test_a_whole_surrogate_pair_is_a_letter() -> None:
    assert read_object(rb'{"prompt":"\ud83c\udfac"}') == {"prompt": "🎬"}


def test_a_bad_field_name_is_never_said_back() -> None:
    with pytest.raises(WrongInput, match=r"^A field name holds"):
        read_object(rb'{"a\u0000b":1}')


def test_the_deepest_body_that_is_taken_is_taken() -> None:
    assert read_object(nested(DEPTH_MAX))


@pytest.mark.parametrize("value", [b"{}", b"1", b"[[]]"])
def test_more_values_than_anybody_needs_are_refused_before_they_take_memory(value: bytes) -> None:
    body = b'{"x":[' + b",".join([value] * VALUES_MAX) + b",1]}"
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="too many values"):
            read_object(body)
        assert tracemalloc.get_traced_memory()[1] < len(body)
    finally:
        tracemalloc.stop()


def test_the_longest_array_of_orders_is_taken_and_all_of_it_is_looked_at() -> None:
    tags = [f"tag {number}" for number in range(20)]
    one = {
        "model": "m",
        "inputs": {"prompt": "one, two, " * 100},
        "options": {"tags": tags, "metadata": {"a": [1] * 20}},
    }
    assert len(read_object(json.dumps({"requests": [one] * ARRAY_MAX}).encode())["requests"]) == ARRAY_MAX
    with pytest.raises(WrongInput, match="NUL"):
        read_object(json.dumps({"requests": [one] * 10 + [{"a": [[], {"b": {}, "c": "\0"}]}]}).encode())
