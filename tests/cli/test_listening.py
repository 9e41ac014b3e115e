"""Promises about what is said of where the front door listens."""

from collections.abc import Iterator

import pytest

from cli import listening
from tests.conftest import forget_settings, set_settings

BUCKET = {
    "DUOLOGUE_S3_ENDPOINT_URL": "http://127.0.0.1:9000",
    "DUOLOGUE_S3_ACCESS_KEY_ID": "one",
    "DUOLOGUE_S3_SECRET_ACCESS_KEY": "two",
}
DOOR_FOR_ALL = {"DUOLOGUE_PUBLIC_URL": "https://video.example.com"}
BUCKET_FOR_ALL = {"DUOLOGUE_S3_PUBLIC_URL": "https://files.example.com"}


@pytest.fixture(autouse=True)
def _settings_are_forgotten() -> Iterator[None]:
    yield
    forget_settings()


@pytest.mark.parametrize(
    ("host", "environment", "missing"),
    [
        ("127.0.0.1", {}, []),
        ("0.0.0.0", {}, ["DUOLOGUE_PUBLIC_URL", "DUOLOGUE_S3_PUBLIC_URL"]),  # noqa: S104 - said, not bound
        ("0.0.0.0", DOOR_FOR_ALL, ["DUOLOGUE_S3_PUBLIC_URL"]),  # noqa: S104 - said, not bound
        ("192.0.2.7", {}, ["DUOLOGUE_S3_PUBLIC_URL"]),
        ("::", DOOR_FOR_ALL | BUCKET_FOR_ALL, []),
    ],
)
def test_whoever_listens_for_other_machines_is_told_what_they_cannot_reach(
    monkeypatch: pytest.MonkeyPatch, host: str, environment: dict[str, str], missing: list[str]
) -> None:
    set_settings(monkeypatch, BUCKET | {"DUOLOGUE_HOST": host} | environment)
    said = listening.unreachable_for_others()
    assert [name for sentence in said for name in sentence.split() if "DUOLOGUE" in name] == missing
