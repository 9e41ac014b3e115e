"""Checks of the servers: whether they answer, are of the right kind, and let us do what we need."""

import tempfile
import uuid
from pathlib import Path

from sqlalchemy import text

from cli import broker as messages
from cli import whereabouts
from cli.doctor.finding import Finding, failure, ok, warning
from jobs import clock, schema, settings, storage
from jobs.database import transaction
from jobs.errors import StorageError, Unavailable

OLDEST_POSTGRES = 15
DRIFT_WORRYING_SECONDS = 2.0
DRIFT_BROKEN_SECONDS = 30.0

_START = "Start it with `duologue up`"


def database() -> Finding:
    if not settings.load().database_url.get_secret_value():
        return warning("database", "none runs here", f"{_START}, or set DUOLOGUE_DATABASE_URL.")
    try:
        with transaction() as session:
            number = str(session.execute(text("SHOW server_version")).scalar_one())
    except Unavailable as error:
        says = f"{whereabouts.address('database_url')} does not answer: {whereabouts.reason(error)}"
        return failure("database", says, f"{_START}, or mend {whereabouts.variable('database_url')}.")
    if int(number.split(".", maxsplit=1)[0]) < OLDEST_POSTGRES:
        return failure("database", f"is PostgreSQL {number}", f"Move to PostgreSQL {OLDEST_POSTGRES} or later.")
    return ok("database", f"answers; PostgreSQL {number}")


def current_schema() -> Finding:
    if schema.is_current():
        return ok("schema", f"is current: {schema.newest()}")
    return failure("schema", f"lacks migrations up to {schema.newest()}", "Run `duologue migrate`.")


def clocks() -> Finding:
    """Leases and deadlines are judged by the database's clock, links by the bucket's and ours."""
    before = clock.now()
    with transaction() as session:
        theirs = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    drift_seconds = abs((theirs - (before + (clock.now() - before) / 2)).total_seconds())
    said = f"{drift_seconds:.1f} s between ours and the database's"
    advice = "Set both machines' clocks by NTP: links and leases go by them."
    if drift_seconds > DRIFT_BROKEN_SECONDS:
        return failure("clock", said, advice)
    return warning("clock", said, advice) if drift_seconds > DRIFT_WORRYING_SECONDS else ok("clock", said)


def broker() -> Finding:
    url = settings.load().broker_url.get_secret_value()
    if not url:
        return warning("broker", "none runs here", f"{_START}, or set DUOLOGUE_BROKER_URL.")
    if silence := messages.why_silent():
        says = f"{whereabouts.address('broker_url')} does not answer: {silence}"
        return failure("broker", says, f"{_START}, or mend {whereabouts.variable('broker_url')}.")
    return ok("broker", "answers")


def bucket() -> Finding:
    """Put, get and delete one small object, which are all the rights we need."""
    chosen = settings.load()
    if not chosen.s3_access_key_id.get_secret_value():
        return warning("bucket", "none runs here", f"{_START}, or set DUOLOGUE_S3_ENDPOINT_URL and its keys.")
    key = f"doctor/{uuid.uuid4().hex}"
    try:
        with tempfile.TemporaryDirectory(prefix="duologue-doctor-") as folder:
            there, back = Path(folder) / "there", Path(folder) / "back"
            there.write_bytes(b"doctor")
            storage.put(there, key, "text/plain")
            storage.download(key, back, max_bytes=there.stat().st_size)
            storage.remove([key])
    except StorageError as error:
        return failure(
            "bucket",
            f"{whereabouts.address('s3_endpoint_url')}: {error}",
            f"See that {chosen.s3_bucket} is there and its key may put, get and delete; or mend "
            f"{whereabouts.variable('s3_endpoint_url')}.",
        )
    return ok("bucket", f"{chosen.s3_bucket} takes, gives and deletes objects")
