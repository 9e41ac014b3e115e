from decimal import Decimal

from jobs import clock
from workers.engines.cloud.replies import Billing, Charged
from workers.forwarding.reconciling import sum_up


def entry(uuid: str, price: str, prediction: str | None = "p", kind: str = "deduct") -> Billing:
    charged = Charged(prediction) if prediction else None
    return Billing(uuid, kind, Decimal(price), clock.now(), charged)  # type: ignore[arg-type]  # one of the two


def test_what_was_given_back_is_not_counted() -> None:
    entries = [entry("2", "0.15", kind="refund"), entry("1", "0.15"), entry("3", "0.30", "q")]
    assert sum_up(entries) == {"p": 0, "q": Decimal("0.30")}


def test_an_entry_that_a_new_one_has_pushed_to_the_next_page_counts_once() -> None:
    assert sum_up([entry("1", "0.15"), entry("1", "0.15")]) == {"p": Decimal("0.15")}


def test_what_is_charged_for_no_prediction_is_nobodys() -> None:
    assert sum_up([entry("1", "0.15", None)]) == {}
