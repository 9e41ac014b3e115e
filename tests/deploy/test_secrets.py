"""Promises of deploy/secrets.sh, which is run the way docs/deploy.md says."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from jobs import settings
from jobs.settings import PREFIX
from tests.conftest import set_settings
from tests.deploy import kubernetes
from tests.deploy.compose import OURS, PLAN, SERVICES
from tests.house import tree


def made(folder: Path) -> dict[str, str]:
    subprocess.run(["sh", "deploy/secrets.sh", str(folder)], cwd=tree.ROOT, check=True, capture_output=True)
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in [name for name in os.environ if name.startswith(PREFIX)]:
        monkeypatch.delenv(variable)
    yield
    settings.load.cache_clear()


def test_all_that_compose_and_the_manifests_hand_over_is_made(tmp_path: Path) -> None:
    names = set(made(tmp_path / "secrets"))

    assert names == set(PLAN["secrets"])
    assert {key for overlay in kubernetes.OVERLAYS for key in keys_of(overlay)} <= names


def test_secrets_are_drawn_anew_and_kept_once_they_are_there(tmp_path: Path) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    own.mkdir()
    (own / "database_url").write_text("postgresql://me@elsewhere/mine")
    first = made(own)

    assert made(own) == first
    assert first["database_url"] == "postgresql://me@elsewhere/mine"
    same = {name for name, content in made(other).items() if content == first[name]}
    assert {first[name] for name in same} == {"\n"}, "nothing is the same but what is empty until somebody has it"


def test_only_their_owner_gets_at_them_and_may_write_and_every_container_can_read_its_own(tmp_path: Path) -> None:
    made(tmp_path / "secrets")

    assert (tmp_path / "secrets").stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o644}


@pytest.mark.parametrize("name", OURS)
def test_every_setting_that_is_a_secret_comes_from_a_file(name: str) -> None:
    secret = {field for field, info in settings.Settings.model_fields.items() if info.annotation is SecretStr}
    told = SERVICES[name]["environment"]

    assert {field: told.get(f"{PREFIX}{field.upper()}_FILE") for field in secret} == {
        field: f"/run/secrets/{field}" for field in secret
    }


@pytest.mark.usefixtures("nothing_set")
@pytest.mark.parametrize("name", OURS)
def test_our_programs_can_read_what_compose_tells_them(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = made(tmp_path / "secrets")
    told = {
        variable: value.replace("/run/secrets", str(tmp_path / "secrets"))
        for variable, value in SERVICES[name]["environment"].items()
        if "${" not in value
    }
    set_settings(monkeypatch, told)

    chosen = settings.load()
    assert urlsplit(chosen.secret("database_url")).password == secrets["postgres_password"].strip()
    assert f"requirepass {urlsplit(chosen.secret('broker_url')).password}\n" == secrets["valkey.conf"]
    assert chosen.secret("s3_secret_access_key") in secrets["bucket_identities.json"]


def keys_of(overlay: str) -> set[str]:
    """Every key of the Secret `duologue` that is mounted."""
    specs = [
        thing["spec"]["template"]["spec"] for thing in kubernetes.things(overlay) if "template" in thing.get("spec", {})
    ]
    volumes = [volume for spec in specs for volume in spec["volumes"] if "secret" in volume]
    assert {volume["secret"]["secretName"] for volume in volumes} == {"duologue"}
    return {item["key"] for volume in volumes for item in volume["secret"]["items"]}
