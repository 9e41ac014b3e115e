"""Promises of `duologue route`."""

import json

import pytest
from typer.testing import CliRunner

from api.app import create_app
from cli.main import app
from tests.api.open_door import served
from tests.conftest import Member


def test_route_says_who_would_render_and_how_every_engine_stands(
    database: dict[str, str], member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(create_app()) as url:
        monkeypatch.setenv("DUOLOGUE_API_URL", url)
        monkeypatch.setenv("DUOLOGUE_API_KEY", member.key)
        said = CliRunner().invoke(app, ["route", "infinitetalk/multi", "--seconds", "60"]).stdout
        told = json.loads(CliRunner().invoke(app, ["route", "--engine", "preview", "--json"]).stdout)
        unknown = CliRunner().invoke(app, ["route", "--engine", "steam"])
    assert "auto: preview, because gpu and cloud are not configured" in said
    assert "no worker with the preview engine is alive" in said
    assert (told["engine"], told["price_usd"]) == ("preview", 0)
    assert (unknown.exit_code, unknown.stderr) == (1, "error: engine must be one of auto, gpu, cloud, preview.\n")
