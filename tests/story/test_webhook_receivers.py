"""The receivers of docs/webhooks.md, run as they stand there: they take what we post, and refuse what is forged."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from jobs import accounts, webhooks
from jobs import database as ours
from jobs.accounts import Caller
from tests.conftest import set_settings
from tests.free_ports import free_port
from tests.house import tree
from tests.story.house import wait_for
from tests.workers.couriers import completed, deliveries, delivering

pytestmark = pytest.mark.story

_BLOCK = re.compile(r"```(?:python|typescript)\n(?:#|//) (?P<name>[\w.]+):.*?\n(?P<code>.*?)```", re.DOTALL)
_TYPES = re.compile(r": (?:string\[\]|Buffer\[\]|string|Buffer|boolean|any)(?=[,)= {;])|(?<=SECRET)!")
_STRIPS_TYPES = (22, 18)
STARTS_SECONDS = 30.0


def example(name: str) -> str:
    [code] = [found["code"] for found in _BLOCK.finditer(tree.text("docs/webhooks.md")) if found["name"] == name]
    return str(code)


def command(name: str, folder: Path) -> list[str]:
    """How to run an example; types are erased where Node cannot do so itself."""
    path = folder / name
    path.write_text(example(name))
    if path.suffix == ".py":
        return [sys.executable, "-u", str(path)]
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed here")
    told = subprocess.run([node, "--version"], check=True, capture_output=True, text=True).stdout
    if tuple(map(int, told.strip().removeprefix("v").split(".")[:2])) < _STRIPS_TYPES:
        path = path.with_suffix(".mjs")
        path.write_text(_TYPES.sub("", example(name)))
    return [node, str(path)]


@contextmanager
def running(name: str, folder: Path, port: int, secret: str) -> Iterator["subprocess.Popen[str]"]:
    environment = os.environ | {"PORT": str(port), "WEBHOOK_SECRET": secret}
    with subprocess.Popen(
        command(name, folder), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            wait_for(lambda: process.poll() is not None or listens(port), f"{name} listens", STARTS_SECONDS)
            assert process.poll() is None, f"{name} ended"
            yield process
        finally:
            process.kill()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(autouse=True)
def _at_home(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
    ours.engine()


def forged(port: int, like: str) -> int:
    headers = {"webhook-id": "a", "webhook-timestamp": "1760000000", "webhook-signature": like}
    return httpx.post(f"http://127.0.0.1:{port}/", content=b"{}", headers=headers, trust_env=False).status_code


@pytest.mark.parametrize("name", ["receiver.py", "receiver.mts"])
def test_an_endpoints_receiver_takes_what_is_genuine_and_nothing_else(
    caller: Caller, tmp_path: Path, name: str
) -> None:
    port = free_port()
    endpoint = webhooks.register(caller, url=f"http://127.0.0.1:{port}/", kinds=["job.completed"])
    with running(name, tmp_path, port, endpoint.secret) as receiver:
        job = completed(caller)
        with delivering():
            wait_for(lambda: [one.status for one in deliveries()] == ["delivered"], "it is delivered")
        assert forged(port, "v1,AAAA") == 400
        assert receiver.stdout is not None
        assert receiver.stdout.readline().strip() == f"job.completed {job.id.hex}"


@pytest.mark.parametrize("name", ["receiver_v3.py", "receiver.mts"])
def test_the_receiver_of_one_requests_url_takes_what_is_genuine_and_nothing_else(
    caller: Caller, tmp_path: Path, name: str
) -> None:
    port = free_port()
    with ours.transaction() as session:
        secret = accounts.webhook_secret(session, caller)
    with running(name, tmp_path, port, secret) as receiver:
        job = completed(caller, webhook_url=f"http://127.0.0.1:{port}/")
        with delivering():
            wait_for(lambda: [one.status for one in deliveries()] == ["delivered"], "it is delivered")
        assert forged(port, "v3,AAAA") == 400
        assert receiver.stdout is not None
        assert receiver.stdout.readline().strip() == f"completed {job.id.hex}"


def test_the_librarys_way_reads_the_same_event(caller: Caller) -> None:
    pytest.importorskip("standardwebhooks", reason="standardwebhooks is in the development environment")
    endpoint = webhooks.register(caller, url="https://hooks.example.com/", kinds=["job.completed"])
    job = completed(caller)
    [letter] = webhooks.take(10, {}, 10).letters
    names: dict[str, object] = {}
    exec(example("verify.py"), names)  # noqa: S102 - our own page
    read = names["read_event"]
    assert callable(read)
    post = letter.post(int(time.time()))
    assert read(endpoint.secret, post.headers, post.body.decode())["data"]["id"] == job.id.hex
