"""Webhook endpoints as operators see and mend them."""

import pytest

from jobs import lifecycle, webhooks
from jobs.accounts import Caller
from jobs.tables import Endpoint
from tests import factories
from tests.api.console.signed_in import Browser, text_of


@pytest.fixture
def endpoint(caller: Caller) -> Endpoint:
    return webhooks.register(caller, url="https://hooks.example.com/in?key=hush", kinds=["job.completed"])


def test_an_endpoint_is_paused_resumed_and_tested(operator: Browser, caller: Caller, endpoint: Endpoint) -> None:
    at = f"/webhooks/{endpoint.id.hex}"
    assert "active" in text_of(operator.get("/webhooks"))
    assert operator.post(f"{at}/pause").status_code == 303
    assert "paused" in text_of(operator.get(at))
    refused = operator.post(f"{at}/test")
    assert (refused.status_code, "paused or switched off" in text_of(refused)) == (409, True)
    assert operator.post(f"{at}/resume").status_code == 303
    assert operator.post(f"{at}/test").status_code == 303
    [owed] = webhooks.deliveries(caller, endpoint.id)
    assert (owed.kind, owed.status) == ("webhook.test", "owed")
    assert operator.post(f"{at}/explode").status_code == 400
    assert [text in text_of(operator.get("/audit", action="webhook")) for text in ("webhook.pause", "refused")] == [
        True,
        True,
    ]


def test_a_delivery_is_shown_with_its_request_and_sent_again(
    operator: Browser, caller: Caller, endpoint: Endpoint
) -> None:
    factories.submit(caller)
    claim = factories.claim()
    lifecycle.finish(claim, factories.output(claim))
    [told] = webhooks.deliveries(caller, endpoint.id)
    page = operator.get(f"/deliveries/{told.id.hex}")
    assert {"job.completed", "owed"} <= set(text_of(page).split())
    assert endpoint.secret not in page.text
    assert "X-Amz-Signature" not in page.text
    for place in ("/webhooks", f"/webhooks/{endpoint.id.hex}", f"/deliveries/{told.id.hex}"):
        assert "https://hooks.example.com/in" in operator.get(place).text
        assert "hush" not in operator.get(place).text
    assert operator.post(f"/deliveries/{told.id.hex}/resend").status_code == 303
    assert webhooks.entry(caller, told.id).delivery.turn == told.turn + 1
