"""Fetches the videos of a batch, several at once; what was broken off goes on where it ended."""

import hashlib
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from cli import progress
from cli.client import LOOPBACK, Api, Json, NoAnswer
from cli.failure import Failure
from cli.screen import err

_PATIENCE = httpx.Timeout(60, connect=5)
_PAGE = 500
_PIECE_BYTES = 2**18
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_MAX_LETTERS = 100
_PAUSES_SECONDS = (0.5, 2.0)


@dataclass
class Fetched:
    """What became of the videos: those that came, those that were there already, and what kept the others back."""

    fetched: int = 0
    present: int = 0
    failures: list[Failure] = field(default_factory=list)


def fetch(api: Api, batch_id: str, folder: Path, parallel: int) -> Fetched:
    """Save every video that is there into `folder`; one that cannot be had keeps no other back.

    Raises Failure where the folder cannot be used.
    """
    found = Fetched()
    is_remote = urlsplit(api.base_url).hostname not in LOOPBACK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with httpx.Client(timeout=_PATIENCE, trust_env=is_remote, follow_redirects=True) as bucket:
            for page in _pages(api, batch_id):
                missing = [job for job in page if not _is_there(folder / name_of(job), job["output"])]
                failures = _fetch_page(bucket, missing, folder, parallel)
                found.present += len(page) - len(missing)
                found.fetched += len(missing) - len(failures)
                found.failures += failures
    except OSError as error:
        place = error.filename or folder
        advice = "make room or name another folder with --to, and run it again to go on"
        raise Failure(f"{place} cannot be written ({error.strerror or error}): {advice}.") from None
    return found


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


def _fetch_page(bucket: httpx.Client, jobs: list[Json], folder: Path, parallel: int) -> list[Failure]:
    """Save these videos; why some of them could not be had. Whatever else goes wrong ends all of it."""
    if not jobs:
        return []
    failures: list[Failure] = []
    with ThreadPoolExecutor(parallel) as pool, progress.shown(err, "fetching") as report:
        asked = [pool.submit(_save, bucket, job["output"], folder / name_of(job)) for job in jobs]
        try:
            for number, done in enumerate(as_completed(asked), 1):
                error = done.exception()
                if isinstance(error, Failure):
                    failures.append(error)
                elif error is not None:
                    raise error
                report("fetching", number / len(jobs))
        finally:
            pool.shutdown(cancel_futures=True)
    return failures


def _save(bucket: httpx.Client, output: Json, path: Path) -> None:
    """The whole file, or what came of it so far, under another name; asked for again where that may help."""
    draft = path.with_name(f".{path.name}.part")
    for pause in _PAUSES_SECONDS:
        try:
            return _save_once(bucket, output, draft, path)
        except NoAnswer:
            time.sleep(pause)
    return _save_once(bucket, output, draft, path)


def _save_once(bucket: httpx.Client, output: Json, draft: Path, path: Path) -> None:
    try:
        _go_on(bucket, output, draft, path)
    except httpx.TransportError as error:
        raise NoAnswer(f"{path.name} broke off ({type(error).__name__}).") from None
    _check(draft, output, path)
    draft.replace(path)


def _go_on(bucket: httpx.Client, output: Json, draft: Path, path: Path) -> None:
    begun = draft.stat().st_size if draft.exists() else 0
    if begun >= output["bytes"]:
        return
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    with bucket.stream("GET", output["link"], headers=headers) as reply:
        if not reply.is_success:
            may_come = reply.is_server_error or reply.status_code == httpx.codes.TOO_MANY_REQUESTS
            refusal = NoAnswer if may_come else Failure
            raise refusal(f"The bucket would not give {path.name}: HTTP {reply.status_code}.")
        goes_on = reply.status_code == httpx.codes.PARTIAL_CONTENT
        with draft.open("ab" if goes_on else "wb") as file:
            for piece in reply.iter_bytes(_PIECE_BYTES):
                file.write(piece)


def _check(draft: Path, output: Json, path: Path) -> None:
    """Raises Failure; a draft that is not what was promised is thrown away, one that is too short goes on next time."""
    size = draft.stat().st_size if draft.exists() else 0
    if size < output["bytes"]:
        raise NoAnswer(f"{path.name} broke off after {size} of {output['bytes']} bytes.")
    with draft.open("rb") as file:
        is_good = hashlib.file_digest(file, "sha256").hexdigest() == output["sha256"]
    if not is_good:
        draft.unlink()
        raise Failure(f"{path.name} is not what it should be; it is thrown away.")
