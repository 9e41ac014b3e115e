"""Promises about many uploads through the door: they do not fill its disk, and no account takes all of the room."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.wavespeed.upload_turns import UploadTurns
from tests.api.open_door import served, wait_for
from tests.conftest import Member, set_settings

PATH = "/api/v3/media/upload/binary"


@pytest.fixture
def app(bucket: str) -> FastAPI:
    return create_app()


@contextmanager
def sending(url: str, member: Member, length: int) -> Iterator[None]:
    """An upload whose file does not come."""
    head = (
        f"POST {PATH} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {member.key}\r\n"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {length}\r\n\r\n--b\r\n"
    )
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), 20) as slow:
        slow.sendall(head.encode())
        yield


def send(url: str, member: Member) -> httpx.Response:
    return httpx.post(url + PATH, files={"file": ("a.png", b"x" * 60_000)}, headers=member.headers)


def test_one_upload_more_than_an_account_may_have_at_once_is_put_off(
    app: FastAPI, member: Member, stranger: Member
) -> None:
    app.state.upload_turns = UploadTurns(1, 0.05)
    with served(app) as url:
        with sending(url, member, 100_000):
            wait_for(lambda: send(url, member).status_code == 429, "the slow one has begun")
            assert send(url, member).headers["Retry-After"] == "5"
            assert send(url, stranger).status_code == 200
        wait_for(lambda: send(url, member).status_code == 200, "it has gone")


def test_uploads_that_would_not_fit_on_the_disk_beside_others_are_put_off(
    app: FastAPI, member: Member, stranger: Member
) -> None:
    app.state.disk.max_bytes, app.state.disk.patience_seconds = 120_000, 0.05
    with served(app) as url:
        with sending(url, member, 100_000):
            wait_for(lambda: send(url, stranger).status_code == 503, "the slow one has begun")
            refused = send(url, stranger)
            assert "for a ticket" in refused.json()["message"]
            assert refused.headers["Retry-After"] == "2"
        wait_for(lambda: send(url, stranger).status_code == 200, "it has gone")


def test_processes_that_share_a_door_share_its_disk(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_DOOR_PROCESSES": "4"})
    assert create_app().state.disk.max_bytes == 2**30
