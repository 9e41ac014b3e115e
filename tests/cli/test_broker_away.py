import dataclasses
import json

import httpx
import pytest

from tests.cli.terminal import Terminal
from tests.factories import MULTI, form
from tests.free_ports import free_port

pytestmark = pytest.mark.story


def test_up_without_its_broker_takes_jobs_and_says_that_they_wait(terminal: Terminal) -> None:
    where = f"127.0.0.1:{free_port()}"
    terminal = dataclasses.replace(terminal, variables={"DUOLOGUE_BROKER_URL": f"redis://:secret@{where}/0"})
    with terminal.up() as up:
        up.wait_until_ready()
        assert f"The broker at {where}/0 does not answer (ConnectionError)." in up.text
        assert "Jobs are taken, and wait until it does; see DUOLOGUE_BROKER_URL." in up.text
        url = json.loads((terminal.data / "up.json").read_text())["api_url"]
        key = terminal.run("keys", "create", "tests").stdout.strip()
        order = {"model": MULTI, "inputs": form()}
        taken = httpx.post(f"{url}/v1/jobs", json=order, headers={"Authorization": f"Bearer {key}"}, timeout=60)
        assert (taken.status_code, taken.json()["status"]) == (201, "waiting")
    assert "secret" not in up.text
