"""Promises about bodies: one clean JSON object, or a sentence."""

import json

import pytest

from api.strict_json import DEPTH_MAX, read_object
from jobs.errors import InvalidInput, WrongInput


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
