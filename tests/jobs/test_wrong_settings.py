"""Every setting has a value that cannot work, and it stops whoever reads it with a sentence that names the variable."""

from collections.abc import Iterator
from decimal import Decimal
from ipaddress import IPv4Network
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest
from pydantic.fields import FieldInfo

from jobs import settings
from jobs.errors import WrongSetting
from jobs.settings import PREFIX, Settings

ANYTHING_GOES = {
    "data_dir": "a folder that is not there is made",
    "host": "only the machine knows what it can listen on: the front door says so when it cannot",
    "metrics_host": "as host",
    "checker": "a program that is not there fails its first job with a sentence",
    "gpu_weights": "`duologue weights check` and the worker say what is missing in a folder",
    "gpu_lora": "as gpu_weights",
    "gpu_attention": "only the library on the GPU's machine knows its back ends: the worker says so when it does not",
    "metrics_accounts": "an account that is not there opens nothing",
    "broker_sentinel_password": "only the sentinels know",
    "oidc_client_id": "only the provider knows",
    "oidc_scopes": "only the provider knows",
    "oidc_name_claim": "only the provider knows",
    "oidc_role_claim": "only the provider knows",
    "oidc_operators": "only the provider knows",
    "oidc_readers": "only the provider knows",
    "oidc_client_secret": "only the provider knows",
    "s3_access_key_id": "only the bucket knows; one without the other is refused below",
    "s3_secret_access_key": "as s3_access_key_id",
    "wavespeed_api_keys": "read by the timetable, which ends with a sentence",
}
"""Settings that no reader of the environment can tell to be wrong, and who does."""

WRONG = {
    "s3_region": "Frankfurt am Main",
    "s3_bucket": "My_Bucket",
    "cors_origins": "studio.example.com",
    "database_url": "mysql://me@host/name",
    "broker_url": "ftp://host",
    "gpu_device": "rocm",
    "broker_ca_path": "/nowhere/ca.pem",
    "broker_sentinel_name": "",
}


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(PREFIX + name.upper(), raising=False)


def wrong_values(name: str, field: FieldInfo) -> Iterator[str]:
    """What can only be a slip: of another kind, or beyond what the setting says of itself."""
    if name in WRONG:
        yield WRONG[name]
    elif is_of_a_kind(field) or name.endswith(("_url", "_issuer")):
        yield "nonsense"
    for limit in field.metadata:
        for word, step in (("gt", 0), ("ge", -1), ("le", 1)):
            if (bound := getattr(limit, word, None)) is not None:
                yield str(bound + step)


def is_of_a_kind(field: FieldInfo) -> bool:
    """A number, a yes or no, or one or several of what there is: not just any text."""
    kinds = {get_origin(field.annotation) or field.annotation}
    if tuple in kinds:
        members = get_args(field.annotation)
        kinds = {kind for member in members for kind in (get_origin(member), *get_args(member))}
    return bool(kinds & {int, float, Decimal, bool, Literal, IPv4Network})


CASES = [(name, value) for name, field in Settings.model_fields.items() for value in wrong_values(name, field)]


def test_every_setting_can_be_wrong_or_says_who_finds_out() -> None:
    covered = {name for name, _ in CASES}

    assert set(Settings.model_fields) - covered - ANYTHING_GOES.keys() == set(), (
        "say what is wrong for these, or who can tell"
    )
    assert covered & ANYTHING_GOES.keys() == set()


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_value_that_cannot_work_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name.upper(), value)

    with pytest.raises(WrongSetting) as caught:
        settings.load.__wrapped__()

    lines = [line for line in str(caught.value).splitlines() if line.startswith(f"{PREFIX}{name.upper()}: ")]
    assert lines != []
    assert all(line.endswith(".") for line in lines)


def test_a_secret_s_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUOLOGUE_DATABASE_URL_FILE", "/nowhere/database_url")

    with pytest.raises(
        WrongSetting, match="DUOLOGUE_DATABASE_URL_FILE names /nowhere/database_url, which cannot be read"
    ):
        settings.load.__wrapped__()


def test_a_secret_beside_a_file_that_says_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "url").write_text("postgresql://me@here/mine\n")
    monkeypatch.setenv("DUOLOGUE_DATABASE_URL_FILE", str(tmp_path / "url"))
    for same in ("", "postgresql://me@here/mine"):
        monkeypatch.setenv("DUOLOGUE_DATABASE_URL", same)
        assert settings.load.__wrapped__().secret("database_url") == "postgresql://me@here/mine"

    monkeypatch.setenv("DUOLOGUE_DATABASE_URL", "postgresql://me:open-sesame@there/mine")
    with pytest.raises(WrongSetting, match=r"^DUOLOGUE_DATABASE_URL and the file .*/url .* say different") as caught:
        settings.load.__wrapped__()
    assert "open-sesame" not in str(caught.value)


def test_servers_that_are_missing_are_named_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    settings.load.cache_clear()

    with pytest.raises(WrongSetting) as caught:
        settings.with_servers()

    settings.load.cache_clear()
    assert str(caught.value).startswith(
        "DUOLOGUE_DATABASE_URL, DUOLOGUE_BROKER_URL, DUOLOGUE_S3_ACCESS_KEY_ID, DUOLOGUE_S3_SECRET_ACCESS_KEY: not set."
    )
