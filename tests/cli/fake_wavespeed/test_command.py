"""Promises about the command: it says where it is, ends when told to, and refuses in a sentence what cannot be."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from cli.fake_wavespeed import serving

COMMAND = (sys.executable, "-m", "cli.fake_wavespeed")
ROOT = Path(__file__).parents[3]


def test_it_serves_until_it_is_told_to_end() -> None:
    command = [*COMMAND, "--port", "0", "--keys", "mine=gold", "--seed", "7", "--faults", "webhook_lost=0.5"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        url = program.stdout.readline().split()[-1]
        with httpx.Client(base_url=url, trust_env=False) as http:
            answer = http.get("/api/v3/balance", headers={"Authorization": "Bearer mine"})
            rates = http.get("/fake/faults").json()
        program.send_signal(signal.SIGTERM)
        _, complaints = program.communicate(timeout=30)

    assert answer.json()["data"]["balance"] == 1000.0
    assert (rates["webhook_lost"]["rate"], rates["never_ends"]["rate"]) == (0.5, 0.0)
    assert complaints == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--faults", "webhook_gone"], "There is no fault webhook_gone"),
        (["--faults", "never_ends=2"], "The rate of never_ends must be from 0 to 1"),
        (["--keys", "mine=platinum"], "There is no tier platinum"),
        (["--keys", ","], "must name at least one key"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(arguments: list[str], sentence: str) -> None:
    assert sentence in refusal(arguments)


def test_a_port_that_is_taken_is_told_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert f"Port {port} of 127.0.0.1 cannot be listened on" in refusal(["--port", str(port)])


def test_an_answer_in_two_parts_goes_out_at_once() -> None:
    with serving.listen("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def refusal(arguments: list[str]) -> str:
    ended = subprocess.run([*COMMAND, *arguments], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return " ".join(ended.stderr.split())
