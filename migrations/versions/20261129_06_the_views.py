"""The schema `ops`: views that are a public interface, and a role that may read them and nothing else.

Why: whoever asks questions with Grafana, Metabase or a spreadsheet needs names that stay, and no way to what callers
wrote. The role has no password and cannot sign in until `duologue views password` gives it one; where whoever migrates
may not make roles, that command says what to run. The version before this one knows nothing of it.
"""

from collections.abc import Sequence

from alembic import op

revision: str = "20261129_06"
down_revision: str | Sequence[str] | None = "20261129_05"


def upgrade() -> None:
    op.execute("CREATE SCHEMA ops")
    op.execute(
        "COMMENT ON SCHEMA ops IS 'A public interface: names and columns stay, no view holds what a caller wrote.'"
    )
    for name, (comment, columns, query) in VIEWS.items():
        op.execute(f"CREATE VIEW ops.{name} ({', '.join(columns)}) AS {query}")
        op.execute(f"COMMENT ON VIEW ops.{name} IS '{comment}'")
        for column, meaning in columns.items():
            op.execute(f"COMMENT ON COLUMN ops.{name}.{column} IS '{meaning}'")
    op.execute(_ROLE)


_ENGINES = "(VALUES ('gpu'), ('cloud'), ('preview')) AS engine (name)"
# As jobs/presence.py has it: who was heard of lately.
_ALIVE = "workers.seen_at > now() - interval '45 s'"
_STAFF = f"""
    LEFT JOIN LATERAL (
        SELECT count(*) AS workers, coalesce(sum(slots), 0) AS slots, coalesce(sum(busy), 0) AS busy
        FROM workers CROSS JOIN LATERAL (
            SELECT count(*) AS busy FROM jobs WHERE jobs.status = 'running' AND jobs.worker = workers.name) AS held
        WHERE {_ALIVE} AND engine.name = ANY(workers.engines)
    ) AS staff ON true
"""  # noqa: S608 - our own words

VIEWS = {
    "queue_health": (
        "What waits and what is under way at this moment, a row for each engine.",
        {
            "engine": "gpu, cloud or preview.",
            "waiting": "Jobs that wait, for whatever reason.",
            "due": "Those of them that a free worker would take at once.",
            "oldest_due_seconds": "How long the one waits that has been due longest; 0 where none is due.",
            "running": "Jobs that a worker holds.",
            "forwarded": "Jobs that are at the upstream.",
            "workers": "Worker processes that are alive and serve the engine.",
            "slots": "Jobs that these run at once.",
            "busy": "Slots of these that are taken, by whatever engine.",
        },
        f"""
        SELECT engine.name, coalesce(waiting, 0), coalesce(due, 0),
            CAST(coalesce(extract(epoch FROM now() - due_since), 0) AS double precision),
            coalesce(running, 0), coalesce(forwarded, 0), workers, slots, busy
        FROM {_ENGINES}
        LEFT JOIN (
            SELECT engine, count(*) AS waiting, count(*) FILTER (WHERE due_at <= now()) AS due,
                min(due_at) FILTER (WHERE due_at <= now()) AS due_since
            FROM jobs WHERE status = 'waiting' GROUP BY engine
        ) AS queue ON queue.engine = engine.name
        LEFT JOIN (SELECT engine, count(*) AS running FROM jobs WHERE status = 'running' GROUP BY engine) AS held
            ON held.engine = engine.name
        LEFT JOIN (SELECT engine, count(*) AS forwarded FROM jobs WHERE status = 'forwarded' GROUP BY engine) AS away
            ON away.engine = engine.name
        {_STAFF}
        """,  # noqa: S608 - our own words
    ),
    "hourly": (
        "What each engine was given and did in each hour; the current one is at most some minutes behind.",
        {
            "hour": "When it began.",
            "engine": "gpu, cloud or preview.",
            "accepted": "Jobs accepted in it, by the engine they were for in the end.",
            "completed": "Jobs that completed in it.",
            "failed": "Jobs that failed in it.",
            "cancelled": "Jobs that were cancelled in it.",
            "video_seconds": "Length of the videos of those that completed.",
            "price_usd": "What its final jobs cost their callers.",
            "cost_usd": "What its final jobs cost us.",
            "wait_p50_seconds": "Half of its completed jobs waited no longer before their last attempt.",
            "wait_p95_seconds": "Nineteen of twenty waited no longer.",
            "run_p50_seconds": "Half of their last attempts took no longer.",
            "run_p95_seconds": "Nineteen of twenty took no longer.",
        },
        """
        SELECT hour, engine, coalesce(accepted, 0), coalesce(completed, 0), coalesce(failed, 0),
            coalesce(cancelled, 0), coalesce(video_seconds, 0), coalesce(price_usd, 0), coalesce(cost_usd, 0),
            wait_p50_seconds, wait_p95_seconds, run_p50_seconds, run_p95_seconds
        FROM engine_hours FULL JOIN (
            SELECT hour, engine, sum(jobs) FILTER (WHERE status = 'completed') AS completed,
                sum(jobs) FILTER (WHERE status = 'failed') AS failed,
                sum(jobs) FILTER (WHERE status = 'cancelled') AS cancelled,
                sum(video_seconds) AS video_seconds, sum(price_usd) AS price_usd, sum(cost_usd) AS cost_usd
            FROM finished_hours GROUP BY hour, engine
        ) AS ended USING (hour, engine)
        """,
    ),
    "failures_hourly": (
        "What failed in each hour and why, by the word that failures are grouped by.",
        {
            "hour": "When it began.",
            "engine": "gpu, cloud or preview.",
            "model": "Model id of the catalog.",
            "error_class": "Why, in one word: docs/errors.md has them all.",
            "jobs": "How many.",
        },
        """
        SELECT hour, engine, model, error_class, sum(jobs) FROM finished_hours
        WHERE status = 'failed' GROUP BY hour, engine, model, error_class
        """,
    ),
    "cost_daily": (
        "Money by the day on which jobs became final, in UTC; what the upstream charges is revised for four days.",
        {
            "day": "The day, in UTC.",
            "engine": "gpu, cloud or preview.",
            "jobs": "Jobs that became final.",
            "completed": "Those of them that completed.",
            "video_seconds": "Length of their videos.",
            "price_usd": "What they cost their callers.",
            "cost_usd": "What they cost us.",
            "margin_usd": "The one less the other.",
        },
        """
        SELECT CAST(hour AT TIME ZONE 'UTC' AS date), engine, sum(jobs),
            coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0), sum(video_seconds), sum(price_usd),
            sum(cost_usd), sum(price_usd) - sum(cost_usd)
        FROM finished_hours GROUP BY 1, 2
        """,
    ),
    "engine_health": (
        "Whether each engine may be given work, who works for it, and how it did in the last 24 hours.",
        {
            "engine": "gpu, cloud or preview.",
            "is_paused": "Whether an operator lets nothing new begin on it.",
            "paused_at": "Since when; null while it is not paused.",
            "paused_because": "Why, in the words of the operator.",
            "shut_until": "It failed too often and is given nothing until then; null while it is well.",
            "shut_because": "What it was shut for.",
            "failing_jobs": "Jobs it has failed since it last did one well.",
            "month_usd": "What it has cost us this month, where that is counted: the cloud.",
            "workers": "Worker processes that are alive and serve it.",
            "slots": "Jobs that these run at once.",
            "busy": "Slots of these that are taken, by whatever engine.",
            "completed_24h": "Jobs it completed in the last 24 whole hours and this one.",
            "failed_24h": "Jobs that failed on it in that time.",
            "success_ratio_24h": "Completed of both, 0 to 1; null where there was none.",
        },
        f"""
        SELECT engine.name, paused_at IS NOT NULL, paused_at, coalesce(paused_because, ''), open_until,
            coalesce(because, ''), coalesce(cardinality(failing_jobs), 0),
            CASE WHEN month = CAST(date_trunc('month', now() AT TIME ZONE 'UTC') AS date) THEN month_usd ELSE 0 END,
            workers, slots, busy, coalesce(completed, 0), coalesce(failed, 0),
            CAST(completed AS double precision) / nullif(completed + failed, 0)
        FROM {_ENGINES}
        LEFT JOIN engines USING (name)
        LEFT JOIN (
            SELECT engine, coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0) AS completed,
                coalesce(sum(jobs) FILTER (WHERE status = 'failed'), 0) AS failed
            FROM finished_hours WHERE hour >= date_trunc('hour', now()) - interval '24 h' GROUP BY engine
        ) AS lately ON lately.engine = engine.name
        {_STAFF}
        """,  # noqa: S608 - our own words
    ),
    "account_usage": (
        "What each account had done on each day, in UTC, by model.",
        {
            "day": "The day on which the jobs became final, in UTC.",
            "account_id": "Whose they were.",
            "account": "What operators call that account.",
            "model": "Model id of the catalog.",
            "completed": "Jobs that completed.",
            "failed": "Jobs that failed.",
            "cancelled": "Jobs that were cancelled.",
            "video_seconds": "Length of the videos.",
            "price_usd": "What they cost the account.",
            "cost_usd": "What they cost us.",
        },
        """
        SELECT CAST(hour AT TIME ZONE 'UTC' AS date), account_id, accounts.name, model,
            coalesce(sum(jobs) FILTER (WHERE status = 'completed'), 0),
            coalesce(sum(jobs) FILTER (WHERE status = 'failed'), 0),
            coalesce(sum(jobs) FILTER (WHERE status = 'cancelled'), 0),
            sum(video_seconds), sum(price_usd), sum(cost_usd)
        FROM finished_hours JOIN accounts ON accounts.id = account_id
        GROUP BY 1, account_id, accounts.name, model
        """,
    ),
    "webhook_health": (
        "Receivers of webhooks that are owed something, failed, or heard from us in the last hour.",
        {
            "account": "What operators call the account.",
            "endpoint_id": "The registered endpoint; null for the URLs of single requests.",
            "host": "Where it posts to; never the whole URL, which may hold a secret. Null where it is pulled.",
            "owed": "Deliveries that are still tried.",
            "oldest_owed_seconds": "How long the oldest of them has been owed; 0 where none is.",
            "delivered_1h": "Delivered in the last hour.",
            "given_up_1h": "Given up in the last hour.",
            "failures": "Failures in a row that the receiver is to blame for.",
            "failing_since": "The first of them; null while it is well.",
            "shut_until": "Nothing is posted to it before; null while it is well.",
            "is_paused": "Whether its owner holds deliveries back.",
            "is_disabled": "Whether it was switched off because it failed for days.",
        },
        """
        SELECT accounts.name, endpoints.id,
            substring(coalesce(endpoints.url, told.url) FROM '^[a-zA-Z]+://(?:[^@/?#]*@)?([^/:?#@]+)'),
            coalesce(owed, 0), CAST(coalesce(extract(epoch FROM now() - oldest_owed), 0) AS double precision),
            coalesce(delivered, 0), coalesce(given_up, 0), coalesce(failures, 0), failing_since, shut_until,
            endpoints.paused_at IS NOT NULL, endpoints.disabled_at IS NOT NULL
        FROM (
            SELECT lane, account_id, endpoint_id, max(url) AS url, count(*) FILTER (WHERE status = 'owed') AS owed,
                min(owed_since) FILTER (WHERE status = 'owed') AS oldest_owed,
                count(*) FILTER (WHERE status = 'delivered') AS delivered,
                count(*) FILTER (WHERE status = 'given_up') AS given_up
            FROM (
                SELECT lane, account_id, endpoint_id, url, status, owed_since FROM deliveries WHERE status = 'owed'
                UNION ALL
                SELECT lane, account_id, endpoint_id, url, status, owed_since FROM deliveries
                WHERE settled_at > now() - interval '1 h'
            ) AS recent GROUP BY lane, account_id, endpoint_id
        ) AS told
        FULL JOIN endpoints ON endpoints.id = told.endpoint_id
        JOIN accounts ON accounts.id = coalesce(endpoints.account_id, told.account_id)
        LEFT JOIN receivers ON receivers.lane = coalesce(told.lane, endpoints.id)
        WHERE endpoints.deleted_at IS NULL OR told.lane IS NOT NULL
        """,
    ),
    "job_timeline": (
        "Everything that happened to a job, in order, archived ones too; ask for one job_id at a time.",
        {
            "job_id": "Which job; its 32 hex digits are understood.",
            "account_id": "Whose it is.",
            "event_id": "Grows in time.",
            "at": "When, by the clock of the database.",
            "kind": "What happened, for example job.completed: docs/events.md has them all.",
            "status": "The state of the job after it.",
            "attempt": "The attempt it belongs to.",
            "fence": "The claim it belongs to.",
            "worker": "The worker it is about.",
            "error_class": "Why, in one word, where something failed.",
            "pause_seconds": "How long it waits then.",
            "since_previous_seconds": "How long after what happened before; null for the first.",
        },
        """
        SELECT job_id, account_id, id, at, kind, status, attempt, fence, detail ->> 'worker', detail ->> 'error_class',
            CAST(detail ->> 'pause_seconds' AS double precision),
            CAST(extract(epoch FROM at - lag(at) OVER (PARTITION BY job_id ORDER BY id)) AS double precision)
        FROM (
            SELECT job_id, account_id, id, at, kind, status, attempt, fence, detail FROM events
            UNION ALL
            SELECT job_id, account_id, id, at, kind, status, attempt, fence, detail FROM archived_events
        ) AS happened
        """,
    ),
}

# Roles are of the whole server: another database of it, migrated at this moment, may be making the same one.
_ROLE = """
DO $$
BEGIN
    BEGIN
        CREATE ROLE duologue_ops NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN
        NULL;
    END;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'duologue_ops') THEN
        GRANT USAGE ON SCHEMA ops TO duologue_ops;
        GRANT SELECT ON ALL TABLES IN SCHEMA ops TO duologue_ops;
        ALTER DEFAULT PRIVILEGES IN SCHEMA ops GRANT SELECT ON TABLES TO duologue_ops;
    END IF;
END $$
"""
