"""Tells receivers how a prediction ended, signed as the contract has it, or fails to as the switches say."""

import asyncio
import hashlib
import hmac
import json
from typing import Final

import httpx

from cli.fake_wavespeed.predictions import Prediction, instant, shape
from jobs import clock

_FORGED: Final = {"completed": "failed"}
_AT_ONCE: Final = 32
_PATIENCE_SECONDS: Final = 20.0


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that go with `body`. The secret's letters are the key as they stand, without their prefix."""
    key = secret.removeprefix("whsec_").encode()
    message = f"{webhook_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v3,{hmac.digest(key, message, hashlib.sha256).hex()}",
    }


class Messenger:
    """Posts webhooks, many at once; a receiver that does not answer 2xx is tried again."""

    def __init__(self, base_url: str, tries: int, late_seconds: float) -> None:
        self._base_url = base_url
        self._tries = tries
        self._late_seconds = late_seconds
        # One connection each: httpx looks at all a pool has, and at all who wait for it, at every request.
        limits, context = httpx.Limits(max_connections=1), httpx.create_ssl_context()
        self._clients = [
            httpx.AsyncClient(timeout=_PATIENCE_SECONDS, limits=limits, verify=context, trust_env=False)
            for _ in range(_AT_ONCE)
        ]
        self._idle: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._idle.put_nowait(client)

    async def close(self) -> None:
        for client in self._clients:
            await client.aclose()

    async def tell(self, prediction: Prediction) -> None:
        """Tell the end of `prediction` to its webhook, if it has one and the switches let it."""
        if prediction.webhook is None or "webhook_lost" in prediction.faults:
            return
        if "webhook_late" in prediction.faults:
            await asyncio.sleep(self._late_seconds)
        told = shape(prediction, self._base_url, with_input=True)
        if "webhook_forged" in prediction.faults:
            opposite = told | {"status": _FORGED.get(prediction.status, "completed")}
            await self._post(prediction, opposite, is_forged=True)
        for _ in range(2 if "webhook_doubled" in prediction.faults else 1):
            await self._insist(prediction, told)

    async def _insist(self, prediction: Prediction, told: dict[str, object]) -> None:
        for number in range(self._tries):
            if await self._post(prediction, told):
                return
            await asyncio.sleep(self._late_seconds * number)

    async def _post(self, prediction: Prediction, told: dict[str, object], *, is_forged: bool = False) -> bool:
        """Post once; whether it was taken."""
        body = json.dumps(told, separators=(",", ":")).encode()
        now = clock.now()
        secret = "not the secret" if is_forged else prediction.account.webhook_secret
        headers = sign(secret, prediction.id, int(now.timestamp()), body) | {"Content-Type": "application/json"}
        outcome: int | str
        client = await self._idle.get()
        try:
            answer = await client.post(str(prediction.webhook), content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            outcome, is_taken = type(error).__name__, False
        else:
            outcome, is_taken = answer.status_code, answer.is_success
        finally:
            self._idle.put_nowait(client)
        prediction.webhooks.append({"at": instant(now), "outcome": outcome, "forged": is_forged})
        return is_taken
