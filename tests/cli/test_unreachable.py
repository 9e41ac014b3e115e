"""A server that cannot be reached is named by its address and its setting, and its password by nobody."""

import json

import pytest
from typer.testing import CliRunner

from cli import broker, groundwork, whereabouts
from cli.failure import Failure
from cli.main import app
from tests.conftest import set_settings
from tests.free_ports import free_port


@pytest.fixture
def nowhere() -> str:
    """Where nobody listens."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(autouse=True)
def real(database_of_its_own: dict[str, str], monkeypatch: pytest.MonkeyPatch, nowhere: str) -> dict[str, str]:
    """The settings that lead somewhere, while those that are read lead nowhere."""
    lost = {
        "DUOLOGUE_DATABASE_URL": f"postgresql://me:secret@{nowhere}/mine",
        "DUOLOGUE_BROKER_URL": f"redis://:secret@{nowhere}/0",
        "DUOLOGUE_S3_ENDPOINT_URL": f"http://{nowhere}",
        "DUOLOGUE_S3_SECRET_ACCESS_KEY": "secret",
    }
    set_settings(monkeypatch, lost)
    return database_of_its_own


def test_keys_say_which_database_is_away(nowhere: str) -> None:
    refused = CliRunner().invoke(app, ["keys", "list"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith(f"error: The database at {nowhere}/mine does not answer: ")
    assert refused.stderr.endswith("mend DUOLOGUE_DATABASE_URL.\n")
    assert "secret" not in refused.output


def test_a_setting_from_a_file_is_named_as_such(monkeypatch: pytest.MonkeyPatch, nowhere: str) -> None:
    monkeypatch.setenv("DUOLOGUE_DATABASE_URL_FILE", "/run/secrets/database")
    assert whereabouts.variable("database_url") == "DUOLOGUE_DATABASE_URL_FILE"


def test_up_says_which_bucket_is_away(monkeypatch: pytest.MonkeyPatch, real: dict[str, str], nowhere: str) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_DATABASE_URL": real["DUOLOGUE_DATABASE_URL"]})
    with pytest.raises(Failure) as caught:
        groundwork.lay()
    assert str(caught.value).startswith(f"The bucket at {nowhere} cannot be used: ")
    assert str(caught.value).endswith("mend DUOLOGUE_S3_ENDPOINT_URL.")


def test_a_broker_that_is_away_is_told_from_one_that_answers(
    monkeypatch: pytest.MonkeyPatch, servers: dict[str, str]
) -> None:
    assert broker.why_silent() == "ConnectionError"
    set_settings(monkeypatch, {"DUOLOGUE_BROKER_URL": servers["DUOLOGUE_BROKER_URL"]})
    assert broker.why_silent() is None
    url = servers["DUOLOGUE_BROKER_URL"]
    set_settings(monkeypatch, {"DUOLOGUE_BROKER_URL": f"redis://:guess@{url.rpartition('@')[2]}"})
    assert broker.why_silent() == "AuthenticationError"


def test_the_doctor_names_all_three(nowhere: str) -> None:
    looked = CliRunner().invoke(app, ["doctor", "--json"])
    findings = {finding["check"]: finding for finding in json.loads(looked.stdout)}
    for check, setting in (("database", "DATABASE_URL"), ("broker", "BROKER_URL"), ("bucket", "S3_ENDPOINT_URL")):
        assert findings[check]["verdict"] == "failure"
        assert findings[check]["says"].startswith(nowhere)
        assert f"DUOLOGUE_{setting}" in findings[check]["advice"]
    assert "secret" not in looked.output
