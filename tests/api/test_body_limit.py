"""Promises about bodies that are too large: refused by what is declared and by what comes, at both faces."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain

import httpx
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from api import faces
from api.app import create_app
from api.body_limit import BodyLimit, Limit
from api.body_room import BodyRoom
from api.strict_json import RawBody
from jobs import lifecycle
from jobs.database import engine
from jobs.ids import new_id
from tests import factories
from tests.api.open_door import served, wait_for
from tests.api.shapes import as_contract, as_ours
from tests.conftest import Member, set_settings

SOLO = "/api/v3/wavespeed-ai/infinitetalk"


@pytest.fixture
def narrow(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> TestClient:
    set_settings(monkeypatch, {**database, "DUOLOGUE_BODY_MAX_BYTES": "1000", "DUOLOGUE_UPLOAD_MAX_BYTES": "2000"})
    return TestClient(create_app(), raise_server_exceptions=False)


@contextmanager
def calling(url: str, *head: str) -> Iterator[socket.socket]:
    """A caller that has sent the head of a request, and no body yet."""
    with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), 20) as caller:
        caller.sendall("\r\n".join([*head, "Host: door", "", ""]).encode())
        yield caller


def in_pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 100):
        yield b" " * 100


def test_a_body_over_the_limit_is_413_by_its_declared_length(narrow: TestClient, member: Member) -> None:
    assert as_contract(narrow.post(SOLO, content=b" " * 1001, headers=member.headers)) == (413, "too_large")
    assert as_ours(narrow.post("/v1/jobs", content=b" " * 1001, headers=member.headers)) == (413, "too_large", None)


def test_a_body_over_the_limit_is_413_by_the_bytes_that_come(narrow: TestClient, member: Member) -> None:
    chunked = narrow.post(SOLO, content=in_pieces(2000), headers=member.headers)
    assert "content-length" not in chunked.request.headers
    assert as_contract(chunked) == (413, "too_large")
    assert as_contract(narrow.post(SOLO, content=in_pieces(900), headers=member.headers)) == (400, "invalid_input")


def test_an_upload_has_a_limit_of_its_own(narrow: TestClient, member: Member) -> None:
    path, headers = "/api/v2//media/upload/binary", member.headers
    assert as_contract(narrow.post(path, files={"file": b"x" * 2001}, headers=headers)) == (413, "too_large")
    assert as_contract(narrow.post(path, files={"file": b"x" * 10**5}, headers=headers)) == (413, "too_large")
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    chunked = narrow.post(
        path,
        content=chain([begin], in_pieces(10**5)),
        headers=headers | {"Content-Type": "multipart/form-data; boundary=x"},
    )
    assert as_contract(chunked) == (413, "too_large")


@pytest.mark.parametrize("also", ["", "Origin: https://page.example\r\n"])
@pytest.mark.parametrize("length", ["Content-Length: 60000000", "Transfer-Encoding: chunked"])
def test_a_large_body_of_an_order_is_not_taken_in_for_a_stranger(
    database: dict[str, str], monkeypatch: pytest.MonkeyPatch, length: str, also: str
) -> None:
    set_settings(monkeypatch, database)
    engine()
    head = f"POST {SOLO} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer nonsense\r\n{also}{length}\r\n\r\n"
    with served(create_app()) as url, socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), 20) as caller:
        caller.sendall(head.encode())
        assert caller.recv(100).startswith(b"HTTP/1.1 401 ")


def test_bodies_that_would_not_fit_beside_others_are_put_off_until_those_are_done_with(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, database)
    engine()
    app = create_app()
    app.state.room.max_bytes, app.state.room.patience_seconds = 100_000, 0.1
    order = json.dumps({"image": "A" * 60_000, "audio": "A" * 100}).encode()
    head = f"POST {SOLO} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {member.key}\r\n"
    with served(app) as url, socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0), 20) as slow:
        slow.sendall(head.encode() + b"Content-Length: 60000\r\n\r\nA")

        def ask(path: str = SOLO) -> httpx.Response:
            return httpx.post(url + path, content=order, headers=member.headers)

        wait_for(lambda: ask().status_code == 503, "the slow one has begun")
        assert {ask().headers["Retry-After"], ask("/v1/jobs").headers["Retry-After"]} == {"2"}
        assert httpx.post(url + SOLO, json={}, headers=member.headers).status_code == 400
        slow.close()
        wait_for(lambda: ask().status_code == 200, "it has gone")


@pytest.mark.parametrize("path", ["/callbacks/wavespeed/{name}", "/console/sign-in"])
def test_what_strangers_send_takes_nothing_of_the_room_for_orders(
    database: dict[str, str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    set_settings(monkeypatch, database)
    engine()
    app = create_app()
    head = [
        f"POST {path.format(name=new_id().hex)} HTTP/1.1",
        f"webhook-id: x\r\nwebhook-timestamp: {int(time.time())}\r\nwebhook-signature: v3,x",
        "Content-Type: application/x-www-form-urlencoded",
    ]
    with served(app) as url:
        with calling(url, *head, "Content-Length: 200000", "Expect: 100-continue") as stranger:
            assert stranger.recv(100).startswith(b"HTTP/1.1 100 "), "somebody begins to read"
            assert app.state.room.taken_bytes == 0
        with calling(url, *head, f"Content-Length: {2**20 + 1}") as stranger:
            assert stranger.recv(100).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["Content-Length: 40000", "Transfer-Encoding: chunked"])
def test_a_body_that_takes_too_long_is_408_and_ends_its_connection(length: str) -> None:
    app = FastAPI()
    faces.install(app)
    app.add_middleware(BodyLimit, limits=[Limit(50_000, BodyRoom(), patience_seconds=0.1)])

    @app.post("/v1/echo")
    def echo(body: RawBody) -> int:
        return len(body)

    with served(app) as url:
        assert httpx.post(f"{url}/v1/echo", content=b"x" * 10).json() == 10
        with calling(url, "POST /v1/echo HTTP/1.1", length) as slow:
            slow.sendall(b"1\r\n")
            said = b"".join(iter(lambda: slow.recv(1000), b""))
    assert said.startswith(b"HTTP/1.1 408 ")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["code"] == "too_slow"


@pytest.mark.parametrize("length", ["Content-Length: 60000000", "Transfer-Encoding: chunked"])
def test_a_stream_takes_no_room_and_goes_on_whatever_its_client_sends(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch, length: str
) -> None:
    set_settings(monkeypatch, database | {"DUOLOGUE_BODY_MAX_BYTES": "60000000"})
    app, job = create_app(), factories.submit(member.caller)
    app.state.room.max_bytes, app.state.room.patience_seconds = 70_000_000, 0.05
    key = f"Authorization: Bearer {member.key}"
    with served(app) as url, calling(url, f"GET /v1/jobs/{job.id.hex}/events HTTP/1.1", key, length) as reader:
        told = reader.makefile("rb")
        assert next(told).startswith(b"HTTP/1.1 200 ")
        assert any(b"event: job.created" in line for line in told), "it follows"
        assert app.state.room.taken_bytes == 0
        app.state.room.taken_bytes = 70_000_000  # others' bodies
        for _ in range(61 if "chunked" in length else 1):
            reader.sendall(b"f4240\r\n" + b" " * 1_000_000 + b"\r\n")
        lifecycle.cancel(member.caller, job.id)
        assert any(b"event: job.cancelled" in line for line in told)


def test_whoever_waits_for_a_job_needs_no_room_meanwhile(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_settings(monkeypatch, database)
    app, job = create_app(), factories.submit(member.caller)
    key = f"Authorization: Bearer {member.key}"
    app.state.room.taken_bytes, app.state.room.patience_seconds = app.state.room.max_bytes, 0.05  # others' bodies
    ask = f"GET /v1/jobs/{job.id.hex}?wait_seconds=1 HTTP/1.1"
    with served(app) as url, calling(url, ask, key, "Content-Length: 60000000") as waiter:
        waiter.sendall(b" " * 100_000)
        assert waiter.recv(100).startswith(b"HTTP/1.1 200 ")
