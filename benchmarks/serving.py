"""Runs one server for a benchmark, puts the load of a process of its own on it, and reads what it cost the server."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]

_SERVERS: dict[int, subprocess.Popen[bytes]] = {}


@contextmanager
def served(factory: str) -> Iterator[int]:
    """The port of one process that serves the application as `duologue up` does."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    options = ["--factory", "--host", "127.0.0.1", "--port", str(port), "--log-level", "warning", "--no-access-log"]
    server = subprocess.Popen([sys.executable, "-m", "uvicorn", factory, *options], cwd=ROOT)
    try:
        until = time.monotonic() + 120
        while not listens(port):
            assert server.poll() is None, f"{factory} does not start"
            assert time.monotonic() < until, f"{factory} does not come up"
            time.sleep(0.05)
        _SERVERS[port] = server
        yield port
    finally:
        server.terminate()
        server.wait()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident_mb(port: int) -> float:
    """What the process that listens on `port` has in memory."""
    pid = _SERVERS[port].pid
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def measure(port: int, file: Path, seconds: float, rate: float = 0) -> dict[str, float]:
    """What `benchmarks/load.py` found, and `server_us`: the server's processor time for one request, microseconds."""
    command = [sys.executable, str(ROOT / "benchmarks" / "load.py"), str(port), str(file), str(seconds), str(rate)]
    before = processor_seconds(port)
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    spent_seconds = processor_seconds(port) - before
    return found | {"server_us": 1e6 * spent_seconds / (found["per_second"] * seconds)}


def processor_seconds(port: int) -> float:
    """What the process that listens on `port` has had of the processor, in all its threads."""
    after_name = Path(f"/proc/{_SERVERS[port].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
