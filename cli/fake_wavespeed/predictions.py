"""The predictions the fake has taken, and how they look from outside."""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from cli.fake_wavespeed.accounts import Account
from cli.fake_wavespeed.films import Film
from jobs.rules.catalog import Model

FINAL: Final = frozenset({"completed", "failed", "cancelled", "timeout", "deleted"})


@dataclass(slots=True)
class Prediction:
    """One task from its submit on; `ended` is set once its status is final."""

    id: str
    account: Account
    model: Model
    inputs: dict[str, Any]
    created_at: datetime
    listed_at: datetime
    webhook: str | None = None
    wants_base64: bool = False
    status: str = "created"
    outputs: list[str] = field(default_factory=list)
    error: str = ""
    code: int = 0
    inference_ms: int = 0
    price_usd: Decimal | None = None
    film: Film | None = None
    faults: dict[str, int] = field(default_factory=dict)
    """The switches that struck it, each with how often it had struck others before."""
    reads: int = 0
    webhooks: list[dict[str, object]] = field(default_factory=list)
    is_deleted: bool = False
    ended_at: datetime | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class Book:
    """Every prediction ever taken, deleted ones included."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._by_id: dict[str, Prediction] = {}
        self._by_account: dict[str, list[Prediction]] = defaultdict(list)

    def next_id(self) -> str:
        """The id of the next prediction: seed and count decide it."""
        return hashlib.blake2b(f"{self._seed}/{len(self._by_id)}".encode(), digest_size=16).hexdigest()

    def add(self, prediction: Prediction) -> None:
        self._by_id[prediction.id] = prediction
        self._by_account[prediction.account.name].append(prediction)

    def find(self, account: Account, prediction_id: str) -> Prediction | None:
        """The prediction if it is this account's and not deleted."""
        found = self._by_id.get(prediction_id)
        return found if found is not None and found.account is account and not found.is_deleted else None

    def any(self, prediction_id: str) -> Prediction | None:
        """The prediction whosever it is."""
        return self._by_id.get(prediction_id)

    def newest_first(self, account: Account) -> Iterator[Prediction]:
        return (one for one in reversed(self._by_account[account.name]) if not one.is_deleted)

    def all(self) -> Iterator[Prediction]:
        """Oldest first."""
        return iter(self._by_id.values())


def shape(prediction: Prediction, base_url: str, *, with_input: bool = False) -> dict[str, object]:
    """The prediction as the contract shows it, in the contract's order."""
    found: dict[str, object] = {"id": prediction.id, "model": prediction.model.id}
    if with_input:
        found["input"] = prediction.inputs
    return found | {
        "outputs": prediction.outputs,
        "urls": {"get": f"{base_url}/api/v3/predictions/{prediction.id}/result"},
        "has_nsfw_contents": [False for _ in prediction.outputs],
        "status": prediction.status,
        "created_at": instant(prediction.created_at),
        "error": prediction.error,
        "code": prediction.code,
        "executionTime": prediction.inference_ms,
        "timings": {"inference": prediction.inference_ms},
    }


def instant(moment: datetime) -> str:
    """RFC 3339 in UTC with a fraction."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
