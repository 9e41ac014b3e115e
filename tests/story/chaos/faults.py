"""Carries the plan's blows out on a world, each at its time, and counts which of them struck."""

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import redis
from sqlalchemy import text

from jobs.database import transaction
from jobs.errors import Unavailable
from tests.story import kin
from tests.story.chaos.plan import MENU, Fault
from tests.story.chaos.world import DOORS, WORKERS, World

_FIND_SECONDS = 30.0
_LOOK_SECONDS = 0.02
_PAUSE_SECONDS = 0.5


class Storm:
    """The faults of one run; two of them never strike the same victim at once, different victims they do."""

    def __init__(self, world: World, faults: Sequence[Fault]) -> None:
        self.struck: Counter[str] = Counter()
        self.missed: Counter[str] = Counter()
        self._world = world
        self._turns = {who: threading.Lock() for who, _ in MENU}
        self._threads = [
            threading.Thread(target=self._strike, args=[fault], name=fault.name, daemon=True) for fault in faults
        ]
        self._began_at = time.monotonic()

    def begin(self) -> None:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    @property
    def is_complete(self) -> bool:
        """Whether every fault was tried; one that raised is not counted."""
        return self.struck.total() + self.missed.total() == len(self._threads)

    def _strike(self, fault: Fault) -> None:
        pause = threading.Event()
        pause.wait(max(0.0, self._began_at + fault.at_seconds - time.monotonic()))
        with self._turns[fault.who]:
            struck = BLOWS[fault.who, fault.how](self._world, fault)
        (self.struck if struck else self.missed)[fault.name] += 1


def _lasting(state: Callable[[World], AbstractContextManager[None]]) -> Callable[[World, Fault], bool]:
    def strike(world: World, fault: Fault) -> bool:
        with state(world):
            threading.Event().wait(fault.lasts_seconds)
        return True

    return strike


def _once_it_can(blow: Callable[[World, Fault], bool]) -> Callable[[World, Fault], bool]:
    """Some victims must be up to be struck, and an earlier fault may have them down."""

    def strike(world: World, fault: Fault) -> bool:
        until = time.monotonic() + _FIND_SECONDS
        while not (struck := blow(world, fault)) and time.monotonic() < until:
            threading.Event().wait(_PAUSE_SECONDS)
        return struck

    return strike


def _kill(world: World, fault: Fault) -> bool:
    world.crew.kill(_program(world, fault))
    return True


def _freeze(world: World, fault: Fault) -> bool:
    with kin.frozen([world.crew.pid(_program(world, fault))]):
        threading.Event().wait(fault.lasts_seconds)
    return True


def _program(world: World, fault: Fault) -> str:
    """A worker is struck while it renders, if any does soon: in between it has nothing to lose."""
    if fault.who == "worker":
        return next((name for name, _ in _rendering(world)), WORKERS[fault.which])
    return DOORS[fault.which] if fault.who == "door" else fault.who


def _kill_rendering(world: World, _: Fault) -> bool:
    found = [pid for _, pid in _rendering(world)]
    kin.send(found, signal.SIGKILL)
    return bool(found)


def _freeze_rendering(world: World, fault: Fault) -> bool:
    found = [pid for _, pid in _rendering(world)]
    with kin.frozen(found):
        threading.Event().wait(fault.lasts_seconds if found else 0)
    return bool(found)


def _rendering(world: World) -> list[tuple[str, int]]:
    """One rendering that runs now or begins soon, behind the worker it belongs to; none when nothing is rendered."""
    until = time.monotonic() + _FIND_SECONDS
    while time.monotonic() < until:
        for worker in WORKERS:
            if found := kin.children(world.crew.pid(worker), kin.RENDERING):
                return [(worker, found[0])]
        threading.Event().wait(_LOOK_SECONDS)
    return []


def _flush(world: World, _: Fault) -> bool:
    try:
        with redis.Redis.from_url(world.ground.environment["DUOLOGUE_BROKER_URL"], socket_timeout=10) as broker:
            return bool(broker.flushall())
    except redis.RedisError:
        return False


def _cut(_: World, fault: Fault) -> bool:
    """End one backend the polite way: its client finds the connection gone, perhaps in mid-commit."""
    ours = "backend_type = 'client backend' AND pid <> pg_backend_pid()"
    try:
        with transaction() as session:
            pids = list(session.scalars(text(f"SELECT pid FROM pg_stat_activity WHERE {ours} ORDER BY pid")))  # noqa: S608 - the words above
            if not pids:
                return False
            chosen = random.Random(fault.at_seconds).choice(pids)  # noqa: S311 - the plan's own chance
            return bool(session.scalar(text("SELECT pg_terminate_backend(:pid)"), {"pid": chosen}))
    except Unavailable:
        return False


def _kill_server(world: World, fault: Fault) -> bool:
    part = {"broker": world.ground.kill, "database": world.ground.kill, "bucket": world.ground.kill}[fault.who]
    part(fault.who)  # type: ignore[arg-type]  # one of the three above
    return True


def _restart(world: World, _: Fault) -> bool:
    world.ground.restart_database()
    return True


BLOWS: dict[tuple[str, str], Callable[[World, Fault], bool]] = {
    **{(who, "kill"): _kill for who in ("door", "worker", "timetable")},
    **{(who, "freeze"): _freeze for who in ("door", "worker", "timetable")},
    ("rendering", "kill"): _kill_rendering,
    ("rendering", "freeze"): _freeze_rendering,
    **{(who, "kill"): _kill_server for who in ("broker", "database", "bucket")},
    ("broker", "freeze"): _lasting(lambda world: world.ground.frozen("broker")),
    ("broker", "gone"): _lasting(lambda world: world.ground.gone("broker")),
    ("broker", "flush"): _once_it_can(_flush),
    ("database", "freeze"): _lasting(lambda world: world.ground.frozen("database")),
    ("database", "gone"): _lasting(lambda world: world.ground.gone("database")),
    ("database", "restart"): _restart,
    ("database", "cut"): _once_it_can(_cut),
    ("bucket", "failing"): _lasting(lambda world: world.bucket.failing()),
    ("bucket", "slow"): _lasting(lambda world: world.bucket.slow(0.5)),
    ("bucket", "cutting"): _lasting(lambda world: world.bucket.cutting()),
}
"""How each entry of the plan's menu is done; true when it found somebody to strike."""
