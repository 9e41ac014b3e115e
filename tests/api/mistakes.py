"""Every way to ask wrongly that we know, with the status, the code and the field it is answered with."""

import json
from collections.abc import Callable

from httpx import Response
from starlette.testclient import TestClient

from tests import factories

SOLO = "/api/v3/wavespeed-ai/infinitetalk"
NOBODY = "0" * 32
LIST = "/api/v3/predictions"
BILL = "/api/v3/billings/search"
USED = "/api/v3/user/usage_stats"
PAGE = {"page": 1, "page_size": 5}
PRICED = {"model_id": factories.MULTI}
MEDIA = {"image": "https://x.example/a.png", "audio": "https://x.example/a.mp3"}
JOB = {"model": factories.MULTI, "inputs": factories.form()}

Ask = Callable[[TestClient, dict[str, str]], Response]


def post(path: str, body: object) -> Ask:
    return lambda client, headers: client.post(path, json=body, headers=headers)


def send(path: str, content: bytes) -> Ask:
    return lambda client, headers: client.post(path, content=content, headers=headers)


def post_named(key: str, path: str, body: object) -> Ask:
    return lambda client, headers: client.post(path, json=body, headers=headers | {"Idempotency-Key": key})


def get(path: str) -> Ask:
    return lambda client, headers: client.get(path, headers=headers)


WAVESPEED: dict[str, tuple[Ask, int, str]] = {
    "unknown path": (get("/api/v3/nothing"), 404, "not_found"),
    "unknown model": (post("/api/v3/wavespeed-ai/nothing", MEDIA), 404, "not_found"),
    "unknown prediction": (get(f"/api/v3/predictions/{NOBODY}/result"), 404, "not_found"),
    "not an id": (get("/api/v3/predictions/abc"), 404, "not_found"),
    "an id in upper case": (get(f"/api/v3/predictions/{'A' * 32}"), 404, "not_found"),
    "wrong method": (get(SOLO), 405, "method_not_allowed"),
    "deleting": (lambda client, headers: client.delete(SOLO, headers=headers), 405, "method_not_allowed"),
    "missing image": (post(SOLO, {"audio": MEDIA["audio"]}), 400, "1400"),
    "empty body": (send(SOLO, b""), 400, "invalid_input"),
    "not JSON": (send(SOLO, b"{image:}"), 400, "invalid_input"),
    "not UTF-8": (send(SOLO, b'{"image":"\xff"}'), 400, "invalid_input"),
    "an array": (post(SOLO, [MEDIA]), 400, "invalid_input"),
    "the same key twice": (send(SOLO, b'{"image":"a","image":"b"}'), 400, "invalid_input"),
    "deep JSON": (send(SOLO, b'{"image":' + b"[" * 50_000 + b"]" * 50_000 + b"}"), 400, "invalid_input"),
    "a NUL in a link": (post(SOLO, MEDIA | {"image": "https://x.example/\x00"}), 400, "1401"),
    "a NUL in an unknown key": (post(SOLO, MEDIA | {"other": "\x00"}), 400, "1401"),
    "half a surrogate pair": (send(SOLO, json.dumps(MEDIA | {"prompt": "\ud800"}).encode()), 400, "1401"),
    "image is a number": (post(SOLO, MEDIA | {"image": 5}), 400, "1401"),
    "image is a file name": (post(SOLO, MEDIA | {"image": "./a b.png?"}), 400, "1401"),
    "wrong enum": (post(SOLO, MEDIA | {"resolution": "1080p"}), 400, "1401"),
    "bad seed": (post(SOLO, MEDIA | {"seed": 2**31}), 400, "1401"),
    "a huge seed": (send(SOLO, json.dumps(MEDIA | {"seed": 10**4000}).encode()), 400, "1401"),
    "a seed of too many digits": (send(SOLO, b'{"seed":' + b"9" * 9999 + b"}"), 400, "invalid_input"),
    "seed is text": (post(SOLO, MEDIA | {"seed": "x"}), 400, "1401"),
    "an endless prompt": (post(SOLO, MEDIA | {"prompt": "x" * 10_001}), 400, "1401"),
    "a bad switch": (post(SOLO, MEDIA | {"enable_sync_mode": "perhaps"}), 400, "1401"),
    "a bad webhook": (post(SOLO + "?webhook=ftp://x", MEDIA), 400, "1401"),
    "a bad webhook_url": (post(SOLO, MEDIA | {"webhook_url": ["x"]}), 400, "1401"),
    "a ticket without a name": (post("/api/v3/media/uploads", {"size": 5}), 400, "1400"),
    "a ticket without a size": (post("/api/v3/media/uploads", {"filename": "a.mp3"}), 400, "1400"),
    "a ticket for nothing": (post("/api/v3/media/uploads", {"filename": "a.mp3", "size": 0}), 400, "1401"),
    "a ticket for half": (post("/api/v3/media/uploads", {"filename": "a.mp3", "size": 1.5}), 400, "1401"),
    "a ticket for a nameless file": (post("/api/v3/media/uploads", {"filename": "...", "size": 5}), 400, "1401"),
    "a ticket for a strange type": (
        post("/api/v3/media/uploads", {"filename": "a", "size": 5, "content_type": "x\r\ny: z"}),
        400,
        "1401",
    ),
    "a ticket for too much": (post("/api/v3/media/uploads", {"filename": "a.mp3", "size": 10**20}), 413, "too_large"),
    "an upload that is no form": (send("/api/v3/media/upload/binary", b"bytes"), 400, "1400"),
    "an upload in another field": (
        lambda client, headers: client.post("/api/v3/media/upload/binary", files={"f": b"x"}, headers=headers),
        400,
        "1400",
    ),
    "an upload of text in the field": (
        lambda client, headers: client.post("/api/v3/media/upload/binary", data={"file": "x"}, headers=headers),
        400,
        "1400",
    ),
    "an empty upload": (
        lambda client, headers: client.post("/api/v3/media/upload/binary", files={"file": b""}, headers=headers),
        400,
        "1401",
    ),
    "a torn form": (
        lambda client, headers: client.post(
            "/api/v3/media/upload/binary",
            content=b"--x\r\nnonsense",
            headers=headers | {"Content-Type": "multipart/form-data; boundary=x"},
        ),
        400,
        "1400",
    ),
    "a form without a boundary": (
        lambda client, headers: client.post(
            "/api/v3/media/upload/binary", content=b"x", headers=headers | {"Content-Type": "multipart/form-data"}
        ),
        400,
        "invalid_input",
    ),
    "a name of 256 letters": (post_named("x" * 256, SOLO, MEDIA), 400, "1401"),
    "deleting what is not there": (
        lambda client, headers: client.delete(f"/api/v3/predictions/{NOBODY}", headers=headers),
        404,
        "not_found",
    ),
    "a list without a page": (post(LIST, {"page_size": 5}), 400, "1400"),
    "a list without a page size": (post(LIST, {"page": 1}), 400, "1400"),
    "a page before the first": (post(LIST, {"page": 0, "page_size": 5}), 400, "1401"),
    "a page beyond all": (post(LIST, {"page": 10**30, "page_size": 5}), 400, "1401"),
    "a page of 101": (post(LIST, {"page": 1, "page_size": 101}), 400, "1401"),
    "a page of none": (post(LIST, {"page": 1, "page_size": 0}), 400, "1401"),
    "a word of ours": (post(LIST, PAGE | {"status": "waiting"}), 400, "1401"),
    "a word in upper case": (post(LIST, PAGE | {"status": "COMPLETED"}), 400, "1401"),
    "a day there never was": (post(LIST, PAGE | {"created_after": "2026-02-30"}), 400, "1401"),
    "no day at all": (post(LIST, PAGE | {"created_before": "soon"}), 400, "1401"),
    "a model that is a list": (post(LIST, PAGE | {"model": ["x"]}), 400, "1401"),
    "deleting without ids": (post(f"{LIST}/delete", {}), 400, "1400"),
    "deleting one text": (post(f"{LIST}/delete", {"ids": NOBODY}), 400, "1401"),
    "deleting numbers": (post(f"{LIST}/delete", {"ids": [5]}), 400, "1401"),
    "deleting too many": (post(f"{LIST}/delete", {"ids": [NOBODY] * 1001}), 400, "1401"),
    "a price of nothing": (post("/api/v3/model/price", {"inputs": {}}), 400, "1400"),
    "a price of a number": (post("/api/v3/model/price", {"model_id": 5}), 400, "1401"),
    "a price of an unknown model": (post("/api/v3/model/price", {"model_id": "x"}), 404, "not_found"),
    "a price of a list": (post("/api/v3/model/price", PRICED | {"inputs": []}), 400, "1401"),
    "a price in 1080p": (post("/api/v3/model/price", PRICED | {"inputs": {"resolution": "1080p"}}), 400, "1401"),
    "a price in a strange order": (post("/api/v3/model/price", PRICED | {"inputs": {"order": []}}), 400, "1401"),
    "an older price of an unknown model": (post("/api/v3/model/pricing", {"model_id": "x"}), 404, "not_found"),
    "a bill before the first page": (post(BILL, {"page": 0}), 400, "1401"),
    "a bill of 101": (post(BILL, {"page_size": 101}), 400, "1401"),
    "a bill of a word of ours": (post(BILL, {"billing_type": "hold"}), 400, "1401"),
    "a bill from no day": (post(BILL, {"start_time": "soon"}), 400, "1401"),
    "a bill until 1969": (post(BILL, {"end_time": "1969-12-31"}), 400, "1401"),
    "a bill in a strange order": (post(BILL, {"sort": "price ASC"}), 400, "1401"),
    "a bill of too many predictions": (post(BILL, {"prediction_uuids": [NOBODY] * 1001}), 400, "1401"),
    "usage that ends before it begins": (
        post(USED, {"start_time": "2026-01-02", "end_time": "2026-01-01"}),
        400,
        "1401",
    ),
    "usage of two years": (post(USED, {"start_time": "2024-01-01", "end_time": "2026-01-01"}), 400, "1401"),
    "usage of a model that is a list": (post(USED, {"model_uuid": ["x"]}), 400, "1401"),
    "setting the balance": (post("/api/v3/balance", {}), 405, "method_not_allowed"),
    "changing the secret": (post("/api/v3/webhook/secret", {}), 405, "method_not_allowed"),
    "an engine nobody knows": (
        lambda client, headers: client.post(SOLO, json=MEDIA, headers=headers | {"X-Duologue-Engine": "steam"}),
        400,
        "1401",
    ),
}

OURS: dict[str, tuple[Ask, int, str, str | None]] = {
    "unknown path": (get("/v1/nothing"), 404, "not_found", None),
    "outside both": (get("/nothing"), 404, "not_found", None),
    "unknown job": (get(f"/v1/jobs/{NOBODY}"), 404, "not_found", None),
    "not an id": (get("/v1/jobs/a%00b"), 404, "not_found", None),
    "wrong method": (lambda client, headers: client.put("/v1/jobs", headers=headers), 405, "method_not_allowed", None),
    "empty body": (send("/v1/jobs", b""), 400, "invalid_input", None),
    "no model": (post("/v1/jobs", {"inputs": {}}), 400, "missing_input", "model"),
    "no inputs": (post("/v1/jobs", {"model": factories.MULTI}), 400, "missing_input", "inputs"),
    "unknown model": (post("/v1/jobs", JOB | {"model": "x"}), 404, "not_found", "model"),
    "inputs is a list": (post("/v1/jobs", JOB | {"inputs": []}), 400, "wrong_input", "inputs"),
    "bad seed": (post("/v1/jobs", JOB | {"inputs": factories.form(seed=-2)}), 400, "wrong_input", "seed"),
    "unknown key": (post("/v1/jobs", JOB | {"colour": 1}), 400, "wrong_input", "colour"),
    "engine": (post("/v1/jobs", JOB | {"engine": "gpu"}), 400, "wrong_input", "engine"),
    "priority": (post("/v1/jobs", JOB | {"priority": 101}), 400, "wrong_input", "priority"),
    "huge priority": (post("/v1/jobs", JOB | {"priority": 10**40}), 400, "wrong_input", "priority"),
    "a deadline in the past": (
        post("/v1/jobs", JOB | {"deadlines": {"run_seconds": 0}}),
        400,
        "wrong_input",
        "deadlines.run_seconds",
    ),
    "an endless deadline": (
        post("/v1/jobs", JOB | {"deadlines": {"total_seconds": 10**30}}),
        400,
        "wrong_input",
        "total_seconds",
    ),
    "too many tags": (post("/v1/jobs", JOB | {"tags": ["x"] * 21}), 400, "wrong_input", "tags"),
    "an empty tag": (post("/v1/jobs", JOB | {"tags": [""]}), 400, "wrong_input", "tags.0"),
    "too much metadata": (post("/v1/jobs", JOB | {"metadata": {"x": "y" * 16_384}}), 400, "wrong_input", "metadata"),
    "a NUL in metadata": (post("/v1/jobs", JOB | {"metadata": {"x": "\x00"}}), 400, "wrong_input", "metadata"),
    "webhook": (post("/v1/jobs", JOB | {"webhook": "x"}), 400, "wrong_input", "webhook"),
    "an empty name": (post_named("", "/v1/jobs", JOB), 400, "wrong_input", "Idempotency-Key"),
    "cancelling what is not there": (post(f"/v1/jobs/{NOBODY}/cancel", None), 404, "not_found", None),
    "running again what is not there": (post(f"/v1/jobs/{NOBODY}/rerun", None), 404, "not_found", None),
    "following what is not there": (get(f"/v1/jobs/{NOBODY}/events"), 404, "not_found", None),
    "too long a wait": (get(f"/v1/jobs/{NOBODY}?wait_seconds=61"), 400, "wrong_input", "wait_seconds"),
    "a wait that is no time": (get(f"/v1/jobs/{NOBODY}?wait_seconds=nan"), 400, "wrong_input", "wait_seconds"),
    "an event that is none": (
        get(f"/v1/jobs/{NOBODY}/events?last_event_id=x"),
        400,
        "wrong_input",
        "last_event_id",
    ),
    "an event beyond all": (
        lambda client, headers: client.get(f"/v1/jobs/{NOBODY}/events", headers=headers | {"Last-Event-ID": "9" * 30}),
        400,
        "wrong_input",
        "Last-Event-ID",
    ),
    "a key without a name": (post("/v1/keys", {"scopes": ["read"]}), 400, "missing_input", "name"),
    "a key with an empty name": (post("/v1/keys", {"name": "", "scopes": ["read"]}), 400, "wrong_input", "name"),
    "a key without rights": (post("/v1/keys", {"name": "x", "scopes": []}), 400, "wrong_input", "scopes"),
    "a key that may do what nobody may": (
        post("/v1/keys", {"name": "x", "scopes": ["operate"]}),
        400,
        "wrong_input",
        "scopes.0",
    ),
    "a key of one's own choosing": (
        post("/v1/keys", {"name": "x", "scopes": ["read"], "key": "duo_x"}),
        400,
        "wrong_input",
        "key",
    ),
    "a page of 101 keys": (get("/v1/keys?limit=101"), 400, "wrong_input", "limit"),
    "revoking what is not there": (post(f"/v1/keys/{NOBODY}/revoke", None), 404, "not_found", None),
    "revoking by name": (post("/v1/keys/tests/revoke", None), 404, "not_found", None),
    "an account that limits itself": (
        lambda client, headers: client.patch("/v1/account", json={"running_max": 5}, headers=headers),
        400,
        "wrong_input",
        "running_max",
    ),
    "a budget that is a word": (
        lambda client, headers: client.patch("/v1/account", json={"budget_soft_usd": "much"}, headers=headers),
        400,
        "wrong_input",
        "budget_soft_usd",
    ),
    "deleting an account": (
        lambda client, headers: client.delete("/v1/account", headers=headers),
        405,
        "method_not_allowed",
        None,
    ),
    "usage from no day": (get("/v1/usage?first_day=soon"), 400, "wrong_input", "first_day"),
    "a kind of entry nobody knows": (get("/v1/ledger?kind=gift"), 400, "wrong_input", "kind.0"),
    "entries since no moment": (get("/v1/ledger?since=2026-01-01T00:00:00"), 400, "wrong_input", "since"),
    "a route of an unknown model": (get("/v1/route?model=x"), 404, "not_found", "model"),
    "a route to an engine nobody knows": (get("/v1/route?engine=steam"), 400, "wrong_input", "engine"),
    "a route of no length": (get("/v1/route?duration_seconds=0"), 400, "wrong_input", "duration_seconds"),
    "a route in 1080p": (get("/v1/route?resolution=1080p"), 400, "wrong_input", "resolution"),
    "a status nobody knows": (get("/v1/jobs?status=done"), 400, "wrong_input", "status.0"),
    "no page": (get("/v1/jobs?limit=0"), 400, "wrong_input", "limit"),
    "too large a page": (get("/v1/jobs?limit=101"), 400, "wrong_input", "limit"),
    "a cursor of one's own": (get("/v1/jobs?cursor=%00%F0~"), 400, "wrong_input", "cursor"),
    "a NUL in a filter": (get("/v1/jobs?tag=%00"), 400, "wrong_input", "tag"),
    "a time without a zone": (get("/v1/jobs?created_after=2026-01-01T00:00:00"), 400, "wrong_input", "created_after"),
    "an odd time": (get("/v1/jobs?created_before=soon"), 400, "wrong_input", "created_before"),
}
