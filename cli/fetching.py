"""Fetches the videos of a batch, several at once; what was broken off goes on where it ended."""

import hashlib
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from cli import progress
from cli.client import LOOPBACK, Api, Json
from cli.failure import Failure
from cli.screen import err

_PATIENCE = httpx.Timeout(60, connect=5)
_PAGE = 500
_PIECE_BYTES = 2**18
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_MAX_LETTERS = 100
_TRIES = 3


def fetch(api: Api, batch_id: str, folder: Path, parallel: int) -> tuple[int, int]:
    """Save every video that is there into `folder`; how many were fetched, and how many were there already.

    Raises Failure, naming the first that could not be had, after all others are saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    is_remote = urlsplit(api.base_url).hostname not in LOOPBACK
    with httpx.Client(timeout=_PATIENCE, trust_env=is_remote, follow_redirects=True) as bucket:
        fetched = present = 0
        for page in _pages(api, batch_id):
            missing = [job for job in page if not _is_there(folder / name_of(job), job["output"])]
            present += len(page) - len(missing)
            _fetch_page(bucket, missing, folder, parallel)
            fetched += len(missing)
    return fetched, present


def name_of(job: Json) -> str:
    """A file's name that says which line it is, whatever the line calls itself."""
    safe = _UNSAFE.sub("_", job["custom_id"])[:_NAME_MAX_LETTERS].strip("._") or "line"
    return f"{job['line']:05d}-{safe}.mp4"


def _pages(api: Api, batch_id: str) -> Iterator[list[Json]]:
    """Completed jobs, a page at a time: links are fresh when they are used."""
    after_line: int | None = 0
    while after_line is not None:
        query = {"status": "completed", "limit": _PAGE, "after_line": after_line}
        page = api.ask("GET", f"/v1/batches/{batch_id}/jobs", params=query)
        yield [job for job in page["jobs"] if job["output"]]
        after_line = page["next_line"]


def _is_there(path: Path, output: Json) -> bool:
    return path.is_file() and path.stat().st_size == output["bytes"]


def _fetch_page(bucket: httpx.Client, jobs: list[Json], folder: Path, parallel: int) -> None:
    if not jobs:
        return
    failures: list[Failure] = []
    with ThreadPoolExecutor(parallel) as pool, progress.shown(err, "fetching") as report:
        asked = [pool.submit(_save, bucket, job["output"], folder / name_of(job)) for job in jobs]
        for number, done in enumerate(as_completed(asked), 1):
            error = done.exception()
            if isinstance(error, Failure):
                failures.append(error)
            elif error is not None:
                raise error
            report("fetching", number / len(jobs))
    if failures:
        raise Failure(f"{failures[0]} {len(failures)} of {len(jobs)} could not be fetched; run it again to go on.")


def _save(bucket: httpx.Client, output: Json, path: Path) -> None:
    """The whole file, or what came of it so far, under another name."""
    draft = path.with_name(f".{path.name}.part")
    for _ in range(_TRIES):
        try:
            _go_on(bucket, output, draft)
        except httpx.TransportError:
            continue
        break
    _check(draft, output, path)
    draft.replace(path)


def _go_on(bucket: httpx.Client, output: Json, draft: Path) -> None:
    begun = draft.stat().st_size if draft.exists() else 0
    if begun >= output["bytes"]:
        return
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    with bucket.stream("GET", output["link"], headers=headers) as reply:
        if not reply.is_success:
            raise Failure(f"The bucket would not give {draft.name[1:-5]}: HTTP {reply.status_code}.")
        goes_on = reply.status_code == httpx.codes.PARTIAL_CONTENT
        with draft.open("ab" if goes_on else "wb") as file:
            for piece in reply.iter_bytes(_PIECE_BYTES):
                file.write(piece)


def _check(draft: Path, output: Json, path: Path) -> None:
    """Raises Failure; a draft that is not what was promised is thrown away, one that is too short goes on next time."""
    size = draft.stat().st_size if draft.exists() else 0
    if size < output["bytes"]:
        raise Failure(f"{path.name} broke off after {size} of {output['bytes']} bytes.")
    with draft.open("rb") as file:
        is_good = hashlib.file_digest(file, "sha256").hexdigest() == output["sha256"]
    if not is_good:
        draft.unlink()
        raise Failure(f"{path.name} is not what it should be; it is thrown away.")
