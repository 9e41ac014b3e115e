"""Promises about a job's way to the upstream and back, on a real database, bucket and a WaveSpeed that speaks HTTP."""

from functools import partial
from typing import Any

import pytest

from cli.fake_wavespeed.plan import DEFAULT_KEY as KEY
from jobs import lifecycle, storage, terms, timetable
from jobs import upstream as keys
from jobs.database import transaction
from jobs.lifecycle import forwarding
from jobs.rules.states import State
from jobs.rules.tiers import read_keys
from tests.conftest import set_settings
from tests.past import execute
from tests.workers.forwarding.conftest import Opener, Upstream, wait_for
from workers.chores import reconcile
from workers.engines.cloud import transfer
from workers.engines.cloud.errors import KeyRefused

FOR_EVER = 0.001
"""Seconds of video made in a second: none of a test's jobs ends."""


def test_a_job_goes_to_the_upstream_and_its_video_comes_into_our_bucket(upstream: Upstream) -> None:
    job_id = upstream.job()

    with upstream.forwarding():
        (job,) = upstream.finish(job_id)

    assert (job.status, job.error) == ("completed", "")
    assert upstream.story(job_id) == [
        "job.created",
        "job.claimed",
        "job.prepared",
        "job.forwarded",
        "job.arrived",
        "job.collecting",
        "job.completed",
    ]
    (one,) = upstream.tries(job_id)
    assert (one.outcome, one.attempt, job.attempt) == ("completed", 1, 1)
    assert job.output is not None
    assert storage.size(job.output["key"]) == job.output["bytes"] > 0
    assert len(upstream.fake.jobs()) == 1
    assert job.cost_usd == one.expected_usd > 0


@pytest.mark.parametrize(
    "link",
    [
        pytest.param("{fake}/outputs/of-yesterday.mp4", id="missing"),
        pytest.param("{fake}/fake/bill", id="a page"),
        pytest.param("http://127.0.0.1:1/video.mp4", id="a host that is gone"),
    ],
)
def test_a_video_whose_link_has_ended_is_fetched_from_where_it_is_today(
    upstream: Upstream, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "Terms", partial(transfer.Terms, tries=1))
    job_id = upstream.job()
    with upstream.forwarding():
        wait_for(lambda: upstream.at_stage(job_id, "arrived"))
    execute("UPDATE upstream_tries SET output_url = :url", url=link.format(fake=upstream.fake.url))

    (job,) = upstream.finish(job_id)
    assert job.status == "completed"
    assert "job.not_collected" not in upstream.story(job_id)


def test_no_worker_is_held_while_a_job_is_at_the_upstream(at_upstream: Opener) -> None:
    with at_upstream(speed=FOR_EVER) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            job = wait_for(lambda: upstream.at_stage(job_id, "rendering"))
            assert (job.status, job.lease_until) == (State.FORWARDED, None)
            assert lifecycle.claim("worker-2", "cloud") is None


def test_a_cancel_is_true_at_once_and_the_upstream_is_asked_to_stop(at_upstream: Opener) -> None:
    with at_upstream(speed=FOR_EVER) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
            assert lifecycle.cancel(upstream.caller, job_id).status == State.CANCELLED
            wait_for(lambda: upstream.tries(job_id)[0].ended_at)
        (there,) = upstream.fake.jobs()
        assert there["status"] == "cancelled"
        assert upstream.look(job_id).cost_usd == 0


def test_a_late_result_of_a_cancelled_job_is_dropped_and_its_cost_is_kept(at_upstream: Opener) -> None:
    with at_upstream(speed=FOR_EVER, faults={"cancel_ignored": 1.0}) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
            lifecycle.cancel(upstream.caller, job_id)
            wait_for(lambda: upstream.tries(job_id)[0].stop_asked_at)
            (there,) = upstream.fake.jobs()
            upstream.fake.finish(there["id"])
            (one,) = wait_for(lambda: [one for one in upstream.tries(job_id) if one.ended_at])
        job = upstream.look(job_id)
        assert (job.status, job.output, one.outcome) == ("cancelled", None, "completed")
        assert job.cost_usd == one.expected_usd > 0
        assert upstream.story(job_id)[-1] == "job.cancelled"


def test_a_cancel_that_the_upstream_refuses_for_the_moment_is_asked_again(at_upstream: Opener) -> None:
    with at_upstream(speed=FOR_EVER) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
            upstream.fake.set_faults(read_busy=1.0)
            assert lifecycle.cancel(upstream.caller, job_id).status == State.CANCELLED, "nobody waits for the upstream"
            wait_for(lambda: upstream.tries(job_id)[0].stop_asked_at)
            wait_for(lambda: upstream.fake.calls().get("read", {}).get("read_busy", 0) > 4)  # the cancel and some looks
            upstream.fake.set_faults(read_busy=0.0)
            assert upstream.tries(job_id)[0].stop_heard_at is None
            upstream.age_stops()
            wait_for(lambda: upstream.tries(job_id)[0].ended_at)
        (one,) = upstream.tries(job_id)
        assert one.stop_heard_at is not None
        assert upstream.fake.jobs()[0]["status"] == "cancelled"


@pytest.mark.parametrize(("pays", "left"), [(True, "charged"), (False, "free")])
def test_whether_a_cancel_at_the_upstream_is_paid_is_for_the_account(
    at_upstream: Opener, *, pays: bool, left: str
) -> None:
    with at_upstream(speed=FOR_EVER) as upstream:
        with transaction() as session:
            terms.change(session, terms.of(session, upstream.caller.account_id), {"pays_cancelled": pays})
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: upstream.at_stage(job_id, "rendering"))
        job = lifecycle.cancel(upstream.caller, job_id)
        assert (job.price_usd > 0) is (left == "charged")
        assert job.held_usd == 0


@pytest.mark.parametrize("fault", ["reply_dropped", "submit_fails_late", "reply_garbled"])
def test_a_submit_that_was_taken_unanswered_is_found_and_never_sent_again(at_upstream: Opener, fault: str) -> None:
    with at_upstream(faults={fault: 1.0}) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            (job,) = upstream.finish(job_id)
        assert job.status == "completed"
        assert [one.outcome for one in upstream.tries(job_id)] == ["completed"]
        assert len(upstream.fake.jobs()) == 1


@pytest.mark.parametrize("ahead_seconds", [-900.0, 900.0])
def test_a_lost_answer_is_found_though_the_upstreams_clock_is_not_ours(
    at_upstream: Opener, *, ahead_seconds: float
) -> None:
    with at_upstream(faults={"reply_dropped": 1.0}, clock_ahead_seconds=ahead_seconds) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            (job,) = upstream.finish(job_id)
        assert (job.status, len(upstream.fake.jobs())) == ("completed", 1)


def test_a_submit_that_was_not_taken_is_sent_again_once_the_list_had_its_time(at_upstream: Opener) -> None:
    with at_upstream({"DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "1"}, faults={"submit_dropped": 1.0}) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: [one for one in upstream.tries(job_id) if one.doubted_at])
            upstream.fake.set_faults()
            (first,) = wait_for(lambda: [one for one in upstream.tries(job_id) if one.outcome == "not_found"])
        assert (first.ended_at - first.made_at).total_seconds() >= 1
        assert upstream.look(job_id).status == State.WAITING
        assert upstream.fake.jobs() == []


@pytest.mark.parametrize("resends", [False, True])
def test_what_nobody_can_prove_is_repeated_only_with_permission(at_upstream: Opener, *, resends: bool) -> None:
    faults = {"reply_dropped": 1.0, "read_fails": 1.0}
    with at_upstream({"DUOLOGUE_WAVESPEED_DOUBT_SECONDS": "0.5"}, faults=faults) as upstream:
        with transaction() as session:
            terms.change(session, terms.of(session, upstream.caller.account_id), {"resends_unproven": resends})
        job_id = upstream.job()
        with upstream.forwarding():
            (one,) = wait_for(lambda: [one for one in upstream.tries(job_id) if one.ended_at])
        job = upstream.look(job_id)
        assert one.outcome == "unproven"
        assert (job.status, job.error_class) == (("waiting", None) if resends else ("failed", "possibly_charged"))
        assert job.cost_usd == one.expected_usd, "it counts as paid until somebody knows better"


def test_a_list_that_shows_no_inputs_proves_nothing_and_nothing_is_sent_again(at_upstream: Opener) -> None:
    waits = {"DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "0.5", "DUOLOGUE_WAVESPEED_DOUBT_SECONDS": "3"}
    with at_upstream(waits, faults={"reply_dropped": 1.0}, shows_inputs=False) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            (one,) = wait_for(lambda: [one for one in upstream.tries(job_id) if one.ended_at])
        assert (one.outcome, upstream.look(job_id).error_class) == ("unproven", "possibly_charged")
        assert (one.ended_at - one.made_at).total_seconds() >= 3
        assert len(upstream.fake.jobs()) == 1


def test_a_forwarder_that_died_before_it_sent_costs_a_look_up(at_upstream: Opener) -> None:
    with at_upstream({"DUOLOGUE_WAVESPEED_LIST_LAG_SECONDS": "0"}) as upstream:
        job_id = upstream.job()
        (sending,) = forwarding.forward(read_keys(f"{KEY}:ultra"), 5)
        upstream.expire_holds()
        assert forwarding.mark({sending.try_id: "https://example.com/a"}) == set(), "it woke up too late to send"
        with upstream.forwarding():
            wait_for(lambda: upstream.tries(job_id)[0].outcome == "not_sent")
        assert upstream.fake.jobs() == []


def test_an_upstream_without_credit_rests_the_key_and_costs_no_attempt(at_upstream: Opener) -> None:
    with at_upstream(credit_usd=0) as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            wait_for(lambda: "job.stumbled" in upstream.story(job_id))
        job = upstream.look(job_id)
        assert (job.status, job.attempt) == ("waiting", 0)


def test_inputs_are_uploaded_where_the_bucket_is_not_seen_from_outside(at_upstream: Opener, tmp_path: Any) -> None:  # noqa: ANN401 - pytest's
    with at_upstream({"DUOLOGUE_WAVESPEED_INPUTS": "auto"}) as upstream:
        job_id = upstream.job()
        medium = tmp_path / "a"
        medium.write_bytes(b"a" * 2000)
        for facts in (upstream.look(job_id).media or {}).values():
            storage.put(medium, facts["key"], "audio/wav")
        with upstream.forwarding():
            (job,) = upstream.finish(job_id)
        assert job.status == "completed"
        (there,) = upstream.fake.jobs()
        assert there["input"]["left_audio"].startswith(upstream.fake.url)
        assert upstream.tries(job_id)[0].marker == there["input"]["left_audio"]


def test_the_upstreams_bill_has_the_last_word_on_cost(at_upstream: Opener) -> None:
    with at_upstream(faults={"ends_badly": 0.4}, seed=3) as upstream:
        job_ids = [upstream.job() for _ in range(6)]
        with upstream.forwarding():
            upstream.finish(*job_ids)
        wait_for(lambda: reconcile.run_once() or not upstream.unbilled())
        cost_usd = sum(upstream.look(job_id).cost_usd for job_id in job_ids)
        assert float(cost_usd) == pytest.approx(upstream.paid_usd())


def test_a_key_that_is_refused_keeps_no_other_from_its_bill(
    at_upstream: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_upstream() as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            upstream.finish(job_id)
        gone, there = (f"{key}:ultra" for key in ("gone", KEY))
        set_settings(monkeypatch, {"DUOLOGUE_WAVESPEED_API_KEYS": f"{gone},{there}"})
        [unpaid, _] = keys.configured()
        execute(
            """INSERT INTO upstream_tries (id, job_id, account_id, attempt, fence, upstream_key, model, upstream_id)
            SELECT gen_random_uuid(), gen_random_uuid(), account_id, 1, 1, :key, model, 'old' FROM jobs""",
            key=unpaid.name,
        )
        with pytest.raises(KeyRefused):
            reconcile.run_once()
        assert upstream.unbilled() == 1
        with pytest.raises(KeyRefused):
            reconcile.run_once()
        due = execute("SELECT due_at <= now() AS is_due FROM chores WHERE name LIKE 'reconcile_all%' ORDER BY due_at")
        assert [one.is_due for one in due] == [True, False], "what failed is not put off for an hour"


def test_the_bill_of_an_hour_writes_off_nothing_older(at_upstream: Opener) -> None:
    with at_upstream() as upstream:
        job_id = upstream.job()
        with upstream.forwarding():
            upstream.finish(job_id)
        execute(
            "UPDATE upstream_tries SET made_at = made_at - interval '4 days', ended_at = ended_at - interval '4 days'"
        )
        [key] = keys.configured()
        timetable.take(f"reconcile_all_{key.name}", reconcile.THOROUGH_SECONDS)

        assert reconcile.run_once() == 0
        assert upstream.look(job_id).cost_usd > 0
        assert upstream.unbilled() == 1


def test_a_key_that_is_refused_keeps_no_other_from_its_webhooks_secret(at_upstream: Opener) -> None:
    changes = {
        "DUOLOGUE_WAVESPEED_API_KEYS": f"gone:ultra,{KEY}:ultra",
        "DUOLOGUE_WAVESPEED_CALLBACKS": "true",
    }
    with at_upstream(changes) as upstream, upstream.forwarding():
        [_, key] = keys.configured()
        secrets = wait_for(lambda: execute("SELECT name FROM upstream_keys WHERE webhook_secret IS NOT NULL"))
        assert [one.name for one in secrets] == [key.name]
