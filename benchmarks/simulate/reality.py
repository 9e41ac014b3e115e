"""A real queue to hold the model against: real servers, one worker with two slots, real jobs at random moments."""

import base64
import contextlib
import random
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text

from benchmarks.simulate.model import Order, Park, run
from cli import environment, processes, stack
from jobs import accounts, schema, storage, submission
from jobs.accounts import Caller
from jobs.database import transaction
from jobs.submission import Wish
from tests.factories_media import people_png, voice_wav

SLOTS: Final = 2
FIRST: Final = 8
"""Jobs that are ordered all at once before, to know the machine's pace; the very first of them do not count."""
LOAD: Final = 0.85
"""How much of what the slots can do at that pace is asked of them."""
MODEL: Final = "wavespeed-ai/infinitetalk"
VOICES: Final = (0.5, 1.0, 2.0)
"""Seconds of speech, one as likely as the other."""
_PATIENCE_SECONDS: Final = 600.0

_TOLD = text("""
    SELECT extract(epoch FROM created_at - min(created_at) OVER ())::float,
        extract(epoch FROM started_at - created_at)::float, extract(epoch FROM finished_at - started_at)::float
    FROM jobs WHERE status = 'completed' ORDER BY created_at, id OFFSET :but
""")


def compare(count: int, seed: int) -> None:
    """Run so many jobs, and print the waits that the model says beside those that were."""
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        with house(Path(folder)) as caller:
            told = observe(caller, count, seed)
    first = told[0][0]
    waits = [wait for _, wait, _ in told]
    mean = statistics.mean(held for _, _, held in told)
    known = [Order(at - first, 1.0, held) for at, _, held in told]
    alike = [Order(at - first, 1.0, mean) for at, _, _ in told]
    print(f"{count} jobs on {SLOTS} slots, each of which a job kept for {mean:.2f} s on average")
    print("| | mean wait | p95 wait | longest wait |\n|---|---|---|---|")
    print(line("measured", waits))
    print(line("the model, told how long each job kept its slot", said := predicted(known)))
    print(line("the model, told only the average of that", predicted(alike)))
    print(f"mean wait, the model's to the measured: {statistics.mean(said) / statistics.mean(waits):.2f}")


def predicted(orders: list[Order]) -> list[float]:
    return [fate.wait_seconds for fate in run(orders, Park(SLOTS))]


def line(name: str, waits: list[float]) -> str:
    ranked = sorted(waits)
    p95 = ranked[int(len(ranked) * 0.95)]
    return f"| {name} | {statistics.mean(ranked):.2f} s | {p95:.2f} s | {ranked[-1]:.2f} s |"


def observe(caller: Caller, count: int, seed: int) -> list[tuple[float, float, float]]:
    """When each job came, how long it waited and how long it kept its slot, in seconds."""
    dice = random.Random(seed)  # noqa: S311 - moments to order at
    pause = threading.Event()
    for _ in range(FIRST):
        order(caller, dice.choice(VOICES))
    pace = statistics.mean(held for _, _, held in finished(FIRST, but=SLOTS))
    for _ in range(count):
        pause.wait(dice.expovariate(LOAD * SLOTS / pace))
        order(caller, dice.choice(VOICES))
    return finished(FIRST + count, but=FIRST)


def order(caller: Caller, seconds: float) -> None:
    inputs = {"image": _uri("image/png", people_png(320, 200, 1)), "audio": _uri("audio/wav", voice_wav(seconds))}
    submission.submit(caller, Wish(model=MODEL, inputs=inputs))


def finished(count: int, but: int) -> list[tuple[float, float, float]]:
    """What is told of all jobs but the first, once so many have completed."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        with transaction() as session:
            told = session.execute(_TOLD, {"but": but}).all()
        if len(told) == count - but:
            return [(at, wait, held) for at, wait, held in told]
        assert time.monotonic() < until, "the jobs do not end"
        time.sleep(0.25)


@contextmanager
def house(folder: Path) -> Iterator[Caller]:
    """Servers, a worker and the timetable; no front door, for orders are taken in this process."""
    with ExitStack() as closing:
        environment.adopt(closing.enter_context(stack.running(folder / "data")).environment)
        schema.upgrade()
        storage.make_bucket()
        for program in (processes.worker(["preview"], SLOTS, drain_seconds=1), processes.timetable()):
            log = closing.enter_context((folder / f"{program.name}.log").open("wb"))
            closing.enter_context(running(program, log.fileno()))
        with transaction() as session:
            _, key = accounts.create_key(session, name="benchmark", account="benchmark")
        with transaction() as session:
            caller = accounts.identify(session, key)
        yield caller


@contextmanager
def running(program: processes.Program, log: int) -> Iterator[None]:
    process = subprocess.Popen(
        program.command,
        cwd=environment.ROOT,
        env=environment.of_children(),
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(60)
        process.kill()
        process.communicate()


def _uri(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
