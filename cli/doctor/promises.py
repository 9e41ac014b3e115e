"""Whether the house kept its promises, read from the history of every job."""

from collections.abc import Iterator

from cli.doctor.finding import Finding, Verdict, failure
from jobs import history
from jobs.errors import Unavailable

_SHOWN = 5


def promises() -> Iterator[Finding]:
    """One line per invariant. One that nothing has put to the test yet says `no subject`, and is not praised for it."""
    try:
        for found in history.check():
            yield _line(found)
    except Unavailable as error:
        yield failure("history", str(error), "Start the database, then ask again.")


def _line(found: history.Finding) -> Finding:
    check = f"promise {found.invariant}"
    if found.verdict == "broken":
        named = ", ".join(found.broken[:_SHOWN])
        return failure(
            check, f"broken: {found.promise} ({named})", "See docs/reliability.md, and report it with `show`."
        )
    judged = f"{found.verdict}, by {found.subjects}" if found.subjects else found.verdict
    return Finding(check, Verdict.OK, f"{judged}: {found.promise}")
