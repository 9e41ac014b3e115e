"""Every route of the front door: what it is asked, whom it tells what, and which right it wants.

A new route makes tests of the walk fail until it is in one of these tables, and under one right.
"""

from collections.abc import Callable
from dataclasses import dataclass
from string import Formatter
from typing import Any

from httpx import Response
from starlette.testclient import TestClient

from jobs.rules.catalog import MODELS
from jobs.rules.scopes import Scope
from jobs.tables import Job
from tests import factories
from tests.conftest import Member

Operation = tuple[str, str]
Ask = Callable[[TestClient, dict[str, str]], Response]

PUBLIC: set[Operation] = {("GET", "/health"), ("GET", "/ready"), ("POST", "/callbacks/wavespeed/{try_id}")}
"""Routes that need no key and know no account; the upstream shows its signature instead."""

NOBODY = "0" * 32


@dataclass(frozen=True)
class Owned:
    """A job that has everything a job can have, and what stands for each path parameter: something of its owner's."""

    job: Job
    ids: dict[str, str]


OF_JOBS: set[str] = {"prediction_id", "job_id"}
"""Path parameters that lead nowhere once the job is deleted."""

BODIES: dict[Operation, object] = {
    ("PATCH", "/v1/webhooks/{webhook_id}"): {},
    ("POST", "/v1/webhooks/{webhook_id}/rotate"): {},
    ("POST", "/v1/webhooks/{webhook_id}/replay"): {"since": "2026-01-01T00:00:00Z"},
}
"""What to send to routes that have both a path parameter and a body."""

LISTS: dict[Operation, tuple[object, Callable[[Any], list[Any]]]] = {
    ("GET", "/v1/jobs"): (None, lambda body: body["jobs"]),
    ("POST", "/api/v3/predictions"): (
        {"page": 1, "page_size": 100, "include_inputs": True},
        lambda body: body["data"]["items"],
    ),
}
"""Routes that list jobs, with what to send them; each must be empty for a stranger."""

STAYING: dict[Operation, tuple[object, Callable[[Any], list[Any]]]] = {
    ("GET", "/v1/ledger"): (None, lambda body: body["entries"]),
    ("GET", "/v1/usage"): (None, lambda body: body["days"]),
    ("POST", "/api/v3/billings/search"): ({}, lambda body: body["data"]["items"]),
    ("POST", "/api/v3/user/usage_stats"): ({}, lambda body: body["data"]["per_model_usage"]),
    ("GET", "/v1/webhooks"): (None, lambda body: body["webhooks"]),
    ("GET", "/v1/batches"): (None, lambda body: body["batches"]),
}
"""The same for what deleting a job does not take back."""

ALIKE: dict[Operation, object] = {
    ("GET", "/api/v3/models"): None,
    ("GET", "/v1/route"): None,
    ("GET", "/v1/scaling"): None,
    ("POST", "/api/v3/model/price"): {"model_id": factories.MULTI},
    ("POST", "/api/v3/model/pricing"): {"model_id": factories.MULTI},
}
"""Routes that tell every account the same."""

BALANCES: set[Operation] = {("GET", "/api/v3/balance"), ("GET", "/api/v3/account/balance")}
TOLD_APART: set[Operation] = BALANCES | {
    ("GET", "/api/v3/webhook/secret"),
    ("POST", "/api/v3/predictions/delete"),
    ("GET", "/v1/keys"),
    ("GET", "/v1/account"),
    ("PATCH", "/v1/account"),
    ("GET", "/metrics"),
}
"""Routes with a test of their own below."""


def post(path: str, **request: Any) -> Ask:  # noqa: ANN401 - httpx's own
    return lambda client, headers: client.post(path, headers=headers, **request)


MAKERS: dict[Operation, Ask] = {
    ("POST", "/v1/jobs"): post("/v1/jobs", json={"model": factories.MULTI, "inputs": factories.form()}),
    ("POST", "/api/v3/media/uploads"): post("/api/v3/media/uploads", json={"filename": "a.mp3", "size": 5}),
    ("POST", "/api/v3/media/upload/binary"): post("/api/v3/media/upload/binary", files={"file": ("a.mp3", b"abc")}),
} | {
    ("POST", f"/api/v3/{model.id}"): post(f"/api/v3/{model.id}", json=dict.fromkeys(model.media, "https://x.example/a"))
    for model in MODELS.values()
}
"""Routes that order something new of the caller's own; nothing of the owner's may shine through."""

FOUNDERS: dict[Operation, Ask] = {
    ("POST", "/v1/batches"): post("/v1/batches", json={"requests": [factories.line()]}),
    ("POST", "/v1/keys"): post("/v1/keys", json={"name": "another", "scopes": ["manage"]}),
    ("POST", "/v1/webhooks"): post("/v1/webhooks", json={"url": "https://x.example/a", "events": ["job.failed"]}),
}
"""The same for what an account is made up of."""

RIGHTS: dict[Scope, set[Operation]] = {
    "submit": {
        *MAKERS,
        ("DELETE", "/api/v3/predictions/{prediction_id}"),
        ("POST", "/api/v3/predictions/delete"),
        ("POST", "/v1/jobs/{job_id}/cancel"),
        ("POST", "/v1/jobs/{job_id}/rerun"),
        ("POST", "/v1/batches"),
        *(("POST", f"/v1/batches/{{batch_id}}/{verb}") for verb in ("cancel", "pause", "resume", "retry")),
    },
    "read": {
        *LISTS,
        *(STAYING.keys() - {("GET", "/v1/webhooks")}),
        *ALIKE,
        *BALANCES,
        ("GET", "/metrics"),
        ("GET", "/api/v3/predictions/{prediction_id}"),
        ("GET", "/api/v3/predictions/{prediction_id}/result"),
        ("GET", "/v1/jobs/{job_id}"),
        ("GET", "/v1/jobs/{job_id}/events"),
        ("GET", "/v1/jobs/{job_id}/deliveries"),
        ("GET", "/v1/deliveries/{delivery_id}"),
        ("GET", "/v1/batches/{batch_id}"),
        ("GET", "/v1/batches/{batch_id}/jobs"),
    },
    "manage": {
        *(FOUNDERS.keys() - {("POST", "/v1/batches")}),
        ("GET", "/v1/keys"),
        ("POST", "/v1/keys/{key_id}/revoke"),
        ("GET", "/v1/account"),
        ("PATCH", "/v1/account"),
        ("GET", "/api/v3/webhook/secret"),
        ("GET", "/v1/webhooks"),
        ("GET", "/v1/webhooks/{webhook_id}"),
        ("PATCH", "/v1/webhooks/{webhook_id}"),
        ("DELETE", "/v1/webhooks/{webhook_id}"),
        ("GET", "/v1/webhooks/{webhook_id}/deliveries"),
        ("GET", "/v1/webhooks/{webhook_id}/secret"),
        *(
            ("POST", f"/v1/webhooks/{{webhook_id}}/{verb}")
            for verb in ("listen", "pause", "replay", "resume", "rotate", "test")
        ),
        ("POST", "/v1/deliveries/{delivery_id}/resend"),
    },
}
"""The one right that each route asks for."""


def ask(client: TestClient, operation: Operation, member: Member | None, owned: Owned | None = None) -> Response:
    """Ask as it should be asked, about what is owned, or about what is not there."""
    headers = member.headers if member else {}
    if make := (MAKERS | FOUNDERS).get(operation):
        return make(client, headers)
    method, path = operation
    body, _ = (LISTS | STAYING).get(operation, (BODIES.get(operation, ALIKE.get(operation)), None))
    place = path.format_map(owned.ids if owned else dict.fromkeys(parameters(operation), NOBODY))
    answer: Response = client.request(method, place, headers=headers, json=body)
    return answer


def parameters(operation: Operation) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(operation[1]) if name}
