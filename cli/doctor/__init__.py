"""`duologue doctor`: looks at everything jobs depend on, one line each, and says what to do."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from cli import environment, reach, stack
from cli.doctor import engines, machine, promises, servers, sessions, staff
from cli.doctor.finding import Finding, Verdict
from cli.options import DEFAULT_DATA, AsJson, DataDir
from cli.screen import out, show_json
from jobs import settings

_COLOURS = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILURE: "bold red"}


def doctor(
    data: DataDir = DEFAULT_DATA,
    *,
    as_json: AsJson = False,
    history: Annotated[bool, typer.Option("--history", help="Judge the promises by every job's history, too.")] = False,
) -> None:
    """Check everything jobs depend on. Starts nothing; status 1 when something is broken."""
    findings = []
    for finding in _examine(data, with_history=history):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        show_json([asdict(finding) for finding in findings])
    if any(finding.verdict is Verdict.FAILURE for finding in findings):
        raise typer.Exit(1)


def _examine(data: Path, *, with_history: bool) -> Iterator[Finding]:
    """Every check in an order in which each may rely on those before it."""
    readable = machine.readable_settings()
    yield readable
    if readable.verdict is Verdict.FAILURE:
        return
    _look_where_up_looks(data)
    yield machine.versions()
    yield machine.free_disk(data)
    yield from _look_into_database(with_history=with_history)
    yield servers.broker()
    yield servers.bucket()
    yield staff.front_door(data)
    yield from (engines.engine(name) for name in settings.load().engines)


def _look_where_up_looks(data: Path) -> None:
    reach.use_the_servers_of_up(data)
    environment.adopt(stack.find(data) or {})


def _look_into_database(*, with_history: bool) -> Iterator[Finding]:
    found = servers.database()
    yield found
    if found.verdict is Verdict.OK:
        yield servers.clocks()
        current = servers.current_schema()
        yield current
        if current.verdict is Verdict.OK:
            yield sessions.limits()
            yield staff.workers()
            yield sessions.budget()
            if with_history:
                yield from promises.promises()


def _print(finding: Finding) -> None:
    mark = Text(f"{finding.verdict:<8}", style=_COLOURS[finding.verdict])
    out.print(mark + Text(f"{finding.check:<15} {finding.says}"), soft_wrap=True)
    if finding.advice:
        out.print(Text(f"{'':<24} {finding.advice}", style="dim"), soft_wrap=True)
