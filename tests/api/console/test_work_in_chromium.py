"""The work in a real browser: jobs found, followed, played, cancelled together and run again; and nobody kept out."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from api.app import create_app
from jobs import batches, hours, lifecycle, storage
from jobs.accounts import Caller
from jobs.batches import BatchWish
from jobs.errors import EngineError
from jobs.lifecycle import Claim, Output
from jobs.rules import keys
from jobs.tables import Job
from tests import factories
from tests.api.console.chromium import barriers, complaints, launched, sign_in
from tests.api.console.signed_in import make
from tests.api.open_door import served, wait_for
from tests.conftest import copied, forget_settings, make_member, set_settings
from tests.factories_media import clip_mp4, write
from tests.fakes.receiver import Receiver
from tests.past import execute
from tests.workers.couriers import delivering

PHONE = {"width": 390, "height": 800}
PLAYED = """video => new Promise((resolve, reject) => {
    video.muted = true;
    video.addEventListener("timeupdate", () => video.currentTime > 0.5 && resolve());
    video.addEventListener("error", () => reject(video.error.message));
    video.play().catch(reject);
})"""
"""Settled once half a second of it was seen."""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def url(servers: dict[str, str], chromium: Browser) -> Iterator[str]:
    """One front door for all of it, in a house without workers: tests do what those would do."""
    with copied(servers) as environment, pytest.MonkeyPatch.context() as patch:
        set_settings(patch, environment | {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8"})
        storage.make_bucket()
        make("ada")
        make("ben", "reader")
        with served(create_app()) as address:
            yield address
        forget_settings()


@pytest.fixture
def page(chromium: Browser, url: str) -> Iterator[Page]:
    with chromium.new_context(base_url=url) as context:
        context.set_default_timeout(20_000)
        yield context.new_page()


@pytest.fixture
def house(url: str) -> Caller:
    """An account of the test's own."""
    return make_member(f"account-{uuid.uuid4().hex[:12]}").caller


def claimed(job: Job) -> Claim:
    """The claim of this very job: whatever else waits is not due today."""
    execute("UPDATE jobs SET due_at = now() + interval '1 day' WHERE status = 'waiting' AND id <> :id", id=job.id)
    claim = factories.claim()
    assert claim.job_id == job.id
    return claim


def finish(claim: Claim, folder: Path) -> None:
    """Keep a real video for the job and complete it."""
    path = write(folder, "video.mp4", clip_mp4(2.0))
    stored = storage.put(path, keys.video(claim.account_id, claim.job_id, claim.fence), "video/mp4")
    made = Output(stored.key, stored.bytes, stored.sha256, width=320, height=180, frames=50, seconds=2.0)
    lifecycle.finish(claim, made)


def failed(caller: Caller, webhook_url: str | None = None) -> Job:
    job = factories.submit(caller, webhook_url=webhook_url)
    lifecycle.stumble(claimed(job), EngineError("out of steam", permanent=True))
    return job


def test_a_job_is_watched_until_it_has_completed_and_then_played(
    page: Page, url: str, house: Caller, tmp_path: Path
) -> None:
    job = factories.submit(house)
    said = complaints(page)
    sign_in(page, url)
    page.goto(f"/console/jobs/{job.id.hex}")
    expect(page.locator("#state")).to_have_text("waiting")
    claim = claimed(job)
    expect(page.locator("#state")).to_have_text("running")
    lifecycle.renew(claim, "rendering", 0.5)
    expect(page.locator("#stage")).to_have_text("Rendering, 50.0 %")
    finish(claim, tmp_path)
    expect(page.locator("#state")).to_have_text("completed")
    video = page.get_by_label("The video of this job")
    video.evaluate(PLAYED)
    assert said == []


def test_jobs_are_filtered_cancelled_together_and_run_again_without_javascript(
    chromium: Browser, url: str, house: Caller
) -> None:
    for _ in range(2):
        factories.submit(house)
    other = failed(house)
    with chromium.new_context(java_script_enabled=False, base_url=url) as context:
        page = context.new_page()
        sign_in(page, url)
        page.get_by_role("link", name="Jobs", exact=True).click()
        page.get_by_label("Account").fill(house.account)
        page.get_by_label("State").select_option("waiting")
        page.get_by_role("button", name="Filter").click()
        assert f"account={house.account}" in page.url
        expect(page.get_by_role("table", name="Jobs, newest first").get_by_role("row")).to_have_count(3)
        page.get_by_role("button", name="Cancel …").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 jobs?")
        page.get_by_role("button", name="Cancel 2 jobs").click()
        expect(page.get_by_role("status")).to_contain_text("2 of 2 cancelled")
        page.goto(f"/console/jobs?account={house.account}&state=failed")
        page.get_by_role("row", name="failed").get_by_role("link").first.click()
        page.get_by_role("button", name="Run again …").click()
        page.get_by_role("button", name="Run again").click()
        expect(page.get_by_text("It repeats")).to_contain_text(other.id.hex[-8:])
        page.get_by_role("button", name="Cancel").click()
        expect(page.locator("#state")).to_have_text("cancelled")


def test_a_webhook_is_sent_again(page: Page, url: str, house: Caller) -> None:
    with Receiver() as receiver:
        job = failed(house, webhook_url=f"http://127.0.0.1:{receiver.port}/told")
        with delivering():
            wait_for(lambda: len(receiver.received) == 1, "it was told")
            sign_in(page, url)
            page.goto(f"/console/jobs/{job.id.hex}")
            expect(page.get_by_label("Tries of delivery").get_by_role("row")).to_have_count(2)
            page.get_by_role("button", name="Send again").click()
            expect(page.get_by_role("status")).to_contain_text("posted again")
            wait_for(lambda: len(receiver.received) == 2, "it was told again")
        first, second = receiver.received
        assert first.headers["webhook-id"] == second.headers["webhook-id"]


def test_an_engine_is_paused_and_goes_on(page: Page, url: str) -> None:
    sign_in(page, url)
    page.get_by_role("link", name="Workers").click()
    page.get_by_label("Why pause it").first.fill("new drivers")
    page.get_by_role("button", name="Pause preview").click()
    expect(page.get_by_label("Engine preview")).to_contain_text("new drivers")
    page.get_by_role("button", name="Resume preview").click()
    expect(page.get_by_label("Engine preview")).to_contain_text("takes work")


def places(caller: Caller, folder: Path) -> list[str]:
    """Every page of the work, with something on it."""
    done, waiting = factories.submit(caller, tags=["summer"]), factories.submit(caller)
    finish(claimed(done), folder)
    other = failed(caller, webhook_url="https://hooks.example.com/in")
    batch, _ = batches.create_from_array(caller, BatchWish(), [factories.line("a")])
    hours.count_due()
    of_one = [f"jobs/{job.id.hex}" for job in (done, waiting, other)]
    return ["", "jobs", "jobs?q=nothing", *of_one, "batches", f"batches/{batch.id.hex}", "errands", "workers"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_keeps_people_out_of_the_work(
    chromium: Browser, url: str, house: Caller, tmp_path: Path, theme: str
) -> None:
    found: dict[str, list[str]] = {}
    with chromium.new_context(color_scheme=theme, viewport=PHONE, bypass_csp=True) as context:  # type: ignore[arg-type]  # one of the two
        page = context.new_page()
        sign_in(page, url)
        for place in places(house, tmp_path):
            page.goto(f"{url}/console/{place}".rstrip("/"))
            found[place] = barriers(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], place
    assert {place: barrier for place, barrier in found.items() if barrier} == {}


def test_a_reader_is_shown_the_work_and_no_button_that_changes_it(
    page: Page, url: str, house: Caller, tmp_path: Path
) -> None:
    sign_in(page, url, "ben")
    for place in places(house, tmp_path):
        page.goto(f"/console/{place}".rstrip("/"))
        names = {button.inner_text() for button in page.get_by_role("button").all()}
        assert names <= {"Sign out", "Filter", "auto", "light", "dark"}, place
