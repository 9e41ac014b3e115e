from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from jobs import listing, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, WrongInput
from jobs.listing import Filter
from jobs.submission import Wish
from jobs.tables import IdempotencyKey
from tests import factories

WISH = Wish(model=factories.MULTI, inputs=factories.form())


def test_the_same_key_and_body_give_the_same_job(caller: Caller) -> None:
    first, second = (submission.submit(caller, WISH, "order-1") for _ in range(2))
    assert first.id == second.id
    assert len(listing.jobs(caller, Filter())) == 1


def test_the_same_key_with_another_body_is_a_conflict(caller: Caller) -> None:
    submission.submit(caller, WISH, "order-1")
    with pytest.raises(Conflict):
        submission.submit(caller, Wish(model=factories.MULTI, inputs=factories.form(prompt="other")), "order-1")


def test_keys_of_two_accounts_do_not_meet(caller: Caller, other_caller: Caller) -> None:
    assert submission.submit(caller, WISH, "order-1").id != submission.submit(other_caller, WISH, "order-1").id


def test_ten_at_once_make_one_job(caller: Caller) -> None:
    with ThreadPoolExecutor(10) as pool:
        ids = set(pool.map(lambda _: submission.submit(caller, WISH, "order-1").id, range(10)))
    assert len(ids) == 1
    assert len(listing.jobs(caller, Filter())) == 1


def test_a_key_is_free_again_after_its_time(caller: Caller) -> None:
    first = submission.submit(caller, WISH, "order-1")
    with transaction() as session:
        session.execute(update(IdempotencyKey).values(expires_at=func.now() - timedelta(seconds=1)))
    assert submission.submit(caller, WISH, "order-1").id != first.id


@pytest.mark.parametrize("key", ["", "x" * 256, "a\nb", "a\x00b"])
def test_a_key_that_cannot_be_one_is_refused(caller: Caller, key: str) -> None:
    with pytest.raises(WrongInput, match="Idempotency-Key"):
        submission.submit(caller, WISH, key)
