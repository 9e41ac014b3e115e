"""Promises about who may make and revoke an account's keys."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from jobs import accounts, keyring
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import Conflict, NotAllowed, NotFound
from jobs.rules.scopes import Scope
from tests import paying
from tests.conftest import Member


def revoke(caller: Caller, whose: Caller, *, even_the_last: bool = False) -> None:
    with transaction() as session:
        keyring.revoke(session, caller, whose.key_id, even_the_last=even_the_last)


def made(caller: Caller, *scopes: Scope) -> Caller:
    with transaction() as session:
        _, key = keyring.make(session, caller, "another", scopes)
    with transaction() as session:
        return accounts.identify(session, key)


def test_a_key_gives_no_right_that_it_lacks(member: Member) -> None:
    narrow = paying.without_scope(member, "submit").caller
    assert made(narrow, "manage", "read").scopes == {"manage", "read"}
    with pytest.raises(NotAllowed, match="no right to submit"):
        made(narrow, "read", "submit")


def test_the_last_key_that_may_manage_stays_unless_that_is_said(caller: Caller) -> None:
    made(caller, "read", "submit")
    with pytest.raises(Conflict, match="last key"):
        revoke(caller, caller)
    revoke(caller, caller, even_the_last=True)


def test_a_key_that_is_revoked_already_is_nobodys_last(caller: Caller) -> None:
    other = made(caller, "manage")
    revoke(caller, other)
    revoke(caller, other)
    with pytest.raises(Conflict):
        revoke(other, caller)


def test_of_two_keys_that_revoke_each_other_at_once_one_stays(caller: Caller) -> None:
    other, start = made(caller, "manage"), threading.Barrier(2)

    def attempt(one: Caller, whose: Caller) -> bool:
        start.wait(30)
        try:
            revoke(one, whose)
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(2) as threads:
        done = list(threads.map(attempt, [caller, other], [other, caller]))
    assert sorted(done) == [False, True]


def test_anothers_key_is_not_there(caller: Caller, other_caller: Caller) -> None:
    with pytest.raises(NotFound):
        revoke(other_caller, caller)


def test_an_account_has_only_so_many_keys_that_work(caller: Caller) -> None:
    second = made(caller, "read")
    with transaction() as session:
        for _ in range(keyring.KEYS_MAX - 2):
            keyring.make(session, caller, "another", ["read"])
    with pytest.raises(Conflict, match="revoke one"):
        made(caller, "read")
    revoke(caller, second)
    made(caller, "read")
