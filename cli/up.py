"""`duologue up`: the servers, the front door, the workers and the timetable in the foreground, until Ctrl-C."""

import os
import shlex
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from cli import environment, foreground, listening, note, processes, stack
from cli.children import Child
from cli.interruptions import Interruptions, noticed
from cli.log import Log, file_in
from cli.options import DEFAULT_DATA, DataDir
from jobs import settings

DRAIN_SECONDS = 10.0
"""What Ctrl-C gives running jobs before they are handed back, unless DUOLOGUE_DRAIN_SECONDS says otherwise."""


def up(
    data: DataDir = DEFAULT_DATA,
    host: Annotated[str | None, typer.Option(help="Address the front door listens on.  [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port it listens on; 0 takes any free one.  [default: 8000]")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many jobs are rendered at once.")] = 2,
) -> None:
    """Run everything here, in the foreground: servers, front door and workers. Ctrl-C stops it all."""
    log, begun_at = Log(), time.monotonic()
    note.refuse_a_second(data)
    listening.settle(host, port)
    environment.adopt({"DUOLOGUE_DATA_DIR": str(data)})
    with noticed() as interruptions:
        try:
            with _servers(data, log) as running:
                interruptions.are_counted = True
                _run(running, workers, log, interruptions, lambda: _show_the_way(data, log, begun_at))
        except KeyboardInterrupt:
            log.say("Stopped before everything was up.")
        else:
            log.say("Stopped.")


@contextmanager
def _servers(data: Path, log: Log) -> Iterator[stack.Running]:
    """The servers as the others need them: running, noted for other commands, the schema current, the bucket there."""
    own = environment.of_servers()
    log.say(f"Starting in {data}")
    _import_groundwork_meanwhile()
    with (
        stack.running(data, report=log.say, origins=settings.load().cors_origins) as running,
        note.kept(data) as keeping,
    ):
        log.keep_in(file_in(data))
        keeping.write(note.Note(listening.api_url(), os.getpid(), own))
        environment.adopt(running.environment)
        from cli import farewell, groundwork

        groundwork.lay()
        if "DUOLOGUE_DATABASE_URL" in running.environment:  # ours, so that every worker in it is of this machine
            farewell.of_an_earlier_run(log)
        yield running


def _import_groundwork_meanwhile() -> None:
    """SQLAlchemy and the like take most of a second, which is there while the servers start."""
    threading.Thread(target=import_module, args=["cli.farewell"], name="imports").start()


def _run(
    running: stack.Running, slots: int, log: Log, interruptions: Interruptions, when_ready: Callable[[], None]
) -> None:
    from cli import farewell

    chosen = settings.load()
    drain_seconds = chosen.drain_seconds if "drain_seconds" in chosen.model_fields_set else DRAIN_SECONDS
    variables = environment.of_children() | {"DUOLOGUE_DRAIN_SECONDS": str(drain_seconds)}
    programs = [processes.front_door(chosen.host, chosen.port, 1 + number) for number in range(chosen.door_processes)]
    doors = [Child(program, variables, log) for program in programs]
    worker = Child(processes.worker(chosen.engines, slots, drain_seconds), variables, log, farewell.when_one_dies(log))
    engine_room = [worker]
    try:
        if foreground.wait_until_ready(listening.api_url(), [*doors, *engine_room], log, interruptions):
            when_ready()
            engine_room.append(Child(processes.timetable(), variables, log))
        foreground.watch([*doors, *engine_room], running.broken, log, interruptions)
    finally:
        foreground.stop(doors, log, interruptions)
        waits_for = farewell.what_is_waited_for(worker.pid, drain_seconds, log)
        if worker in foreground.stop(engine_room, log, interruptions, waits_for):
            farewell.hand_back(worker.pid, log)


def _show_the_way(data: Path, log: Log, begun_at: float) -> None:
    from cli import broker, whereabouts

    chosen = settings.load()
    option = "" if data == DEFAULT_DATA.absolute() else f" --data {shlex.quote(str(data))}"
    log.say(f"Ready after {time.monotonic() - begun_at:.1f} s: jobs are taken.")
    log.say(f"  API      {chosen.public_url or listening.api_url()}")
    log.say(f"  docs     {chosen.public_url or listening.api_url()}/docs")
    log.say(
        f"  bucket   {(chosen.s3_public_url or chosen.s3_endpoint_url or 'Amazon S3').rstrip('/')}/{chosen.s3_bucket}"
    )
    log.say(f"  a key    duologue keys create NAME{option}")
    log.say(f"  logs     {file_in(data).parent}")
    for sentence in listening.unreachable_for_others():
        log.say(f"  {sentence}")
    if silence := broker.why_silent():
        log.say(f"  The broker at {whereabouts.address('broker_url')} does not answer ({silence}).")
        log.say(f"  Jobs are taken, and wait until it does; see {whereabouts.variable('broker_url')}.")
    log.say("  Ctrl-C stops it all.")
