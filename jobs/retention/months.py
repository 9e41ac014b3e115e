"""The archive's partitions: one of jobs and one of events for each month, made before anything falls into them."""

from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from jobs.database import transaction
from jobs.rules import months

AHEAD = 2
"""Months that are there before they begin: so long nobody need look after them."""

_LOCK = 7_305_302
"""Any constant will do, as long as every version of the code uses the same and the migrations another."""

_PARTED = (("archived_jobs", "jobs", "id"), ("archived_events", "events", "job_id"))
"""A partitioned table, what the names of its partitions begin with, and the column that says the month."""

_OLDEST = text("""
    (SELECT id FROM jobs ORDER BY id LIMIT 1)
    UNION ALL (SELECT id FROM archive.jobs_other ORDER BY id LIMIT 1)
    UNION ALL (SELECT job_id FROM archive.events_other ORDER BY job_id LIMIT 1)
""")


def make_months() -> int:
    """Make the months that are missing, from that of the oldest job on; how many that were.

    What fell into the net meanwhile moves to where it belongs. Safe when many do it at once. Raises Unavailable when
    others use the net for too long; then that month is left as it was.
    """
    with transaction() as session:
        this_month = session.execute(select(func.now())).scalar_one().date().replace(day=1)
        oldest = [months.of_id(job_id) for job_id in session.scalars(_OLDEST)]
    wanted = months.between(min([this_month, *oldest]), months.after(this_month, AHEAD))
    return sum(_make(month) for month in wanted)


def _make(month: date) -> bool:
    """Make one month unless it is there; whether it was missing."""
    with transaction() as session:
        session.execute(text("SET LOCAL lock_timeout = '5s'"))
        session.execute(text("SET LOCAL statement_timeout = '10min'"))
        session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        if session.scalar(select(func.to_regclass(_name("jobs", month)))) is not None:
            return False
        for table, prefix, column in _PARTED:
            _cut_out(session, table, prefix, column, month)
    return True


def _cut_out(session: Session, table: str, prefix: str, column: str, month: date) -> None:
    """Attached, not made in place: that would keep everybody from the whole table, this keeps them from the net."""
    name, net = _name(prefix, month), f"archive.{prefix}_other"
    first, end = months.first_id(month), months.first_id(months.after(month))
    within = f"{column} >= '{first}' AND {column} < '{end}'"
    for statement in (
        f"LOCK TABLE {net} IN ACCESS EXCLUSIVE MODE",
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
        f"COMMENT ON TABLE {name} IS '{table}: what was created in {month:%Y-%m}'",
        f"WITH stray AS (DELETE FROM {net} WHERE {within} RETURNING *) INSERT INTO {name} SELECT * FROM stray",  # noqa: S608 - our own words
        f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{first}') TO ('{end}')",
    ):
        session.execute(text(statement))


def _name(prefix: str, month: date) -> str:
    return f"archive.{prefix}_{month:%Y_%m}"
