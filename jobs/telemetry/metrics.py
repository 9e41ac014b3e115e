"""Every metric there is: its name, its kind, its labels and what it says; a public interface, so that names stay.

Our own words for what is counted, on the left, are what the rest of the house and the table `counts` know.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["counter", "gauge", "histogram"]

LONG: Final = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0, 7200.0)
"""Seconds, for what renderings take."""
FACTORS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0)
POSTS: Final = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86_400.0)
"""Seconds, for news that may have to be told again and again."""
ANSWERS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
"""Seconds, as OpenTelemetry has it for HTTP servers."""


@dataclass(frozen=True)
class Metric:
    """One metric; `buckets` are the upper bounds of a histogram."""

    name: str
    kind: Kind
    says: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


COUNTED: Final = {
    "jobs.created": Metric("duologue_jobs_created_total", "counter", "Jobs accepted.", ("model", "engine")),
    "jobs.finished": Metric(
        "duologue_jobs_finished_total",
        "counter",
        "Jobs that became final; error_class is empty but for failed ones.",
        ("model", "engine", "status", "error_class"),
    ),
    "job.wait": Metric(
        "duologue_job_queue_wait_seconds",
        "histogram",
        "From acceptance until the job was first taken up.",
        ("engine",),
        LONG,
    ),
    "job.run": Metric(
        "duologue_job_run_seconds",
        "histogram",
        "How long the attempt took that completed the job, at the upstream too.",
        ("engine",),
        LONG,
    ),
    "job.total": Metric(
        "duologue_job_total_seconds", "histogram", "From acceptance until the job was completed.", ("engine",), LONG
    ),
    "job.stage": Metric(
        "duologue_job_stage_seconds",
        "histogram",
        "How long each stage took of attempts that came through it.",
        ("engine", "stage"),
        LONG,
    ),
    "job.factor": Metric(
        "duologue_job_realtime_factor",
        "histogram",
        "Rendering time over the video's length, of completed jobs.",
        ("engine",),
        FACTORS,
    ),
    "attempts": Metric(
        "duologue_attempts_total",
        "counter",
        "Attempts that ended; reason is completed, cancelled, handed_back, worker_lost or the error class.",
        ("reason",),
    ),
    "leases.lost": Metric(
        "duologue_leases_lost_total", "counter", "Leases that ran out before their holder had let go of the job."
    ),
    "rescues": Metric("duologue_rescues_total", "counter", "Jobs taken back from a silent holder to be tried again."),
    "engine.requests": Metric(
        "duologue_engine_requests_total",
        "counter",
        "What engines made of the work they were given; outcome is completed or the error class.",
        ("engine", "outcome"),
    ),
    "failovers": Metric(
        "duologue_failovers_total", "counter", "Jobs given to another engine than they were with.", ("from", "to")
    ),
    "rate_limited": Metric(
        "duologue_rate_limited_total", "counter", "How often the upstream told us to come again later."
    ),
    "cost": Metric(
        "duologue_cost_usd_total",
        "counter",
        "Money of final jobs in USD: cost is what they cost us as far as known then, price what callers were charged.",
        ("engine", "kind"),
    ),
    "webhook.deliveries": Metric(
        "duologue_webhook_deliveries_total",
        "counter",
        "Posts of webhooks; outcome is delivered, failed (it is tried again) or given_up.",
        ("outcome",),
    ),
    "webhook.delay": Metric(
        "duologue_webhook_delivery_seconds",
        "histogram",
        "From what happened until its webhook was delivered, of delivered ones.",
        (),
        POSTS,
    ),
}
"""Counted in Postgres from what happened: the same whoever is asked."""

LEVELS: Final = {
    "database": Metric("duologue_database_up", "gauge", "1 while the database answers; without it few other numbers."),
    "jobs": Metric("duologue_jobs", "gauge", "Jobs that are not final.", ("state", "engine")),
    "jobs.oldest": Metric(
        "duologue_job_oldest_age_seconds",
        "gauge",
        "How long the oldest is there: waiting since it could begin, running and forwarded since its attempt began.",
        ("state", "engine"),
    ),
    "workers.slots": Metric(
        "duologue_worker_slots", "gauge", "Places of living workers, by busy and free.", ("state",)
    ),
    "workers.silent": Metric(
        "duologue_worker_heartbeat_age_seconds",
        "gauge",
        "The longest silence of any worker that has not said goodbye; after an hour one is forgotten.",
    ),
    "workers.gpu": Metric(
        "duologue_gpu_memory_used_bytes", "gauge", "Memory in use on the GPUs of living workers, together."
    ),
    "engine.circuit": Metric(
        "duologue_engine_circuit_state",
        "gauge",
        "0 is well, 1 tried with one job at a time, 2 shut; of engines configured here.",
        ("engine",),
    ),
    "engine.paused": Metric(
        "duologue_engine_paused", "gauge", "1 while an operator lets nothing new begin.", ("engine",)
    ),
    "budget": Metric(
        "duologue_budget_remaining_ratio",
        "gauge",
        "Share of the cloud's monthly budget that is left; not there without a budget.",
    ),
    "webhooks.owed": Metric("duologue_webhook_backlog", "gauge", "Webhooks that are owed."),
    "webhooks.late": Metric(
        "duologue_webhook_oldest_pending_seconds",
        "gauge",
        "How long the one that has been due longest waits to be posted, of receivers that are not shut or paused.",
    ),
    "chores": Metric(
        "duologue_chore_age_seconds", "gauge", "How long ago each recurring chore last came to its end.", ("chore",)
    ),
}
"""As it stands now, asked of Postgres: the same whoever is asked."""

REQUESTS: Final = Metric(
    "http_server_request_duration_seconds",
    "histogram",
    "How long the front door took to answer, streams until their end.",
    ("route", "status"),
    ANSWERS,
)
"""Counted by each front door for itself."""


def every() -> tuple[Metric, ...]:
    """Every metric, in the order in which they are written."""
    return (*LEVELS.values(), *COUNTED.values(), REQUESTS)
