"""Promises about the page of metrics, behind a key and on a port of its own."""

import json
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from jobs import counting, figures, presence, settings
from jobs.telemetry.metrics import every
from tests import factories, past, paying
from tests.conftest import Member

Samples = dict[tuple[str, tuple[str, ...]], float]


def read(client: TestClient, member: Member) -> dict[str, Metric]:
    figures.forget()
    answer = client.get("/metrics", headers=member.headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def samples(family: Metric) -> Samples:
    """By name, and the values of labels in the order of the labels' names."""
    return {(one.name, tuple(value for _, value in sorted(one.labels.items()))): one.value for one in family.samples}


def test_every_metric_is_there_before_anything_happened(client: TestClient, member: Member) -> None:
    found = read(client, member)
    kinds = {metric.name.removesuffix("_total"): metric.kind for metric in every()}
    assert {name: family.type for name, family in found.items()} == kinds
    assert all(family.documentation for family in found.values())
    assert samples(found["duologue_rescues"]) == {("duologue_rescues_total", ()): 0}
    assert samples(found["duologue_database_up"]) == {("duologue_database_up", ()): 1}


def test_levels_are_those_of_the_moment(client: TestClient, member: Member) -> None:
    presence.beat("worker-1", ["preview"], slots=3, version="0", gpu_used_bytes=5)
    for _ in range(3):
        factories.submit(member.caller)
    factories.claim()
    past.execute("UPDATE jobs SET due_at = now() - interval '90 seconds' WHERE status = 'waiting'")
    found = read(client, member)
    jobs, oldest = samples(found["duologue_jobs"]), samples(found["duologue_job_oldest_age_seconds"])
    assert jobs["duologue_jobs", ("preview", "waiting")] == 2
    assert jobs["duologue_jobs", ("preview", "running")] == 1
    assert 90 <= oldest["duologue_job_oldest_age_seconds", ("preview", "waiting")] < 120
    assert samples(found["duologue_worker_slots"]) == {
        ("duologue_worker_slots", ("busy",)): 1,
        ("duologue_worker_slots", ("free",)): 2,
    }
    assert samples(found["duologue_gpu_memory_used_bytes"])["duologue_gpu_memory_used_bytes", ()] == 5
    assert (
        0 <= samples(found["duologue_worker_heartbeat_age_seconds"])["duologue_worker_heartbeat_age_seconds", ()] < 30
    )


def test_what_was_counted_is_told_as_counters_and_histograms(client: TestClient, member: Member) -> None:
    past.completed(member.caller)
    for _ in range(2):
        counting.turn()
    found = read(client, member)
    finished = samples(found["duologue_jobs_finished"])
    assert finished == {("duologue_jobs_finished_total", ("preview", "", factories.MULTI, "completed")): 1}
    wait = samples(found["duologue_job_queue_wait_seconds"])
    for upto in ("1.0", "7200.0", "+Inf"):
        assert wait["duologue_job_queue_wait_seconds_bucket", ("preview", upto)] == 1
    assert wait["duologue_job_queue_wait_seconds_count", ("preview",)] == 1


def test_answers_are_timed_on_both_ways_by_the_documented_route(client: TestClient, member: Member) -> None:
    job = factories.submit(member.caller)
    for _ in range(2):
        client.get(f"/api/v3/predictions/{job.id.hex}/result", headers=member.headers)
    client.get(f"/api/v3/predictions/{job.id.hex}/result", headers=member.headers | {"Origin": "https://app.example"})
    client.get(f"/v1/jobs/{job.id.hex}")
    client.post(f"/api/v3/{factories.MULTI}", json=factories.form(), headers=member.headers)
    client.get("/no/such/place")
    timed = samples(read(client, member)["http_server_request_duration_seconds"])
    counts = {labels: value for (name, labels), value in timed.items() if name.endswith("_count")}
    assert counts["GET /api/v3/predictions/{prediction_id}/result", "200"] == 3
    assert counts["GET /v1/jobs/{job_id}", "401"] == 1
    assert counts[f"POST /api/v3/{factories.MULTI}", "200"] == 1
    assert counts["other", "404"] == 1
    assert not any(job.id.hex in route for route, _ in counts)


def test_openmetrics_is_spoken_to_whoever_asks_for_it(client: TestClient, member: Member) -> None:
    headers = member.headers | {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = client.get("/metrics", headers=headers)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.endswith("# EOF\n")


def test_only_accounts_that_may_are_told(client: TestClient, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers=paying.without_scope(member, "read").headers).status_code == 403
    monkeypatch.setenv("DUOLOGUE_METRICS_ACCOUNTS", "operations, monitoring")
    settings.load.cache_clear()
    for path in ("/metrics", "/v1/scaling"):
        refused = client.get(path, headers=member.headers)
        assert refused.status_code == 403
        assert "DUOLOGUE_METRICS_ACCOUNTS" in refused.text


@pytest.fixture
def port(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port that a front door has for metrics."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        free: int = listener.getsockname()[1]
    monkeypatch.setenv("DUOLOGUE_METRICS_PORT", str(free))
    settings.load.cache_clear()
    with TestClient(create_app()):
        yield free


def test_a_port_of_its_own_needs_no_key(port: int) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        assert "duologue_jobs" in answer.read().decode()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/scaling", timeout=20) as answer:
        assert json.load(answer)["engines"]["gpu"]["waiting"] == 0
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/jobs", timeout=20)
    assert refused.value.code == 404
    refused.value.close()


def test_a_port_that_is_taken_is_named(port: int) -> None:
    with pytest.raises(BaseException, match="DUOLOGUE_METRICS_PORT: nothing can listen"), TestClient(create_app()):
        pass
