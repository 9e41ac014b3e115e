"""What the fake has charged and given back, entry by entry, in exact dollars."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from cli.fake_wavespeed.accounts import Account
from cli.fake_wavespeed.predictions import Prediction, instant
from jobs import clock

BillingType = Literal["deduct", "refund"]


@dataclass(frozen=True)
class Entry:
    uuid: str
    billing_type: BillingType
    price_usd: Decimal
    created_at: datetime
    prediction: Prediction

    @property
    def signed_usd(self) -> Decimal:
        """What the entry costs: less than nothing where money comes back."""
        return self.price_usd if self.billing_type == "deduct" else -self.price_usd


class Bill:
    """All entries, oldest first."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._owed_usd: dict[str, Decimal] = defaultdict(Decimal)

    def charge(self, prediction: Prediction, price_usd: Decimal) -> None:
        prediction.price_usd = price_usd
        self._enter("deduct", prediction, price_usd)

    def refund(self, prediction: Prediction) -> None:
        """Give back what it cost, once."""
        if owed_usd := self.owed_usd(prediction):
            self._enter("refund", prediction, owed_usd)

    def owed_usd(self, prediction: Prediction) -> Decimal:
        """What it costs in the end."""
        return self._owed_usd.get(prediction.id, Decimal())

    def newest_first(self, account: Account) -> Iterator[Entry]:
        return (entry for entry in reversed(self._entries) if entry.prediction.account is account)

    def totals_usd(self, accounts: Iterable[Account]) -> dict[str, Decimal]:
        """What each account owes, by its name."""
        totals = {account.name: Decimal() for account in accounts}
        for entry in self._entries:
            totals[entry.prediction.account.name] += entry.signed_usd
        return totals

    def entries(self) -> Iterator[Entry]:
        return iter(self._entries)

    def _enter(self, billing_type: BillingType, prediction: Prediction, price_usd: Decimal) -> None:
        uuid = hashlib.blake2b(f"{billing_type}/{prediction.id}".encode(), digest_size=16).hexdigest()
        entry = Entry(uuid, billing_type, price_usd, clock.now().astimezone(UTC), prediction)
        prediction.account.balance_usd -= entry.signed_usd
        self._owed_usd[prediction.id] += entry.signed_usd
        self._entries.append(entry)


def shape(entry: Entry) -> dict[str, object]:
    """The entry as the contract shows it."""
    prediction = entry.prediction
    return {
        "uuid": entry.uuid,
        "billing_type": entry.billing_type,
        "price": float(entry.price_usd),
        "created_at": instant(entry.created_at),
        "access_key_name": prediction.account.name,
        "access_key_uuid": prediction.account.uuid,
        "order": None,
        "prediction": {"uuid": prediction.id, "model_uuid": prediction.model.id, "status": prediction.status},
    }
