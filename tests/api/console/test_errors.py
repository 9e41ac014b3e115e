"""Failed jobs by what they have in common."""

from jobs import failures, lifecycle
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.errors import EngineError
from tests import factories
from tests.api.console.signed_in import Browser, text_of


def fail(caller: Caller, sentence: str) -> None:
    factories.submit(caller)
    lifecycle.stumble(factories.claim(), EngineError(sentence, permanent=True))


def the_one(standing: failures.Standing = "open") -> failures.Group:
    with transaction() as session:
        [found] = failures.known(session, standing)
    return found


def test_failures_that_differ_in_numbers_alone_are_one(operator: Browser, caller: Caller) -> None:
    for number in range(3):
        fail(caller, f"out of memory: <b>{number}</b>.5 GiB at step {number}")

    page = operator.get("/errors")

    assert the_one().jobs == 3
    listed = operator.get("/jobs", group=the_one().group.id.hex).text
    assert listed.count("/console/jobs/0") >= 3
    assert "out of memory: &lt;b&gt;&lt;n&gt;&lt;/b&gt;.&lt;n&gt; GiB at step &lt;n&gt;" in page.text


def test_what_is_resolved_is_open_again_once_it_happens_again(operator: Browser, caller: Caller) -> None:
    fail(caller, "the disk of node-1 is full")
    at = f"/errors/{the_one().group.id.hex}"
    assert operator.post(f"{at}/resolve").status_code == 303
    assert the_one("resolved").standing == "resolved"
    fail(caller, "the disk of node-7 is full")
    assert (the_one().jobs, the_one().has_come_back) == (2, True)
    assert "came back" in text_of(operator.get("/errors"))


def test_what_is_ignored_stays_so_until_it_is_reopened(operator: Browser, caller: Caller) -> None:
    fail(caller, "the cat sat on it")
    at = f"/errors/{the_one().group.id.hex}"
    operator.post(f"{at}/ignore")
    fail(caller, "the cat sat on it")
    assert "the cat sat on it" not in operator.get("/errors").text
    assert the_one("ignored").jobs == 2
    operator.post(f"{at}/reopen")
    assert the_one().standing == "open"
