"""Reads an error of either face, and insists that it has that face's one documented shape."""

from httpx import Response


def as_contract(answer: Response) -> tuple[int, str]:
    body = answer.json()
    assert list(body) == ["code", "message", "data", "error_code"], answer.text
    assert body["code"] == answer.status_code
    assert body["data"] is None
    assert_is_a_sentence(body["message"])
    return answer.status_code, body["error_code"]


def as_ours(answer: Response) -> tuple[int, str, str | None]:
    body = answer.json()
    assert list(body) == ["error"], answer.text
    assert list(body["error"]) == ["code", "message", "field"]
    assert_is_a_sentence(body["error"]["message"])
    return answer.status_code, body["error"]["code"], body["error"]["field"]


def assert_is_a_sentence(message: str) -> None:
    assert len(message) > 10
    assert message.endswith(".")
    assert "\x00" not in message
