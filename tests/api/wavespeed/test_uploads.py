"""Promises about uploads: by ticket or through the door, the file is there, and readable by its link."""

import mimetypes
import re
from functools import partial
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api.own_threads import OwnThreads
from jobs.errors import Unavailable
from tests.conftest import Member, set_settings


def ticket(client: TestClient, member: Member, **form: object) -> dict[str, Any]:
    answer = client.post("/api/v3/media/uploads", json=form, headers=member.headers)
    found: dict[str, Any] = answer.json()["data"]
    return found


def test_a_ticket_says_to_the_letter_how_to_put_the_file(client: TestClient, member: Member) -> None:
    given = ticket(client, member, filename="my voice.mp3", size=5)
    assert list(given) == ["type", "filename", "size", "download_url", "upload"]
    assert list(given["upload"]) == ["method", "url", "headers", "expires_at"]
    assert (given["type"], given["filename"], given["size"]) == ("audio", "my_voice.mp3", 5)
    assert given["upload"]["method"] == "PUT"
    assert given["upload"]["headers"] == {"Content-Type": "audio/mpeg", "If-None-Match": "*"}
    assert re.fullmatch(r".+T.+\.\d+Z", given["upload"]["expires_at"])


def test_a_ticket_writes_once_and_anybody_with_the_link_reads(client: TestClient, member: Member) -> None:
    given = ticket(client, member, filename="voice.webm", size=5.0, content_type="audio/webm;codecs=opus")
    instruction = given["upload"]
    put = httpx.put(instruction["url"], headers=instruction["headers"], content=b"hello")
    again = httpx.put(instruction["url"], headers=instruction["headers"], content=b"other")
    read = httpx.get(given["download_url"])
    assert (put.status_code, again.status_code) == (200, 412)
    assert (read.content, read.headers["Content-Type"]) == (b"hello", "audio/webm;codecs=opus")


def test_a_file_sent_through_the_door_is_there(client: TestClient, member: Member) -> None:
    content = bytes(range(256)) * 8192
    answer = client.post(
        "/api/v3/media/upload/binary",
        files={"file": ("../two people.png", content, "image/png")},
        headers=member.headers,
    )
    shown = answer.json()["data"]
    assert list(shown) == ["type", "download_url", "filename", "size"]
    assert (shown["type"], shown["filename"], shown["size"]) == ("image", "two_people.png", len(content))
    read = httpx.get(shown["download_url"])
    assert (read.content, read.headers["Content-Type"]) == (content, "image/png")


def test_while_too_many_wait_for_the_bucket_a_file_is_to_be_sent_again(client: TestClient, member: Member) -> None:
    no_thread = OwnThreads(0, 0.01, partial(Unavailable, "Later.", retry_after_seconds=5))
    assert isinstance(client.app, FastAPI)
    client.app.state.bucket = no_thread
    answer = client.post("/api/v3/media/upload/binary", files={"file": ("a.png", b"x")}, headers=member.headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")


def test_a_file_without_a_plain_name_is_refused_by_saying_so(client: TestClient, member: Member) -> None:
    part = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename*=UTF-8''a.wav\r\n\r\nRIFF\r\n--b--\r\n"
    headers = member.headers | {"Content-Type": "multipart/form-data; boundary=b"}
    answer = client.post("/api/v3/media/upload/binary", content=part, headers=headers)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "1400")
    assert "a plain `filename`" in answer.json()["message"]


@pytest.mark.parametrize("said", ["nonsense\ttype", "application/octet-stream", "application/octet-stream; a=b"])
@pytest.mark.parametrize(
    ("name", "told"), [("a.WAV", "audio/wav"), ("a.png", "image/png"), ("notes", "application/octet-stream")]
)
def test_a_type_that_is_none_is_told_from_the_name(
    client: TestClient, member: Member, said: str, name: str, told: str
) -> None:
    files = {"file": (name, b"RIFF", said)}
    shown = client.post("/api/v3/media/upload/binary", files=files, headers=member.headers).json()["data"]
    assert shown["type"] == told.partition("/")[0]
    assert httpx.get(shown["download_url"]).headers["Content-Type"] == told


def test_a_ticket_keeps_the_type_it_was_asked_for(client: TestClient, member: Member) -> None:
    given = ticket(client, member, filename="a.png", size=5, content_type="application/octet-stream")
    assert given["upload"]["headers"]["Content-Type"] == "application/octet-stream"


def test_names_of_media_are_understood_where_the_system_knows_none(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.setattr(mimetypes, "_db", mimetypes.MimeTypes(filenames=()))
    media = {"audio": "mp3 m4a ogg opus flac aac wav", "image": "png jpg jpeg webp", "video": "mp4 mov webm mkv"}
    for kind, endings in media.items():
        for ending in endings.split():
            with subtests.test(ending):
                assert ticket(client, member, filename=f"a.{ending}", size=5)["type"] == kind


def test_the_largest_file_is_that_of_wavespeeds_own_client(client: TestClient, member: Member) -> None:
    assert ticket(client, member, filename="a.mp4", size=200 * 2**20)["size"] == 200 * 2**20


def test_links_are_signed_for_the_public_host(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_S3_PUBLIC_URL": "https://files.example.org"})
    given = ticket(client, member, filename="a.mp3", size=5)
    for url in (given["download_url"], given["upload"]["url"]):
        assert url.startswith("https://files.example.org/")


def test_with_the_bucket_away_an_upload_is_a_503_to_send_again(
    client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": "http://127.0.0.1:1"})
    answer = client.post("/api/v3/media/upload/binary", files={"file": ("a.wav", b"x")}, headers=member.headers)
    assert answer.status_code == 503
    assert answer.json()["error_code"] == "unavailable"
    assert int(answer.headers["Retry-After"]) > 0
    assert "uploads/" not in answer.text
