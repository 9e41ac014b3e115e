"""Measures how fast a video is carried from the upstream into the bucket, against a bare download piped into boto3.

`python benchmarks/cloud_transfer.py`; both legs read the same file from the same server into the same bucket, in turns,
each in a process of its own, whose peak memory is told. It ends with 3 if a goal is missed.
"""

import argparse
import io
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, Final, cast

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import verdict  # noqa: E402 - found once the root is on the path

RATIO_GOAL: Final = 0.7
MEMORY_GOAL_MB: Final = 100.0
OURS, BARE = "workers.engines.cloud.transfer", "httpx piped into upload_fileobj"
KEY: Final = "bench/video.mp4"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the way of a video into the bucket.")
    parser.add_argument("--megabytes", type=int, default=2000, help="length of the video")
    parser.add_argument("--rounds", type=int, default=2, help="how often each is measured, in turns")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--leg", nargs=2, metavar=("NAME", "URL"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.megabytes * 10**6)
    if arguments.leg:
        name, url = arguments.leg
        print(json.dumps(measure(name, url)))
        return 0
    with tempfile.TemporaryDirectory(prefix="duologue-") as folder:
        Path(folder).chmod(0o755)
        return compare(Path(folder), arguments.megabytes, arguments.rounds)


def compare(folder: Path, megabytes: int, rounds: int) -> int:
    """Measure both in turns, print the table; 0 if the goals are reached."""
    from cli import stack

    with stack.running(folder / "data", parts={"bucket"}) as running, upstream(megabytes) as url:
        os.environ |= running.environment
        from jobs import storage

        storage.make_bucket()
        found: dict[str, list[dict[str, float]]] = {OURS: [], BARE: []}
        for name in [BARE, OURS] * rounds:
            command = [sys.executable, __file__, "--leg", name, url]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found[name].append(json.loads(said))
            assert storage.size(KEY) == megabytes * 10**6
            storage.remove([KEY])
    return report(megabytes, found)


def report(megabytes: int, found: dict[str, list[dict[str, float]]]) -> int:
    speeds = {name: [megabytes / one["seconds"] for one in legs] for name, legs in found.items()}
    memory = {name: max(one["peak_mb"] for one in legs) for name, legs in found.items()}
    for name, each in speeds.items():
        print(f"{name:32} {statistics.median(each):6.0f} MB/s  ({min(each):.0f} to {max(each):.0f})", end="  ")
        started = max(one["started_mb"] for one in found[name])
        print(f"peak memory {memory[name]:.0f} MB, {started:.0f} MB of it before the first byte")
    ratio = statistics.median(ours / bare for ours, bare in zip(speeds[OURS], speeds[BARE], strict=True))
    print(f"{'ratio, median of the turns':32} {ratio:6.2f}       (goal: at least {RATIO_GOAL})")
    print(f"{'memory':32} {memory[OURS]:6.0f} MB    (goal: under {MEMORY_GOAL_MB:.0f} MB for {megabytes} MB of video)")
    return verdict(is_missed=ratio < RATIO_GOAL or memory[OURS] >= MEMORY_GOAL_MB)


def measure(name: str, url: str) -> dict[str, float]:
    """Carry `url` once; the clock runs from the first connection on."""
    import httpx

    from jobs import storage

    client = storage._connect(os.environ["DUOLOGUE_S3_ENDPOINT_URL"])  # noqa: SLF001 - the same client for both
    bucket = storage._bucket()  # noqa: SLF001 - as above
    with httpx.Client() as source:
        started_mb, began = peak_mb(), time.perf_counter()
        if name == OURS:
            from jobs import parts
            from workers.engines.cloud import transfer

            with parts.writing(client, bucket, KEY, "video/mp4") as sink:
                transfer.carry(source, url, sink)
        else:
            with source.stream("GET", url) as answer:
                client.upload_fileobj(cast("IO[bytes]", Pipe(answer.iter_bytes())), bucket, KEY)
        return {"seconds": time.perf_counter() - began, "started_mb": started_mb, "peak_mb": peak_mb()}


class Pipe(io.RawIOBase):
    """What one writes in a minute to hand a download to a function that wants a file."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        held = len(self._rest)
        while (size < 0 or held < size) and (piece := next(self._pieces, b"")):
            found.append(piece)
            held += len(piece)
        whole = b"".join(found)
        self._rest = b"" if size < 0 else whole[size:]
        return whole if size < 0 else whole[:size]


def peak_mb() -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 10**6


@contextmanager
def upstream(megabytes: int) -> Iterator[str]:
    """The URL of a video of that length, served by a process of its own."""
    command = [sys.executable, __file__, "--serve", "--megabytes", str(megabytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def serve(size_bytes: int) -> int:
    """Serve one film until told to end."""
    from cli.fake_wavespeed import films

    film = films.shoot(5, "bench", size_bytes)

    class Reader(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(film.size_bytes))
            self.end_headers()
            for piece in film.pieces(0, film.size_bytes):
                self.wfile.write(piece)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the library's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Reader) as server:
        print(f"http://127.0.0.1:{server.server_port}/video.mp4", flush=True)
        server.serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
