"""The clients of the Node world, as `make clients` installs them."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.story.clients.venvs import CLIENTS
from tests.story.house import PATIENCE_SECONDS, House

_SDK = Path(__file__).with_name("sdk.js")


def installed() -> Path:
    """Their folder; skips the test where there is none."""
    if shutil.which("node") is None:
        pytest.skip("install Node.js 18 or later, with npm, then run `make clients`")
    if not (CLIENTS / "node" / ".installed").exists():
        pytest.skip("run `make clients` to install it")
    return CLIENTS / "node"


def call(house: House, method: str, *given: object, key: str | None = None) -> dict[str, Any]:
    """Have the npm client do something: its `answer`, or the `error` it raised and that error's `kind`."""
    told = json.dumps({"key": key or house.key, "baseUrl": house.url, "method": method, "given": given})
    done = subprocess.run(
        ["node", "--input-type=module", "-", told],
        cwd=installed(),
        input=_SDK.read_text(encoding="utf-8"),
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
