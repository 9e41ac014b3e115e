"""Hears an endpoint's deliveries over the API's stream, verifies them as any receiver does, and passes them on."""

import hmac
import json
import time
from collections.abc import Iterator

import httpx

from cli.client import Api, Json, NoAnswer
from cli.failure import Failure
from cli.screen import err, say
from jobs.rules import signatures

_PAUSE_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_FORWARD_SECONDS = 30.0


def follow(api: Api, endpoint: Json, forward_to: str | None, count: int | None) -> None:
    """Say what comes, until `count` have come; the API may be away for a minute meanwhile. Raises Failure."""
    left, last_id = count, endpoint["id"]  # which stands for nothing heard yet
    away_since: float | None = None
    while left is None or left > 0:
        try:
            for told in _deliveries(api, endpoint["id"], last_id):
                away_since = None
                if told is None:
                    continue
                _take(told, endpoint["secret"], forward_to)
                last_id = told["headers"]["webhook-id"]
                left = None if left is None else left - 1
                if left == 0:
                    return
        except NoAnswer:
            # Counted from here: a connection that dies without a word has been silent for a minute by itself.
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > _PATIENCE_SECONDS:
                raise
        time.sleep(_PAUSE_SECONDS)


def wait_until_settled(api: Api, delivery_id: str) -> Json:
    """The delivery once it is delivered or given up. Raises Failure when nobody takes it up."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        told = api.ask("GET", f"/v1/deliveries/{delivery_id}")
        if told["status"] != "owed":
            return told
        time.sleep(_PAUSE_SECONDS / 4)
    raise Failure("Nobody has posted it within a minute; is the timetable running?")


def is_genuine(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """Whether these bytes were signed with `secret`, whenever that was: while a program of ours was slow, more came."""
    timestamp = headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit()):
        return False
    expected = signatures.standard([secret], headers["webhook-id"], int(timestamp), body)
    return any(hmac.compare_digest(expected, one) for one in headers.get("webhook-signature", "").split(" "))


def _deliveries(api: Api, endpoint_id: str, last_id: str) -> Iterator[Json | None]:
    """Each delivery as it comes, from the one after `last_id`, and None for each sign of life between them."""
    with api.stream("POST", f"/v1/webhooks/{endpoint_id}/listen", headers={"Last-Event-ID": last_id}) as lines:
        for line in lines:
            yield json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else None


def _take(told: Json, secret: str, forward_to: str | None) -> None:
    headers, body = told["headers"], told["body"].encode()
    if not is_genuine(headers, body, secret):
        raise Failure("A message came that is not signed with this endpoint's secret; it was passed to nobody.")
    event = json.loads(body)
    about = event["data"].get("id") or event["data"].get("endpoint") or ""
    passed = f"  {_forward(forward_to, _signed_now(headers, body, secret), body)}" if forward_to else ""
    say(f"{event['timestamp']}  {event['type']:16} {about}{passed}")
    if not forward_to:
        err.print_json(json.dumps(event["data"]))


def _signed_now(headers: dict[str, str], body: bytes, secret: str) -> dict[str, str]:
    """The same headers as of this second, as each post of ours has them: our program may refuse what is old."""
    timestamp = int(time.time())
    signature = signatures.standard([secret], headers["webhook-id"], timestamp, body)
    return headers | {"webhook-timestamp": str(timestamp), "webhook-signature": signature}


def _forward(url: str, headers: dict[str, str], body: bytes) -> str:
    """Post the same bytes to a program of ours; how it answered."""
    try:
        reply = httpx.post(url, content=body, headers=headers, timeout=_FORWARD_SECONDS, trust_env=False)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return f"-> nobody took it ({type(error).__name__})"
    return f"-> {reply.status_code}"
