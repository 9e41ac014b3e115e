"""What is read off each table that only grows; one statement counts a span of ids, whatever is in it."""

import json
from typing import Any, Final

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.orm import Session

from jobs.rules.deliveries import Status
from jobs.tables import Event, Try
from jobs.telemetry.metrics import COUNTED

ENGINES_ANSWERS: Final = (
    "engine",
    "moderation",
    "out_of_memory",
    "possibly_charged",
    "provider_away",
    "provider_busy",
    "provider_failed",
    "provider_refused",
)
"""The error classes that are an engine's own word; the others are the caller's, the bucket's or the machine's."""

# `found` are numbers that add up, `measured` are spread over buckets: how often each, and the sum of all.
_ADD = """
    bucketed (name, labels, value) AS (
        SELECT name, labels || coalesce(
            (
                SELECT bound FROM jsonb_array_elements_text(CAST(:buckets AS jsonb) -> name) AS bound
                WHERE CAST(bound AS double precision) >= measured.value
                ORDER BY CAST(bound AS double precision) LIMIT 1
            ),
            'inf'
        ), 1.0 FROM measured
        UNION ALL SELECT name || '.sum', labels, value FROM measured
    )
    INSERT INTO counts (name, labels, value)
    SELECT name, labels, sum(value) FROM (SELECT * FROM found UNION ALL SELECT * FROM bucketed) AS every
    GROUP BY name, labels ORDER BY name, labels
    ON CONFLICT (name, labels) DO UPDATE SET value = counts.value + excluded.value
"""

# A job that has left for the archive took its events along: it was counted while it was here.
_EVENTS = """
    WITH happened AS MATERIALIZED (
        SELECT events.id, kind, at, events.status, events.fence, detail, job_id, model, engine, created_at,
            coalesce(detail ->> 'error_class', '') AS error_class,
            CAST(price_usd AS double precision) AS price_usd, CAST(cost_usd AS double precision) AS cost_usd,
            kind IN ('job.completed', 'job.failed', 'job.cancelled') AS is_final,
            CASE WHEN kind IN ('job.completed', 'job.failed', 'job.cancelled') THEN (
                SELECT before.status IN ('running', 'forwarded') FROM events AS before
                WHERE before.job_id = events.job_id AND before.id < events.id ORDER BY before.id DESC LIMIT 1
            ) END AS ended_an_attempt
        FROM events JOIN jobs ON jobs.id = job_id
        WHERE events.id > :after AND events.id <= :upto
    ), found (name, labels, value) AS (
        SELECT 'jobs.created', ARRAY[model, engine], 1.0 FROM happened WHERE kind = 'job.created'
        UNION ALL
        SELECT 'jobs.finished', ARRAY[model, engine, status, error_class], 1.0 FROM happened WHERE is_final
        UNION ALL
        SELECT 'cost', ARRAY[engine, 'price'], price_usd FROM happened WHERE kind = 'job.completed' AND price_usd > 0
        UNION ALL
        SELECT 'cost', ARRAY[engine, 'cost'], cost_usd FROM happened WHERE is_final AND cost_usd > 0
        UNION ALL
        SELECT 'attempts', ARRAY[CASE
            WHEN kind = 'job.rescued' THEN 'worker_lost' WHEN kind IN ('job.stumbled', 'job.failed') THEN error_class
            ELSE split_part(kind, '.', 2) END], 1.0
        FROM happened
        WHERE kind IN ('job.stumbled', 'job.rescued', 'job.handed_back') OR ended_an_attempt
        UNION ALL
        SELECT 'leases.lost', ARRAY[]::text[], 1.0 FROM happened
        WHERE detail ? 'workers_lost' OR error_class = 'worker_lost'
        UNION ALL
        SELECT 'rescues', ARRAY[]::text[], 1.0 FROM happened WHERE kind = 'job.rescued'
        UNION ALL
        SELECT 'engine.requests', ARRAY[engine, 'completed'], 1.0 FROM happened
        WHERE kind = CASE engine WHEN 'cloud' THEN 'job.arrived' ELSE 'job.completed' END
        UNION ALL
        SELECT 'engine.requests', ARRAY[coalesce(detail ->> 'from_engine', engine), error_class], 1.0 FROM happened
        WHERE kind IN ('job.stumbled', 'job.failed') AND error_class = ANY(:answers)
        UNION ALL
        SELECT 'failovers', ARRAY[detail ->> 'from_engine', detail ->> 'to_engine'], 1.0 FROM happened
        WHERE detail ? 'from_engine'
        UNION ALL
        SELECT 'rate_limited', ARRAY[]::text[], 1.0 FROM happened WHERE error_class = 'provider_busy'
    ), measured (name, labels, value) AS (
        SELECT 'job.wait', ARRAY[engine], CAST(extract(epoch FROM at - created_at) AS double precision)
        FROM happened WHERE fence = 1 AND kind IN ('job.claimed', 'job.forwarded')
        UNION ALL
        SELECT 'job.total', ARRAY[engine], CAST(extract(epoch FROM at - created_at) AS double precision)
        FROM happened WHERE kind = 'job.completed'
        UNION ALL
        SELECT 'job.run', ARRAY[engine], CAST(extract(epoch FROM happened.at - began.at) AS double precision)
        FROM happened CROSS JOIN LATERAL (
            SELECT before.at FROM events AS before
            WHERE before.job_id = happened.job_id AND before.id < happened.id
                AND before.kind = CASE engine WHEN 'cloud' THEN 'job.forwarded' ELSE 'job.claimed' END
            ORDER BY before.id DESC LIMIT 1
        ) AS began WHERE kind = 'job.completed'
        UNION ALL
        SELECT 'job.factor', ARRAY[engine],
            CAST(detail ->> 'inference_ms' AS double precision) / 1000 / CAST(detail ->> 'seconds' AS double precision)
        FROM happened
        WHERE kind = 'job.completed' AND CAST(detail ->> 'seconds' AS double precision) > 0
            AND CAST(detail ->> 'inference_ms' AS double precision) > 0
        UNION ALL
        SELECT 'job.stage', ARRAY[engine, stage.key], CAST(stage.value AS double precision)
        FROM happened, jsonb_each_text(coalesce(detail -> 'stages', '{}')) AS stage
    ),
"""

_TRIES = """
    WITH posted AS MATERIALIZED (
        SELECT coalesce(one.status BETWEEN 200 AND 299, false) AS is_good, deliveries.status,
            NOT EXISTS (
                SELECT FROM delivery_tries AS later WHERE later.delivery_id = one.delivery_id AND later.id > one.id
            ) AS is_last,
            greatest(extract(epoch FROM at - owed_since) + took_ms / 1000.0, 0) AS seconds
        FROM delivery_tries AS one JOIN deliveries ON deliveries.id = one.delivery_id
        WHERE one.id > :after AND one.id <= :upto
    ), found (name, labels, value) AS (
        SELECT 'webhook.deliveries', ARRAY[CASE
            WHEN is_good THEN 'delivered' WHEN is_last AND status = :given_up THEN 'given_up'
            ELSE 'failed' END], 1.0
        FROM posted
    ), measured (name, labels, value) AS (
        SELECT 'webhook.delay', ARRAY[]::text[], CAST(seconds AS double precision) FROM posted WHERE is_good
    ),
"""

ALL: Final[dict[str, TextClause]] = {
    Event.__tablename__: text(_EVENTS + _ADD),
    Try.__tablename__: text(_TRIES + _ADD).bindparams(given_up=Status.GIVEN_UP),
}
_IDS: Final = {Event.__tablename__: Event.id, Try.__tablename__: Try.id}


def given(*, after: int, upto: int) -> dict[str, Any]:
    """What the statements are asked with, to count ids above `after` up to `upto`."""
    buckets = {key: metric.buckets for key, metric in COUNTED.items() if metric.buckets}
    return {"after": after, "upto": upto, "buckets": json.dumps(buckets), "answers": list(ENGINES_ANSWERS)}


def last_id(session: Session, source: str) -> int:
    """The highest id that can be seen; 0 in an empty table."""
    return session.scalars(select(func.coalesce(func.max(_IDS[source]), 0))).one()
