"""What operators may do to engines from a terminal, against a real database."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from jobs import health
from jobs.database import transaction
from jobs.ids import new_id


def test_an_engine_is_paused_and_goes_on(
    database: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUOLOGUE_DATA_DIR", str(tmp_path / "data"))
    said = CliRunner().invoke(app, ["engines", "pause", "gpu", "--because", "new drivers"])
    assert (said.exit_code, "gpu is paused" in said.stderr) == (0, True)
    assert not is_open()
    assert CliRunner().invoke(app, ["engines", "resume", "gpu"]).exit_code == 0
    assert is_open()
    refused = CliRunner().invoke(app, ["engines", "pause", "steam"])
    assert (refused.exit_code, "gpu, cloud, preview" in refused.stderr) == (2, True)


def test_who_has_no_keys_of_the_upstream_is_told_how_to_write_them(database: dict[str, str], tmp_path: Path) -> None:
    refused = CliRunner().invoke(app, ["upstream", "--data", str(tmp_path)])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("error: DUOLOGUE_WAVESPEED_API_KEYS is not set: give it your upstream keys")


def is_open() -> bool:
    with transaction() as session:
        return health.admit(session, "gpu", [new_id()]) == 1
