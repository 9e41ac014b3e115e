"""Fills the tables with finished jobs and all that such jobs leave behind, as fast as Postgres writes."""

from typing import Final

from sqlalchemy import text

from jobs import database

AT_ONCE: Final = 20_000
"""Jobs in one statement."""
_DAYS: Final = 7
"""Over how long they came in: as long as finished jobs stay in their table by default."""


def add(count: int) -> None:
    """So many completed jobs, dealt out to all keys, each with its events, its money and, if it is young, its name."""
    for first in range(0, count, AT_ONCE):
        spread = {"first": first, "last": min(first + AT_ONCE, count) - 1, "count": count, "days": _DAYS}
        with database.engine().begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))  # a busy machine takes its time over so many
            connection.execute(_ADD, spread)
    with database.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        connection.execute(text("CHECKPOINT"))
    database.engine().dispose()


_ADD = text("""
    WITH owners AS (
        SELECT id AS key_id, account_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS owners
        FROM api_keys
    ), ordered AS (
        SELECT number, account_id, key_id, md5(number::text) AS digits,
            now() - make_interval(days => :days) * (1 - number / CAST(:count AS float)) AS at
        FROM generate_series(CAST(:first AS bigint), :last) AS number JOIN owners ON place = number % owners
    ), made AS (
        INSERT INTO jobs (id, account_id, key_id, model, inputs, seed, status, engine_wanted, engine, engine_reason,
            price_usd, attempt, fence, worker, stage, progress, created_at, started_at, finished_at, wait_until,
            run_seconds, finish_until, output, inference_ms)
        SELECT uuidv7(at - clock_timestamp()), account_id, key_id, 'wavespeed-ai/infinitetalk/multi',
            jsonb_build_object('image', 'https://media.example.com/' || number || '/two.png',
                'left_audio', 'https://media.example.com/' || number || '/left.mp3',
                'right_audio', 'https://media.example.com/' || number || '/right.mp3',
                'prompt', 'Two people talk, ' || number, 'order', 'meanwhile', 'resolution', '480p', 'seed', -1),
            number, 'completed', 'auto', 'gpu', 'auto: gpu', 0.15, 1, 1, 'bench', 'storing', 1, at,
            at + interval '9 s', at + interval '99 s', at + interval '7 days', 21600, at + interval '8 days',
            jsonb_build_object('key', replace(account_id::text, '-', '') || '/jobs/' || digits || '/1/video.mp4',
                'bytes', 900000, 'sha256', digits || digits, 'width', 896, 'height', 448, 'frames', 125, 'seconds', 5),
            90000
        FROM ordered ORDER BY number
        RETURNING id, account_id, key_id, model, price_usd, created_at, started_at, finished_at
    ), told AS (
        INSERT INTO events (account_id, job_id, kind, status, attempt, fence, at, detail)
        SELECT account_id, id, kind, status, fence, fence, at, detail::jsonb FROM made CROSS JOIN LATERAL (VALUES
            ('job.created', 'waiting', 0, created_at, '{}'),
            ('job.claimed', 'running', 1, started_at, '{"worker": "bench"}'),
            ('job.completed', 'completed', 1, finished_at, '{"seconds": 5.0, "inference_ms": 90000}')
        ) AS happened (kind, status, fence, at, detail)
    ), named AS (
        INSERT INTO idempotency_keys (account_id, key, body_digest, job_id, expires_at)
        SELECT account_id, id::text, sha256(id::text::bytea), id, created_at + interval '1 day' FROM made
        WHERE created_at > now() - interval '1 day'
    ), paid AS (
        INSERT INTO ledger_entries (account_id, kind, amount_usd, at, job_id, key_id, model)
        SELECT account_id, kind, price_usd, at, id, key_id, model FROM made CROSS JOIN LATERAL (VALUES
            ('hold', created_at), ('capture', finished_at)) AS entry (kind, at)
    )
    UPDATE tallies SET available_usd = available_usd - spent.spent_usd, month_usd = month_usd + spent.spent_usd
    FROM (SELECT account_id, sum(price_usd) AS spent_usd FROM made GROUP BY account_id) AS spent
    WHERE tallies.account_id = spent.account_id
""")
