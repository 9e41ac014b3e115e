"""Keep one server up for as long as anybody uses it, and leave no process behind however its caller ends.

This is a small program of its own, run by path with nothing but the standard library. Its standard input is its
lifeline: the first line carries the orders, "ready" says that the server was seen working, "stop" ends it. When the
lifeline is cut without a "stop" (the caller has left, or was killed) the keeper goes on only while somebody else
holds a share of the users' lock. It knows nothing of databases, brokers or buckets.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from typing import Any

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 2.0
LONG_LIFE_SECONDS = 5.0  # a server that lived this long did not die of how it was started
FOLDER_PATIENCE_SECONDS = 15.0
GUESTS_LOOK_SECONDS = 0.2
LOG_LOOK_SECONDS = 60.0
LOG_LIMIT_BYTES = 16 * 2**20
PR_SET_PDEATHSIG = 1


def main() -> int:
    lifeline = Lifeline()
    orders = json.loads(lifeline.read_first_line() or "null")
    if orders is None:
        return 1  # the caller is gone already
    if _lock(orders["keeper_lock"]) is None:  # held until the kernel ends this process: then nothing is left of it
        _say("another keeper is at work here")
        return 1
    keeper = Keeper(orders, lifeline)
    try:
        return keeper.keep()
    finally:
        keeper.tidy()


class Lifeline:
    """Standard input; the kernel closes its other end when the caller dies."""

    def __init__(self) -> None:
        self.is_cut = False
        self._unread = b""

    def read_first_line(self) -> bytes:
        while b"\n" not in self._unread and not self.is_cut:
            self._read()
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def read_words(self) -> list[bytes]:
        self._read()
        *words, self._unread = self._unread.split(b"\n")
        return words

    def _read(self) -> None:
        chunk = os.read(0, 65536)
        self.is_cut = not chunk
        self._unread += chunk


class Keeper:
    def __init__(self, orders: dict[str, Any], lifeline: Lifeline) -> None:
        self._orders = orders
        self._lifeline = lifeline
        self._server: subprocess.Popen[bytes] | None = None
        self._users: int | None = None
        self._was_ready = False
        self._told_to_stop = False
        self._starts = 0
        self._wake = self._listen_to_signals()

    def keep(self) -> int:
        pause_seconds = FIRST_PAUSE_SECONDS
        while not self._is_over():
            started_at = time.monotonic()
            self._serve()
            if self._is_over():
                break
            if not self._was_ready:
                return 1  # it never worked: the caller reads the log and decides
            lived_long = time.monotonic() - started_at > LONG_LIFE_SECONDS
            pause_seconds = FIRST_PAUSE_SECONDS if lived_long else min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
            self._pause(pause_seconds)
        self._stop()
        return 0

    def tidy(self) -> None:
        self._note(None)
        for path in self._orders["leftovers"]:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                os.unlink(path)  # noqa: PTH108 - pathlib costs start time

    def _listen_to_signals(self) -> int:
        """Signals wake the keeper through a pipe; handlers, unlike "ignore", are not inherited by the server."""
        wake, waker = os.pipe()
        os.set_blocking(wake, False)
        os.set_blocking(waker, False)
        signal.set_wakeup_fd(waker)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_told_to_stop", True))
        return wake

    def _is_over(self) -> bool:
        """True once told to stop, or once the caller is gone and nobody else uses the server; never false again."""
        if not self._told_to_stop and self._lifeline.is_cut:
            self._users = self._users or _try_lock(self._orders["users_lock"])
            self._told_to_stop = self._users is not None
        return self._told_to_stop

    def _serve(self) -> None:
        """Start the server and stay until it is gone or all is over."""
        if (folder := self._claim_folder()) is None:
            return
        try:
            self._server = self._start(folder)
        except OSError as error:
            _say(f"cannot start {self._orders['command'][0]}: {error}")
            return
        finally:
            os.close(folder)  # from here on the server alone holds its folder, and all its children do
        self._starts += 1
        self._note(self._server.pid)
        while self._server.poll() is None and not self._is_over():
            self._listen(LOG_LOOK_SECONDS)
            _bound_log()
        if self._server.returncode is not None:
            self._mourn(self._server)

    def _claim_folder(self) -> int | None:
        """Lock the server's folder, waiting for what is left of an earlier server; None if it stays taken."""
        until = time.monotonic() + FOLDER_PATIENCE_SECONDS
        while not self._is_over():
            if (folder := _try_lock(self._orders["folder_lock"])) is not None:
                return folder
            if time.monotonic() > until:
                _say(f"another server still uses {os.path.dirname(self._orders['folder_lock'])}")  # noqa: PTH120 - pathlib costs start time
                return None
            self._listen(0.05)
        return None

    def _start(self, folder: int) -> subprocess.Popen[bytes]:
        user = self._orders["user"]
        return subprocess.Popen(
            self._orders["command"],
            cwd=self._orders["cwd"],
            env=self._orders["environment"],
            stdin=subprocess.DEVNULL,
            pass_fds=(folder,),
            start_new_session=True,
            user=user and user[0],
            group=user and user[1],
            extra_groups=[] if user else None,
            preexec_fn=_tie_to_parent(self._orders["stop"][0][0]),  # noqa: PLW1509 - this program has one thread
        )

    def _mourn(self, server: subprocess.Popen[bytes]) -> None:
        self._note(None)
        _say(f"server {server.pid} ended with {server.returncode}")
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(server.pid, signal.SIGKILL)

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._is_over() and (left := until - time.monotonic()) > 0:
            self._listen(left)

    def _listen(self, seconds: float) -> None:
        """Wait for a word from the caller, a signal, or so many seconds."""
        cut = self._lifeline.is_cut
        heard, _, _ = select.select(
            [self._wake] if cut else [0, self._wake], [], [], min(seconds, GUESTS_LOOK_SECONDS) if cut else seconds
        )
        if self._wake in heard:
            os.read(self._wake, 512)
        if 0 in heard:
            words = self._lifeline.read_words()
            self._told_to_stop |= b"stop" in words
            if b"ready" in words:
                self._was_ready = True
                self._note(self._server.pid if self._server and self._server.returncode is None else None)

    def _stop(self) -> None:
        if self._server is None or self._server.returncode is not None:
            return
        self._note(None)
        for number, patience_seconds in self._orders["stop"]:
            self._server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._server.wait(patience_seconds)
                break
        else:
            self._server.kill()
            self._server.wait()
        self._mourn(self._server)

    def _note(self, pid: int | None) -> None:
        """Leave word of the server in the status file, whole or not at all."""
        note = {"pid": pid, "ready": self._was_ready, "starts": self._starts, "changed_at": time.time()}
        draft = self._orders["status"] + ".new"
        with contextlib.suppress(OSError):  # a full disk must not take the keeper away from its server
            with open(draft, "w", encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs start time
                json.dump(note, file)
            os.replace(draft, self._orders["status"])  # noqa: PTH105 - pathlib costs start time


def _lock(path: str) -> int | None:
    """The locked file, past those who only look whether it is locked and hold a share for that moment."""
    until = time.monotonic() + FOLDER_PATIENCE_SECONDS
    while (file := _try_lock(path)) is None and time.monotonic() < until:
        time.sleep(0.01)
    return file


def _try_lock(path: str) -> int | None:
    """The locked file, or None while somebody else holds it; the kernel lets go of it when its holders die."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


def _tie_to_parent(death_signal: int) -> Any:  # noqa: ANN401 - a callable without a type the standard library names
    """What the child does between fork and exec: have the kernel end it when the keeper dies (Linux only).

    The kernel forgets the wish at a change of user, so this runs after it, and loads nothing.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)
    keeper = os.getpid()

    def tie() -> None:
        libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != keeper:
            os._exit(1)

    return tie


def _bound_log() -> None:
    """Empty the log once it is too long; it is open for appending, so its writers go on at its start."""
    with contextlib.suppress(OSError):
        if os.fstat(2).st_size > LOG_LIMIT_BYTES:
            os.ftruncate(2, 0)


def _say(words: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"keeper: {words}\n".encode())


if __name__ == "__main__":
    sys.exit(main())
