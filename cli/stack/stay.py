"""One caller's stay at one part: it starts the server or joins its users, and the last to leave has it stopped.

The share of the users' lock is what keeps a server up. Whoever starts one also holds its keeper's lifeline.
"""

import subprocess
import threading
import time
from pathlib import Path

from cli.stack import book, locks
from cli.stack.desk import Desk
from cli.stack.parts import Part
from jobs.errors import WrongSetting

START_PATIENCE_SECONDS = 90.0  # recovery after a crash may take its time
STOP_PATIENCE_SECONDS = 20.0
LOOK_SECONDS = 0.02
ATTEMPTS = 5


class Stay:
    """Begun and waited for while the caller holds `stack.lock`, so that nobody else starts servers meanwhile."""

    def __init__(self, part: Part, data: Path) -> None:
        self.part = part
        self.started = False
        self._data = data
        self.desk = Desk(data, part.name)
        self._keeper: subprocess.Popen[bytes] | None = None
        self._attempts = 0
        self._is_last = False
        self._users = locks.shared(
            self.desk.users_lock,
            patience_seconds=STOP_PATIENCE_SECONDS,
            otherwise=f"The {part.name} in {data} has been stopping for a long time: look for its process and end it.",
        )

    @property
    def page(self) -> book.Page:
        return book.read(self._data)[self.part.name]

    def begin(self) -> None:
        if not self.desk.is_kept():
            self._launch()

    def wait_until_ready(self) -> None:
        until = time.monotonic() + START_PATIENCE_SECONDS
        page = self.page
        while not ((pid := self.desk.server_pid()) and self.part.answers(self._data, page, pid)):
            if not self.desk.is_kept() and self._keeper_is_gone():
                self._launch_again()
                page = self.page
            elif time.monotonic() > until:
                raise self._failure(f"is not ready after {START_PATIENCE_SECONDS:.0f} seconds")
            time.sleep(LOOK_SECONDS)
        self._tell("ready")

    def ask_to_stop(self) -> None:
        """Leave; if nobody else is here, ask for the end. The lock, held alone now, keeps newcomers waiting for it."""
        self._is_last = self._users.own()
        if self._is_last:
            self._tell("stop")
        self._let_go()

    def leave(self) -> None:
        try:
            if self._keeper and self._is_last:
                self._see_off(self._keeper)
            elif self._keeper:
                threading.Thread(target=self._keeper.wait, daemon=True).start()
        finally:
            self._users.release()
        if self._is_last:
            self._wait_until_empty()

    def _launch(self) -> None:
        page = book.read(self._data).get(self.part.name, {})
        self.part.settle(self._data, page)
        book.write(self._data, self.part.name, page)
        orders = self.part.prepare(self._data, page)
        self._keeper = self.desk.start_keeper(orders)
        self.started = True
        self._attempts += 1

    def _launch_again(self) -> None:
        """A guest's host may have died as it started the server, and a free port may be taken before it is bound."""
        if self._keeper is not None:
            self._let_go()
            if not self.desk.lost_its_port() or self._attempts >= ATTEMPTS:
                raise self._failure("ended as it started")
        self._launch()

    def _keeper_is_gone(self) -> bool:
        return self._keeper is None or self._keeper.poll() is not None

    def _tell(self, word: str) -> None:
        if self._keeper and self._keeper.stdin and not self._keeper.stdin.closed:
            try:
                self._keeper.stdin.write(f"{word}\n".encode())
                self._keeper.stdin.flush()
            except BrokenPipeError:
                return  # it is gone, which its exit says better

    def _let_go(self) -> None:
        if self._keeper and self._keeper.stdin:
            try:
                self._keeper.stdin.close()
            except BrokenPipeError:
                return

    def _see_off(self, keeper: subprocess.Popen[bytes]) -> None:
        try:
            keeper.wait(STOP_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            keeper.kill()  # and its server dies with it
            keeper.wait()

    def _wait_until_empty(self) -> None:
        until = time.monotonic() + STOP_PATIENCE_SECONDS
        while self.desk.is_kept() and time.monotonic() < until:
            time.sleep(LOOK_SECONDS)

    def _failure(self, what: str) -> WrongSetting:
        return WrongSetting(
            f"The embedded {self.part.name} {what}. Its last words, in {self.desk.log}: {self.desk.last_words()}. "
            f"Mend what they say, or set {self.part.setting} to one of your own."
        )
