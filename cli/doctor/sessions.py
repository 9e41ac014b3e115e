"""Checks of our sessions in Postgres: whether our limits hold in them, and whether there are enough."""

from cli.doctor.finding import Finding, failure, ok, warning
from jobs import presence, sessions, settings
from jobs.database import transaction

_DESK = 1
"""Each command of the desk, such as this one."""


def limits() -> Finding:
    """Held by Postgres itself, for our role in our database: `duologue migrate` asks it to."""
    with transaction() as session:
        missing = sessions.missing(session)
    if missing:
        advice = "Run `duologue migrate` as the role that works, then let sessions that are open come to an end."
        return warning("time limits", f"do not hold: {', '.join(missing)}", advice)
    return ok("time limits", f"hold: no statement runs longer than {sessions.HABITS['statement_timeout']}")


def budget() -> Finding:
    """What all processes we know of may take together, against what there is."""
    chosen = settings.load()
    with transaction() as session:
        room, are_lent = sessions.room(session), sessions.are_lent(session)
    workers = sum(worker.is_alive for worker in presence.workers())
    wanted = (chosen.door_processes + workers + 1) * chosen.database_pool_size + _DESK
    said = (
        f"up to {wanted}, {chosen.database_pool_size} each for the front door ({chosen.door_processes} here), "
        f"workers ({workers}) and the timetable"
    )
    if are_lent:
        return ok("connections", f"{said}; from a pooler, whose max_client_conn must allow them")
    said = f"{said}; Postgres has {room.most}, of which others use {room.others}"
    advice = "Lower DUOLOGUE_DATABASE_POOL_SIZE, raise max_connections, or put PgBouncer in between (docs/postgres.md)."
    if wanted > room.most:
        return failure("connections", said, advice)
    return warning("connections", said, advice) if wanted > room.most - room.others else ok("connections", said)
