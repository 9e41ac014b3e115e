"""A server of others for a test: run from where Debian or a wheel put it, killed at will, and gone at the end."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cli.stack import folders
from tests.cli.stack.neighbours import new_home, wait_until

_STOPPING_SECONDS = 60.0


@dataclass
class Server:
    """One program that listens on `port`; as root it runs as the user of the embedded database."""

    command: Sequence[str]
    folder: Path
    port: int
    environment: Mapping[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        user = folders.owner_of(self.folder)
        with (self.folder / "said.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**folders.bare_environment(), "HOME": str(self.folder), **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=user.uid if user else None,
                group=user.gid if user else None,
                extra_groups=[] if user else None,
            )
        wait_until(self._listens, what=f"{self.command[0]} listens")

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(_STOPPING_SECONDS)
            finally:
                self.kill()

    def kill(self) -> None:
        """SIGKILL, with all that it has started."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _listens(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "said.log").read_text(errors="replace")[-4000:]
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Started in this order, and stopped in the other."""
    with ExitStack() as started:
        for server in servers:
            started.callback(server.stop)
            server.start()
        yield


@contextmanager
def folder() -> Iterator[Path]:
    """A folder of its owner's alone, for one server's files."""
    with new_home() as home:
        yield folders.private(home / "server", folders.database_user())


def write(path: Path, text: str) -> None:
    """A file only the server of its folder may read."""
    path.write_text(text)
    path.chmod(0o600)
    if user := folders.owner_of(path.parent):
        os.chown(path, user.uid, user.gid)


def installed(program: str, package: str, *, beside: str = "") -> str:
    """Its path; skips the test where it is not installed, and fails it where everything must be."""
    path = os.pathsep.join([*filter(None, [beside]), os.environ["PATH"], "/usr/sbin"])
    if found := shutil.which(program, path=path):
        return found
    sentence = f"install {package}: `apt-get install {package}` on Debian"
    if os.environ.get("DUOLOGUE_CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)
