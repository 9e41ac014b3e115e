"""Couriers and receivers for tests about webhooks."""

from collections.abc import Iterator

import pytest

from jobs import database as ours
from tests.conftest import set_settings
from tests.fakes.receiver import Receiver


@pytest.fixture
def webhooks_at_home(database: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Webhooks may go to this machine, and a post may take two seconds."""
    changed = {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8", "DUOLOGUE_WEBHOOK_SECONDS": "2"}
    set_settings(monkeypatch, changed)
    ours.engine()
    return changed


@pytest.fixture
def receiver(webhooks_at_home: dict[str, str]) -> Iterator[Receiver]:
    with Receiver() as running:
        yield running
