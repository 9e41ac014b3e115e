"""The public HTTP API as any client sees it; the desk's own commands have no other way to jobs."""

import hashlib
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from cli.failure import Failure

Json = dict[str, Any]

_PATIENCE = httpx.Timeout(30, connect=5)
_PAUSE_SECONDS = 1.0
_FIND_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_PERHAPS_TAKEN = "It may have been taken all the same: look with `duologue jobs` before you send it again."
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class NoAnswer(Failure):
    """Nobody answers, or whoever does cannot for the moment; asking again may help."""


class NobodyThere(NoAnswer):
    """Nobody was reached, so that nothing was sent either."""


class Refused(Failure):
    """Somebody understood and said no; `status` is HTTP's."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


class Api:
    """One base URL and one key, which `key_place` told us. Every method raises NoAnswer or Refused, with a sentence."""

    def __init__(self, base_url: str, key: str, key_place: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.identity = hashlib.sha256(f"{self.base_url} {key}".encode()).hexdigest()
        """Tells this API with this key from all others, and neither of them to anybody."""
        self._key_place = key_place
        # Between us and ourselves a proxy has no business.
        is_remote = urlsplit(self.base_url).hostname not in LOOPBACK
        self._api = httpx.Client(
            base_url=self.base_url, headers={"Authorization": f"Bearer {key}"}, timeout=_PATIENCE, trust_env=is_remote
        )
        # A link into the bucket carries its own right; the key is not for the bucket's eyes.
        self._bucket = httpx.Client(timeout=_PATIENCE, trust_env=is_remote, follow_redirects=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _at: TracebackType | None
    ) -> None:
        self._api.close()
        self._bucket.close()

    def submit(self, order: Mapping[str, object], *, name: str | None = None) -> Json:
        """Hand in a job: what POST /v1/jobs takes. The job as it was accepted."""
        return self.order("/v1/jobs", dict(order), name=name)

    def job(self, job_id: str) -> Json:
        return self.ask("GET", f"/v1/jobs/{job_id}")

    def cancel(self, job_id: str) -> Json:
        """Have a job stopped; it may run on for a moment."""
        return self.ask("POST", f"/v1/jobs/{job_id}/cancel")

    def rerun(self, job_id: str) -> Json:
        """Order a finished job once more; the new job."""
        return self.order(f"/v1/jobs/{job_id}/rerun")

    def order(self, path: str, body: Json | None = None, *, name: str | None = None) -> Json:
        """POST what makes jobs, again and again for a minute while no answer comes: under its name it is taken once.

        The name is drawn unless it is given. Raises NoAnswer, with a warning when nobody knows what became of it.
        """
        headers = {"Idempotency-Key": name or uuid.uuid4().hex}
        begun_at, was_sent = time.monotonic(), False
        while True:
            try:
                return self.ask("POST", path, json=body, headers=headers)
            except NoAnswer as error:
                was_sent |= not isinstance(error, NobodyThere)
                if time.monotonic() - begun_at > (_ANSWER_SECONDS if was_sent else _FIND_SECONDS):
                    raise NoAnswer(f"{error} {_PERHAPS_TAKEN}") if was_sent and not name else error from None
            time.sleep(_PAUSE_SECONDS)

    def jobs(self, filters: Mapping[str, object]) -> Json:
        """One page of jobs, newest first; filters that are None do not matter."""
        return self.ask("GET", "/v1/jobs", params={name: value for name, value in filters.items() if value is not None})

    def upload(self, path: Path) -> str:
        """Put a local file where workers can read it, by ticket as every client does; the link to it."""
        size = path.stat().st_size
        ticket = self.ask("POST", "/api/v3/media/uploads", json={"filename": path.name, "size": size})["data"]
        slot = ticket["upload"]
        headers = slot["headers"] | {"Content-Length": str(size)}
        with path.open("rb") as file, _answered(slot["url"]):
            reply = self._bucket.request(slot["method"], slot["url"], headers=headers, content=file)
        if not reply.is_success:
            raise Refused(f"The bucket would not take {path.name}: HTTP {reply.status_code}.", reply.status_code)
        link: str = ticket["download_url"]
        return link

    def save(self, link: str, path: Path) -> None:
        """Stream what a link leads to into a file, which is there whole or not at all."""
        draft = path.with_name(f".{path.name}.part")
        with _writable(path, link):
            self._save(link, draft, path)

    def _save(self, link: str, draft: Path, path: Path) -> None:
        try:
            with _answered(link), self._bucket.stream("GET", link) as reply, draft.open("wb") as file:
                if not reply.is_success:
                    raise Refused(f"The bucket would not give the video: HTTP {reply.status_code}.", reply.status_code)
                for chunk in reply.iter_bytes(2**18):
                    file.write(chunk)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)

    def ask(self, method: str, path: str, **what: Any) -> Json:  # noqa: ANN401 - httpx's own arguments
        """What any path of the API answers; nothing where it answers nothing."""
        with _answered(self.base_url, hint=" Start it with `duologue up`, or set DUOLOGUE_API_URL."):
            reply = self._api.request(method, path, **what)
        if not reply.is_success:
            raise self._refusal(reply)
        answer: Json = reply.json() if reply.content else {}
        return answer

    @contextmanager
    def stream(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on and on; a minute of silence, or no room for one more, is no answer."""
        patience = httpx.Timeout(60, connect=5)
        with (
            _answered(self.base_url, hint=" Start it with `duologue up`, or set DUOLOGUE_API_URL."),
            self._api.stream(method, path, headers=dict(headers), timeout=patience) as reply,
        ):
            if not reply.is_success:
                reply.read()
                if reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
                    raise NoAnswer(_sentence(reply))
                raise self._refusal(reply)
            yield reply.iter_lines()

    def _refusal(self, reply: httpx.Response) -> Failure:
        sentence = _sentence(reply)
        if reply.is_server_error:
            return NoAnswer(f"The API cannot answer for the moment: {sentence}")
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            sentence += f" The one tried is from {self._key_place}."
        return Refused(sentence, reply.status_code)


@contextmanager
def _writable(path: Path, link: str) -> Iterator[None]:
    """Say where the video still is when it cannot be written here."""
    try:
        yield
    except OSError as error:
        raise Failure(f"{path} cannot be written ({error.strerror}); the video is at {link}") from None


@contextmanager
def _answered(url: str, hint: str = "") -> Iterator[None]:
    parts = urlsplit(url)
    where = f"{parts.scheme}://{parts.netloc}"  # of a signed link, nothing but this is said aloud
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout):
        raise NobodyThere(f"Nothing answers at {where}.{hint}") from None
    except httpx.TransportError as error:
        raise NoAnswer(f"{where} broke off ({type(error).__name__}); it may answer in a moment.") from None


def _sentence(reply: httpx.Response) -> str:
    """The API's own words in either of its faces; for a stranger's reply, its status."""
    try:
        answer = reply.json()
    except ValueError:
        answer = None
    error = answer.get("error") if isinstance(answer, dict) else None
    if isinstance(error, dict) and "message" in error:
        return str(error["message"])
    if isinstance(answer, dict) and "message" in answer:
        return str(answer["message"])
    return f"{reply.request.method} {reply.request.url.path} was answered with HTTP {reply.status_code}."
