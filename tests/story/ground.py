"""Embedded servers that may be harmed: a stack of one's own, each server killed, frozen or kept down at will."""

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from sqlalchemy import text

from cli import stack
from cli.stack.desk import Desk
from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.settings import PREFIX
from tests.servers import chosen
from tests.servers.server import Server
from tests.story import kin
from tests.story.house import wait_for

Part = Literal["database", "broker", "bucket"]
BACK_SECONDS = 120.0


@dataclass(frozen=True)
class Ground:
    """What a house stands on: its servers' settings, and the folder that tells where they run."""

    environment: dict[str, str]
    data: Path
    broker: Server | None = None
    """Where it is not an embedded one."""

    def server(self, part: Part) -> int:
        """The server's pid, once it is up; its keeper may not know yet that the one before it has ended."""
        if part == "broker" and self.broker:
            return self.broker.pid
        found: list[int] = []

        def is_up() -> bool:
            pid = Desk(self.data, part).server_pid()
            found[:] = [pid] if pid is not None and kin.is_alive(pid) else []
            return bool(found)

        wait_for(is_up, f"the {part} is up", BACK_SECONDS)
        return found[0]

    def kill(self, part: Part) -> None:
        """SIGKILL; its keeper starts it again at once."""
        kin.send([self.server(part)], signal.SIGKILL)

    def restart_database(self) -> None:
        """A fast restart: every connection is cut, every open transaction rolled back; its keeper starts it anew."""
        server = self.server("database")
        kin.send([server], signal.SIGINT)
        wait_for(lambda: not kin.is_alive(server), "the database went down", BACK_SECONDS)

    @contextmanager
    def frozen(self, part: Part) -> Iterator[None]:
        """Connections stand and nobody answers."""
        with kin.frozen(kin.family(self.server(part))):
            yield

    @contextmanager
    def gone(self, part: Part) -> Iterator[None]:
        """Killed, and not started again meanwhile."""
        if part == "broker" and self.broker:
            self.broker.kill()
            yield
            self.broker.start()
            return
        while True:
            server = self.server(part)
            if (keeper := kin.parent(server)) is None:
                continue
            with kin.frozen([keeper]):
                if not kin.is_alive(server):
                    continue  # it ended before its keeper stood still: there is another by now, or will be
                whole = kin.family(server)
                kin.send([server], signal.SIGKILL)
                wait_for(lambda: not any(map(kin.is_alive, whole)), f"the {part} is gone")  # noqa: B023 - awaited here
                yield
                return


def is_reachable() -> bool:
    """Whether the database of this process's settings answers."""
    try:
        with transaction() as session:
            session.execute(text("SELECT 1"))
    except Unavailable:
        return False
    return True


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """A whole stack in `folder`, whatever others run and whatever settings lead to theirs."""
    with contextlib.ExitStack() as open_servers:
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(PREFIX)]:
                patch.delenv(name)  # they would replace ours
            running = open_servers.enter_context(stack.running(folder))
        beside = open_servers.enter_context(chosen.running(running.environment))
        yield Ground(running.environment | beside.settings, folder, beside.broker)
