"""What operators see of the work and do with it, without JavaScript: pages, filters, one job, all that match."""

import re
from pathlib import Path

import pytest
from httpx import Response
from sqlalchemy import text

from jobs import accounts, audit, batches, health, hours, levels, lifecycle, retention, webhooks
from jobs.accounts import Caller
from jobs.batches import BatchWish
from jobs.database import transaction
from jobs.errors import EngineError
from jobs.tables import Job
from tests import factories
from tests.api.console.signed_in import Browser, text_of
from tests.api.rendering import complete
from tests.conftest import make_member
from tests.past import age, completed, execute, let_go
from tests.workers.couriers import deliveries
from workers import batching
from workers.chores import run_errands

SCRIPT = '<script>alert("x")</script>'
IDS = re.compile(r'href="/console/jobs/([0-9a-f]{32})"')


@pytest.fixture
def acme(operator: Browser) -> Caller:
    return make_member("acme").caller


def ids_on(answer: Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return list(dict.fromkeys(IDS.findall(answer.text)))


def moved(answer: Response) -> str:
    """Where the browser is sent on to."""
    assert answer.status_code == 303, answer.text
    return answer.headers["Location"].removeprefix("/console")


def confirmed(operator: Browser, answer: Response) -> Response:
    """Say yes on a page that asks whether it is meant."""
    assert answer.status_code == 200, answer.text
    [action] = re.findall(r'action="/console([^"]+)" class="card"', answer.text)
    fields = dict(re.findall(r'<input type="hidden" name="(?!token)([^"]+)" value="([^"]*)">', answer.text))
    return operator.post(action, confirmed="yes", **fields)


def test_the_overview_says_what_waits_runs_fails_and_costs(operator: Browser, acme: Caller) -> None:
    completed(acme)
    factories.submit(acme)
    lifecycle.stumble(factories.claim(), EngineError("out of steam", permanent=True))
    factories.submit(acme)
    factories.claim()
    factories.submit(acme)
    hours.count_due()
    levels.forget()
    page = text_of(operator.get(""))
    for words in ("Waiting 1", "Under way 1", "Completed 1", "Failed 1", "Success 50.0 %", "engine 1 50.0 %"):
        assert words in page, (words, page)
    part = operator.get("/overview/now")
    assert (part.status_code, "<html" in part.text, "Running now" in part.text) == (200, False, True)


def test_a_house_without_anything_has_all_its_pages(operator: Browser) -> None:
    for path in ("", "/jobs", "/batches", "/errands", "/workers"):
        assert operator.get(path).status_code == 200, path
    for path in ("/jobs/" + "0" * 32, "/jobs/x", "/batches/" + "0" * 32, "/errands/x", "/jobs/x/live"):
        assert operator.get(path).status_code == 404, path


def test_filters_are_kept_in_the_address_and_in_the_form(operator: Browser, acme: Caller) -> None:
    one = factories.submit(acme, tags=["summer"])
    two = factories.submit(make_member("stranger").caller, inputs={"prompt": "a harbour at dawn"})
    lifecycle.cancel(acme, one.id)
    assert ids_on(operator.get("/jobs")) == [two.id.hex, one.id.hex]
    assert (
        ids_on(operator.get("/jobs", state="cancelled")) == ids_on(operator.get("/jobs", tag="summer")) == [one.id.hex]
    )
    assert (
        ids_on(operator.get("/jobs", q="HARBOUR")) == ids_on(operator.get("/jobs", account="stranger")) == [two.id.hex]
    )
    assert ids_on(operator.get("/jobs", q=one.id.hex[:14], state="unfinished")) == []
    kept = operator.get("/jobs", state="cancelled", tag="summer", after="2026-01-01T00:00").text
    for words in ('<option value="cancelled" selected>', 'value="summer"', 'value="2026-01-01T00:00"'):
        assert words in kept


def test_filters_that_cannot_be_are_told_so(operator: Browser, acme: Caller) -> None:
    for wrong in ({"state": "asleep"}, {"after": "yesterday"}, {"q": "x" * 201}, {"q": "nul\x00"}, {"before": "z"}):
        assert operator.get("/jobs", **wrong).status_code in {400, 422}, wrong
    for harmless in ({"q": "'; DROP TABLE jobs; --"}, {"batch": "%"}, {"account": SCRIPT}, {"tag": '{"a"}'}):
        answer = operator.get("/jobs", **harmless)
        assert (ids_on(answer), SCRIPT in answer.text) == ([], False)


def test_what_callers_wrote_is_shown_as_text(operator: Browser, acme: Caller) -> None:
    job = factories.submit(acme, inputs={"prompt": SCRIPT}, tags=[SCRIPT], metadata={"note": SCRIPT})
    lifecycle.stumble(factories.claim(), EngineError(SCRIPT, permanent=True))
    for path in ("/jobs", f"/jobs/{job.id.hex}"):
        page = operator.get(path).text
        assert (SCRIPT in page, "&lt;script&gt;alert" in page) == (False, True)


def test_all_that_match_are_cancelled_after_a_page_that_says_how_many(operator: Browser, acme: Caller) -> None:
    kept = completed(acme)
    wanted = [factories.submit(acme), factories.submit(acme)]
    other = factories.submit(make_member("stranger").caller)
    operator.get("/jobs", account="acme", state="waiting")
    asked = operator.post("/jobs/all", account="acme", state="waiting", verb="cancel")
    assert "Cancel 2 jobs?" in text_of(asked)
    later = factories.submit(acme)
    errand = moved(confirmed(operator, asked))
    assert "2 of 2 cancelled" in text_of(operator.get(errand))
    rows = {row.id: row.status for row in execute("SELECT id, status FROM jobs")}
    assert [rows[job.id] for job in wanted] == ["cancelled", "cancelled"]
    assert (rows[kept.id], rows[other.id], rows[later.id]) == ("completed", "waiting", "waiting")
    with transaction() as session:
        [entry] = audit.entries(session, action="jobs.cancel")
    assert (entry.operator, entry.outcome, entry.detail["jobs"]) == ("ada", "done", 2)
    assert "account acme" in entry.subject
    assert ids_on(operator.get("/errands")) == []
    assert operator.post("/jobs/all", account="nobody", verb="cancel").status_code == 409


def test_failed_jobs_are_run_again_and_receivers_told_again(operator: Browser, acme: Caller) -> None:
    factories.submit(acme, webhook_url="https://hooks.example.com/")
    lifecycle.stumble(factories.claim(), EngineError("out of steam", permanent=True))
    execute("UPDATE deliveries SET status = 'given_up', settled_at = now()")
    for verb in ("rerun", "resend"):
        operator.get("/jobs")
        moved(confirmed(operator, operator.post("/jobs/all", error_class="engine", verb=verb)))
    run_errands.run_once()
    assert [row.status for row in execute("SELECT status FROM jobs ORDER BY id")] == ["failed", "waiting"]
    assert [one.status for one in deliveries()] == ["owed"]


def failed(caller: Caller) -> Job:
    job = factories.submit(caller)
    lifecycle.stumble(factories.claim(), EngineError("out of steam", permanent=True))
    return job


def test_one_job_is_run_again_once_however_often_the_form_is_sent(operator: Browser, acme: Caller) -> None:
    job = failed(acme)
    operator.get("/jobs")
    asked = operator.post(f"/jobs/{job.id.hex}/rerun")
    assert moved(confirmed(operator, asked)) == moved(confirmed(operator, asked))
    other = confirmed(operator, operator.post(f"/jobs/{job.id.hex}/rerun"))
    assert moved(other) != moved(confirmed(operator, asked))


def test_many_jobs_are_run_again_once_however_often_the_form_is_sent(operator: Browser, acme: Caller) -> None:
    failed(acme)
    failed(acme)
    operator.get("/jobs")
    asked = operator.post("/jobs/all", error_class="engine", verb="rerun")
    assert moved(confirmed(operator, asked)) == moved(confirmed(operator, asked))
    run_errands.run_once()
    assert execute("SELECT count(*) FROM jobs WHERE status = 'waiting'")[0].count == 2


def test_an_errand_is_shown_as_taken_though_the_database_goes_away_in_it(
    operator: Browser, acme: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = factories.submit(acme)
    operator.get("/jobs")
    asked = operator.post("/jobs/all", state="waiting", verb="cancel")
    with transaction() as session:
        session.execute(text("ALTER TABLE jobs RENAME TO jobs_elsewhere"))
    errand = moved(confirmed(operator, asked))
    with transaction() as session:
        session.execute(text("ALTER TABLE jobs_elsewhere RENAME TO jobs"))
    assert "0 of 1 cancelled" in text_of(operator.get(errand))
    run_errands.run_once()
    with transaction() as session:
        assert session.get_one(Job, job.id).status == "cancelled"


def test_a_job_is_shown_with_its_story_its_media_and_whom_it_was_told(
    operator: Browser, acme: Caller, tmp_path: Path
) -> None:
    webhooks.register(acme, url="https://hooks.example.com/in?key=hush", kinds=["job.completed"])
    job = factories.submit(acme, tags=["summer"], inputs={"prompt": "a harbour"})
    complete(tmp_path)
    answer = operator.get(f"/jobs/{job.id.hex}")
    page = text_of(answer)
    for words in ("job.created", "job.claimed", "job.completed", "a harbour", "summer", "https://hooks.example.com/in"):
        assert words in page, words
    assert "hush" not in answer.text
    [video] = re.findall(r'<video controls preload="metadata" src="([^"]+)"', answer.text)
    policy = answer.headers["Content-Security-Policy"]
    [media] = re.findall(r"media-src 'self' (\S+?)(?:;|$)", policy)
    assert video.startswith(f"{media}/")


def test_a_job_is_cancelled_run_again_and_its_receiver_told_again(operator: Browser, acme: Caller) -> None:
    job = factories.submit(acme, webhook_url="https://hooks.example.com/")
    operator.get(f"/jobs/{job.id.hex}")
    assert moved(operator.post(f"/jobs/{job.id.hex}/cancel")) == f"/jobs/{job.id.hex}"
    assert "cancelled" in text_of(operator.get(f"/jobs/{job.id.hex}"))
    new = moved(confirmed(operator, operator.post(f"/jobs/{job.id.hex}/rerun")))
    assert "It repeats" in text_of(operator.get(new))
    execute("UPDATE deliveries SET status = 'given_up', settled_at = now()")
    [delivery] = deliveries()
    back = moved(operator.post(f"/deliveries/{delivery.id.hex}/resend", back=f"/console/jobs/{job.id.hex}"))
    assert (back, deliveries()[0].status) == (f"/jobs/{job.id.hex}", "owed")
    assert operator.post(f"/jobs/{job.id.hex}/cancel").status_code == 303  # twice changes nothing
    with transaction() as session:
        found = [entry.action for entry in audit.entries(session) if not entry.action.startswith("operator")]
    assert found == ["job.cancel", "delivery.resend", "job.rerun", "job.cancel"]


def test_an_archived_job_is_shown_with_what_is_left(operator: Browser, acme: Caller) -> None:
    job = completed(acme)
    age(days=8)
    retention.archive(let_go())
    page = text_of(operator.get(f"/jobs/{job.id.hex}"))
    assert ("archived" in page, "job.completed" in page) == (True, True)


def test_a_batch_is_paused_resumed_cancelled_and_its_failures_run_again(operator: Browser, acme: Caller) -> None:
    batch, _ = batches.create_from_array(acme, BatchWish(), [factories.line("a"), factories.line("b")])
    batching.read_all()
    here = f"/batches/{batch.id.hex}"
    assert batch.id.hex in operator.get("/batches", account="acme", status="in_progress").text
    for verb, then in (("pause", "paused"), ("resume", "in progress"), ("pause", "paused")):
        assert moved(operator.post(f"{here}/{verb}")) == here
        assert then in text_of(operator.get(here))
    assert ids_on(operator.get("/jobs", batch=batch.id.hex)) == [
        row.id.hex for row in execute("SELECT id FROM jobs ORDER BY id DESC")
    ]
    operator.post(f"{here}/resume")
    lifecycle.stumble(factories.claim(), EngineError("out of steam", permanent=True))
    assert moved(confirmed(operator, operator.post(f"{here}/cancel"))) == here
    batches.carry_out_cancels()
    batching.close_all()
    assert "Retry what failed" in operator.get(here).text
    again = moved(operator.post(f"{here}/retry"))
    assert (again != here, again) == (True, moved(operator.post(f"{here}/retry")))


def test_engines_are_paused_with_a_reason_and_go_on(operator: Browser, acme: Caller) -> None:
    factories.submit(acme)
    factories.claim()
    page = text_of(operator.get("/workers"))
    assert "Held by workers nobody hears of" in page
    assert operator.post("/engines/preview/pause", because="").status_code == 400
    assert operator.post("/engines/steam/pause", because="no").status_code == 404
    moved(operator.post("/engines/preview/pause", because="new drivers"))
    assert "new drivers" in text_of(operator.get("/workers"))
    moved(operator.post("/engines/preview/resume"))
    with transaction() as session:
        assert health.admit(session, "preview", [acme.account_id]) == 1
        assert accounts.keys(session)


def test_a_job_is_followed_only_by_those_who_are_signed_in(browser: Browser, caller: Caller) -> None:
    job = factories.submit(caller)
    answer = browser.get(f"/jobs/{job.id.hex}/live")
    assert (answer.status_code, answer.headers["Location"].startswith("/console/sign-in")) == (303, True)
    browser.sign_in("ben")
    lifecycle.cancel(caller, job.id)
    told = browser.get(f"/jobs/{job.id.hex}/live")
    assert (told.headers["Content-Type"].partition(";")[0], "event: job.cancelled" in told.text) == (
        "text/event-stream",
        True,
    )
    assert browser.get(f"/jobs/{job.id.hex}/live", after="1").status_code == 204
