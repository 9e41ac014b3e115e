"""Promises about reading the upstream's bill when it is longer than what can be read."""

from datetime import timedelta

import pytest

from tests import routed
from tests.past import execute
from workers.chores import reconcile
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Unreadable
from workers.forwarding import reconciling


@pytest.mark.usefixtures("database")
def test_a_long_bill_that_breaks_off_keeps_nobody_from_that_of_the_last_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    routed.configure(monkeypatch)
    read = list[bool]()

    async def breaks_off(_client: Client, _key: str, at_most: timedelta) -> int:
        read.append(at_most > timedelta(hours=1))
        if read[-1]:
            raise Unreadable("it has no last page")
        return 1

    monkeypatch.setattr(reconciling, "reconcile", breaks_off)

    with pytest.raises(Unreadable):
        reconcile.run_once()
    assert reconcile.run_once() == 1
    assert read == [True, False, False]
    execute("UPDATE chores SET due_at = due_at - interval '10 minutes'")
    with pytest.raises(Unreadable):
        reconcile.run_once()
