"""Runs what docker-compose.yml says, word for word, as processes of this machine: tests run without an engine.

Only what a container brings is put in its place: folders for its mounts, an address for its port, and, where we may, a
host name of its own.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.deploy import compose, images
from tests.free_ports import free_port
from tests.house import tree
from tests.story.house import PATIENCE_SECONDS

SECRETS = ("database_url", "broker_url", "s3_access_key_id", "s3_secret_access_key")
PORTS = ("8000", "9464")
NO_HEALTH = {"test": ["CMD", "true"]}
HAVE_NAMES = os.geteuid() == 0 and shutil.which("unshare") is not None
"""Whether a process may be given a host name of its own, as every container has."""


@dataclass
class Container:
    """One container of a service: its process, once it is started."""

    name: str
    service: str
    command: list[str]
    health: list[str]
    environment: dict[str, str]
    log: Path
    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._named(self.command), cwd="/", env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What `docker compose exec` would run in it; without words, what it runs itself."""
        words = self._named(list(command) or self.command)
        return subprocess.run(
            words, cwd="/", env=self.environment, check=False, capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )

    def is_well(self) -> bool:
        """What its health check says."""
        return self.run(*self.health).returncode == 0

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(PATIENCE_SECONDS)

    def _named(self, command: list[str]) -> list[str]:
        """The same command under a host name of its own."""
        if not HAVE_NAMES:
            return command
        return ["unshare", "--uts", "sh", "-c", 'echo "$0" >/proc/sys/kernel/hostname; exec "$@"', self.name, *command]


@dataclass
class Composed:
    """A deployment in one folder, against servers that are there."""

    folder: Path
    env_file: dict[str, str]
    started: list[Container] = field(default_factory=list)

    def container(self, service: str, number: int = 1) -> Container:
        """One of a service's containers, not started yet."""
        name = f"{service}-{number}"
        scratch = self.folder / name
        scratch.mkdir(exist_ok=True)
        ports = {port: free_port() for port in PORTS}
        in_place = {
            "/run/secrets": str(self.folder / "secrets"),
            "/opt/duologue/": f"{tree.ROOT / 'deploy'}/",
            "/scratch": str(scratch),
            "0.0.0.0": "127.0.0.1",  # noqa: S104 - what is put aside, not what is listened on
        }
        told = compose.resolved(**self.env_file)[service]
        found = Container(
            name=name,
            service=service,
            command=[_at(ports, _put(word, in_place)) for word in told["command"] or images.command()],
            health=[_at(ports, _put(word, in_place)) for word in told.get("healthcheck", NO_HEALTH)["test"][1:]],
            environment=self._environment(
                {name: _at(ports, word) for name, word in told["environment"].items()}, in_place
            ),
            log=self.folder / f"{name}.log",
            port=ports[PORTS[0]],
        )
        self.started.append(found)
        return found

    def _environment(self, told: Mapping[str, str], in_place: Mapping[str, str]) -> dict[str, str]:
        """What the image sets, then .env, then the service, as Compose has it; and our Python for the image's."""
        own = {name: _put(value, in_place) for name, value in told.items()}
        of_image = {name: _put(value, in_place) for name, value in images.environment().items() if name != "PATH"}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        return {"PATH": path, "PYTHONPATH": str(tree.ROOT)} | of_image | self.env_file | own

    def close(self) -> None:
        for one in self.started:
            if one.is_running():
                one.kill()


@contextmanager
def composed(folder: Path, servers: Mapping[str, str], **env_file: str) -> Iterator[Composed]:
    """A deployment whose secrets lead to `servers`, written before deploy/secrets.sh makes the others."""
    secrets = folder / "secrets"
    secrets.mkdir()
    for name in SECRETS:
        (secrets / name).write_text(servers[f"DUOLOGUE_{name.upper()}"] + "\n")
    subprocess.run(["sh", tree.ROOT / "deploy/secrets.sh", secrets], check=True)
    bucket = servers["DUOLOGUE_S3_ENDPOINT_URL"]
    of_bucket = {"DUOLOGUE_S3_ENDPOINT_URL": bucket, "DUOLOGUE_S3_PUBLIC_URL": bucket}
    built = Composed(folder, of_bucket | {"DUOLOGUE_S3_BUCKET": servers["DUOLOGUE_S3_BUCKET"]} | env_file)
    try:
        yield built
    finally:
        built.close()


def _put(word: str, in_place: Mapping[str, str]) -> str:
    for there, here in in_place.items():
        word = word.replace(there, here)
    return word


def _at(ports: Mapping[str, int], word: str) -> str:
    """The ports of the front door are its container's alone; here several share a machine."""
    return re.sub(rf"(?<!\d)({'|'.join(PORTS)})(?!\d)", lambda found: str(ports[found[1]]), word)
