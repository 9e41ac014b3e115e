"""Promises about settings: whatever cannot work is said at the door, in a sentence that says what to write instead."""

import pytest

from jobs import settings
from jobs.errors import WrongSetting
from jobs.rules.durations import OUTPUT_MAX_SECONDS
from jobs.settings import PREFIX


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in settings.Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def refusal(patch: pytest.MonkeyPatch, **variables: str) -> str:
    """What is said to these settings, read as a new process reads them."""
    for name, value in variables.items():
        patch.setenv(PREFIX + name, value)
    with pytest.raises(WrongSetting) as caught:
        settings.load.__wrapped__()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("DATABSE_URL", "DUOLOGUE_DATABASE_URL"),
        ("PROT", "DUOLOGUE_PORT"),
        ("BROKER_URL_FLIE", "DUOLOGUE_BROKER_URL_FILE"),
        ("API_KYE", "DUOLOGUE_API_KEY"),
    ],
)
def test_a_slip_of_the_pen_is_told_the_name_that_was_meant(
    monkeypatch: pytest.MonkeyPatch, name: str, meant: str
) -> None:
    said = refusal(monkeypatch, **{name: "made up"})
    assert said == f"DUOLOGUE_{name}: there is no such setting; did you mean {meant}?"


def test_a_name_like_no_other_is_told_where_they_all_are(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, ZZZ="1")
    assert said == "DUOLOGUE_ZZZ: there is no such setting; docs/settings.md lists them all."


def test_every_wrong_setting_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, ZZZ="1", PORT="eighty", LEASE_SECONDS="-1").splitlines()
    assert [line.partition(":")[0] for line in said] == ["DUOLOGUE_ZZZ", "DUOLOGUE_PORT", "DUOLOGUE_LEASE_SECONDS"]


def test_what_kubernetes_says_of_its_services_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "API_SERVICE_HOST": "10.0.0.1",
        "API_SERVICE_PORT": "8000",
        "API_SERVICE_PORT_HTTP": "8000",
        "API_PORT": "tcp://10.0.0.1:8000",
        "API_PORT_8000_TCP": "tcp://10.0.0.1:8000",
        "API_PORT_8000_TCP_ADDR": "10.0.0.1",
    }
    for name, value in told.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings.load.__wrapped__()


@pytest.mark.parametrize(
    "url", ["nonsense", "http://host", "host:6379", "redis://:a/b@host:6379/0", "redis://a;b", "sqs://a"]
)
def test_a_broker_url_that_cannot_be_one_stops_at_the_door(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    said = refusal(monkeypatch, BROKER_URL=url)
    assert said.startswith("DUOLOGUE_BROKER_URL: must be redis://:password@host:6379/0")
    assert url not in said.replace("redis://:password@host:6379/0", ""), "it may hold a password"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:p%2F@host:6379/0",
        "rediss://host",
        "redis://a:1;redis://b:2",
        "amqp://u:p@host:5672//",
        "sentinel://a;sentinel://b",
    ],
)
def test_every_broker_that_celery_shares_with_us_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DUOLOGUE_BROKER_URL", url)
    assert settings.load.__wrapped__().broker_url.get_secret_value() == url


def test_brokers_of_two_kinds_are_not_taken_for_one(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, BROKER_URL="redis://:secret@a;sentinel://b")
    assert said.startswith("DUOLOGUE_BROKER_URL: must begin alike in all its parts")
    assert "secret" not in said


def test_authorities_that_are_not_there_stop_at_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, BROKER_CA_PATH="/nowhere/ca.pem")
    assert said.startswith("DUOLOGUE_BROKER_CA_PATH: must be the path of a file that is there")


def test_a_database_url_with_a_sign_that_breaks_it_is_told_to_encode_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, DATABASE_URL="postgresql://me:secret/word@host/name")
    assert "percent-encode the password" in said
    assert "secret" not in said


def test_settings_that_contradict_each_other_are_named_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(monkeypatch, LEASE_SECONDS="5", RENEW_SECONDS="2")
    assert said.startswith("DUOLOGUE_LEASE_SECONDS must be at least three times DUOLOGUE_RENEW_SECONDS")


@pytest.mark.parametrize("given", [{"S3_ENDPOINT_URL": "http://b:1"}, {"S3_ACCESS_KEY_ID": "made up"}])
def test_a_bucket_without_its_keys_is_not_told_to_start_what_it_is_starting(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str]
) -> None:
    said = refusal(monkeypatch, **given)
    assert "no DUOLOGUE_S3_SECRET_ACCESS_KEY" in said
    assert "set both keys with DUOLOGUE_S3_ENDPOINT_URL, or none of the three" in said


def test_the_longest_video_that_is_taken_may_be_rendered_to_its_end_though_it_waited_as_long_as_it_may() -> None:
    chosen = settings.load.__wrapped__()
    on_an_a100 = 490 * OUTPUT_MAX_SECONDS  # as docs/gpu.md has it, at 480p
    assert on_an_a100 < chosen.run_seconds
    assert chosen.wait_seconds + chosen.run_seconds < chosen.total_seconds
