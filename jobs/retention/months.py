"""The archive's partitions: one of jobs and one of events a month, made before anything falls in, dropped as set."""

from datetime import date

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from jobs import settings
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


_PARTITIONS = text("""
    SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'archive' AND relispartition AND relkind = 'r' AND relname ~ '_[0-9]{4}_[0-9]{2}$'
""")


def make_months() -> int:
    """Make the months that are missing, from that of the oldest job on; how many that were.

    What fell into the net meanwhile moves to where it belongs. Safe when many do it at once. Raises Unavailable when
    others use the net for too long; then that month is left as it was.
    """
    with transaction() as session:
        this_month = session.execute(select(func.now())).scalar_one().date().replace(day=1)
        oldest = min([this_month, *(months.of_id(job_id) for job_id in session.scalars(_OLDEST))])
    wanted = months.between(max(oldest, _first_kept(this_month)), months.after(this_month, AHEAD))
    return sum(_make(month) for month in wanted)


def drop_months() -> int:
    """Drop what the archive is to keep no longer, a month at a time; how many that were. The ledger stays.

    Raises Unavailable when others use the archive for too long; then that month is left as it was.
    """
    with transaction() as session:
        first = _first_kept(session.execute(select(func.now())).scalar_one().date().replace(day=1))
        names = [name for name in session.scalars(_PARTITIONS) if name[-7:] < f"{first:%Y_%m}"]
    for name in sorted(names):
        with transaction() as session:
            _be_patient(session)
            session.execute(text(f"DROP TABLE IF EXISTS archive.{name}"))
    with transaction() as session:
        for _, prefix, column in _PARTED:
            late = f"DELETE FROM archive.{prefix}_other WHERE {column} < '{months.first_id(first)}'"  # noqa: S608 - our own words
            session.execute(text(late))
    return len({name[-7:] for name in names})


def _first_kept(this_month: date) -> date:
    """The first month that the archive keeps."""
    keep = settings.load().keep_archive_months
    return months.after(this_month, -keep) if keep else date(1970, 1, 1)


def _make(month: date) -> bool:
    """Make one month unless it is there; whether it was missing."""
    with transaction() as session:
        _be_patient(session)
        if session.scalar(select(func.to_regclass(_name("jobs", month)))) is not None:
            return False
        for table, prefix, column in _PARTED:
            _cut_out(session, table, prefix, column, month)
    return True


def _be_patient(session: Session) -> None:
    """One at a time, for as long as it takes, and without making others wait for what is busy."""
    session.execute(text("SET LOCAL lock_timeout = '5s'"))
    session.execute(text("SET LOCAL statement_timeout = '10min'"))
    session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


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
