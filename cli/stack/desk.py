"""Where the users and the keeper of one part leave each other word: locks, a status note, a log."""

import json
import subprocess
import sys
from pathlib import Path

from cli.stack import locks
from cli.stack.parts import Orders

KEEPER = Path(__file__).with_name("keeper.py")


class Desk:
    def __init__(self, data: Path, name: str) -> None:
        self._name = name
        self._data = data
        self.users_lock = data / "run" / f"{name}.users"
        self.keeper_lock = data / "run" / f"{name}.keeper"
        self.status = data / "run" / f"{name}.json"
        self.log = data / "logs" / f"{name}.log"

    def is_kept(self) -> bool:
        return locks.is_held(self.keeper_lock)

    def server_pid(self) -> int | None:
        """The server's pid while its keeper has it up."""
        try:
            note = json.loads(self.status.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return note["pid"] if self.is_kept() else None

    def is_ready(self) -> bool:
        return self.server_pid() is not None and bool(json.loads(self.status.read_text(encoding="utf-8"))["ready"])

    def complaint(self) -> str | None:
        """A sentence if the server is down, with what it said last."""
        if self.server_pid() is not None:
            return None
        if self.is_kept():
            return f"The {self._name} is down and being started again; its last words: {self.last_words()}."
        return f"The {self._name} is gone and nobody starts it again; its last words: {self.last_words()}."

    def start_keeper(self, orders: Orders) -> subprocess.Popen[bytes]:
        self.status.unlink(missing_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.1"))
        self.log.touch(mode=0o600)
        # Isolated and without site-packages it starts in a fifth of the time.
        command = [sys.executable, "-I", "-S", str(KEEPER), self._name, str(self._data)]
        with self.log.open("ab") as log:
            keeper = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=log, stderr=log, cwd="/", start_new_session=True
            )
        assert keeper.stdin is not None  # noqa: S101 - for the type checker: it is a pipe
        keeper.stdin.write(json.dumps(self._first_line(orders)).encode() + b"\n")
        keeper.stdin.flush()
        return keeper

    def last_words(self) -> str:
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " / ".join(line.strip() for line in lines[-4:]) or "none"

    def lost_its_port(self) -> bool:
        log = self.log.read_text(encoding="utf-8", errors="replace").lower()
        return any(sign in log for sign in ("address already in use", "is not available on 127.0.0.1"))

    def _first_line(self, orders: Orders) -> dict[str, object]:
        return {
            "command": orders.command,
            "cwd": str(orders.folder),
            "environment": orders.environment,
            "stop": orders.stop,
            "user": orders.user,
            "leftovers": orders.leftovers,
            "folder_lock": str(orders.folder / "server.lock"),
            "keeper_lock": str(self.keeper_lock),
            "users_lock": str(self.users_lock),
            "status": str(self.status),
        }
