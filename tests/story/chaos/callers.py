"""Callers who ask as the plan says, ask again after a broken answer, and keep a book of what they were told."""

import heapq
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, Protocol

import httpx

from jobs.errors import Unavailable
from tests.factories_media import people_png, voice_wav
from tests.story.chaos.ear import Ear
from tests.story.chaos.payers import Payer
from tests.story.chaos.plan import BATCH_LINES, MAKES_A_JOB, VOICES_SECONDS, Ask
from tests.story.house import House
from tests.story.scene import SOLO, solo

CALLERS = 4
PATIENCE_SECONDS = 600.0
_TIMEOUT_SECONDS = 4.0
_PAUSE_SECONDS = 0.7

_EXPECTED = {
    **{kind: {200, 201} for kind in (*MAKES_A_JOB, "repeat")},
    "other body": {409},
    "refused": {400},
    "cancel": {200, 409},
    "delete": {200},
    "batch": {200, 201},
}
_MAY_BE_GONE = {"rerun", "repeat", "cancel"}


@dataclass
class Book:
    """What the callers were told. `ids` and `batches` hold, by the ask that made it, every id it was given.

    `gone` has the jobs that were not found any more, and when that was said. `perhaps` counts re-runs that may have
    been taken by an answer nobody heard, of jobs that were gone when they were asked for again.
    """

    ids: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    batches: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    gone: list[tuple[str, float]] = field(default_factory=list)
    perhaps: int = 0
    put_off: Counter[str] = field(default_factory=Counter)
    broken_answers: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> set[str]:
        return {job for ids in self.ids.values() for job in ids}


class Script(Protocol):
    """What is asked in a run."""

    @property
    def seed(self) -> int: ...

    @property
    def asks(self) -> Sequence[Ask]: ...


class Place(Protocol):
    """Where it is asked."""

    @property
    def urls(self) -> Sequence[str]: ...

    @property
    def payers(self) -> Sequence[Payer]: ...

    @property
    def house(self) -> House: ...

    @property
    def ear(self) -> Ear: ...


class Stream:
    """All callers of one run: a few threads that share the plan."""

    def __init__(self, world: Place, plan: Script, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.book = Book()
        self._world = world
        self._plan = plan
        self._patience_seconds = patience_seconds
        self._due = sorted((ask.at_seconds, ask.number) for ask in plan.asks)
        self._ends_seconds = self._due[-1][0]
        self._tries: Counter[int] = Counter()
        self._unheard: Counter[int] = Counter()
        self._turn = threading.Lock()
        self._threads = [
            threading.Thread(target=self._go_on, name=f"caller {number}", daemon=True) for number in range(CALLERS)
        ]
        self._inline = {seconds: solo(seconds) for seconds in VOICES_SECONDS}
        self._linked = {
            (payer, seconds): _upload(world, payer, seconds) for payer in world.payers for seconds in VOICES_SECONDS
        }
        self._began_at = time.monotonic()

    def begin(self) -> None:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        with httpx.Client(timeout=_TIMEOUT_SECONDS) as client:
            while (ask := self._next()) is not None:
                if (pause_seconds := self._ask(client, ask)) is not None:
                    self._put_off(ask, pause_seconds)

    def _next(self) -> Ask | None:
        with self._turn:
            if not self._due:
                return None
            at_seconds, number = heapq.heappop(self._due)
        threading.Event().wait(max(0.0, self._began_at + at_seconds - time.monotonic()))
        return self._plan.asks[number]

    def _put_off(self, ask: Ask, pause_seconds: float) -> None:
        now_seconds = time.monotonic() - self._began_at
        with self._turn:
            if now_seconds > self._ends_seconds + self._patience_seconds:
                self.book.given_up.append(f"ask {ask.number}, {ask.kind}")
            else:
                self._tries[ask.number] += 1
                heapq.heappush(self._due, (now_seconds + pause_seconds, ask.number))

    def _ask(self, client: httpx.Client, ask: Ask) -> float | None:
        """Ask once; after how many seconds to ask again, because nobody answered, it is too early or too much."""
        about = min(self.book.ids.get(-1 if ask.of is None else ask.of) or (), default=None)
        if ask.of is not None and about is None:
            return _PAUSE_SECONDS
        try:
            answer = self._post(client, ask, about)
        except httpx.TransportError as error:
            return self._not_heard(ask, type(error).__name__)
        return self._heard(ask, about, answer)

    def _heard(self, ask: Ask, about: str | None, answer: httpx.Response) -> float | None:
        """Do what every caller does on such an answer; after how many seconds to ask again."""
        match answer.status_code:
            case HTTPStatus.SERVICE_UNAVAILABLE if "Retry-After" in answer.headers:
                return self._not_heard(ask, "503 with Retry-After")
            case HTTPStatus.TOO_MANY_REQUESTS if "Retry-After" in answer.headers:
                self.book.put_off["429 with Retry-After"] += 1
                return float(answer.headers["Retry-After"])
            case HTTPStatus.PAYMENT_REQUIRED:
                return self._top_up(self._payer(ask))
            case HTTPStatus.CONFLICT if ask.kind == "rerun":
                return _PAUSE_SECONDS  # the old one is not final yet, or its media are just leaving
            case HTTPStatus.NOT_FOUND if ask.kind in _MAY_BE_GONE and about is not None:
                self.book.gone.append((about, time.time()))
                self.book.perhaps += ask.kind == "rerun" and self._unheard[ask.number] > 0
            case _:
                self._note(ask, answer)
        return None

    def _post(self, client: httpx.Client, ask: Ask, about: str | None) -> httpx.Response:
        url = self._world.urls[(ask.door + self._tries[ask.number]) % len(self._world.urls)]
        headers = {"Authorization": f"Bearer {self._payer(ask).key}"} | self._name(ask)
        match ask.kind:
            case "rerun" | "cancel":
                return client.post(f"{url}/v1/jobs/{about}/{ask.kind}", headers=headers)
            case "delete":
                return client.post(f"{url}/api/v3/predictions/delete", json={"ids": [about]}, headers=headers)
            case "batch":
                for _ in range(BATCH_LINES):  # a batch that cannot be paid as it opens fails, and nobody is asked
                    self._top_up(self._payer(ask))
                return client.post(f"{url}/v1/batches", json=self._batch(ask), headers=headers)
        return client.post(f"{url}/v1/jobs", json=self._form(ask), headers=headers)

    def _not_heard(self, ask: Ask, why: str) -> float:
        """Perhaps it was done, perhaps not."""
        self.book.broken_answers[why] += 1
        self._unheard[ask.number] += 1
        return _PAUSE_SECONDS

    def _top_up(self, payer: Payer) -> float:
        self.book.put_off["402 and topped up"] += 1
        try:
            payer.top_up()
        except Unavailable:
            self.book.broken_answers["top-up without an answer"] += 1
        return 0.0

    def _note(self, ask: Ask, answer: httpx.Response) -> None:
        if answer.status_code not in _EXPECTED[ask.kind]:
            self.book.strange.append(f"ask {ask.number}, {ask.kind}: {answer.status_code} {answer.text[:200]}")
        elif ask.kind == "batch":
            self.book.batches[ask.number].add(answer.json()["id"])
        elif answer.is_success and ask.kind not in {"cancel", "delete"}:
            made_by = ask.of if ask.kind == "repeat" and ask.of is not None else ask.number
            self.book.ids[made_by].add(answer.json()["id"])

    def _name(self, ask: Ask) -> dict[str, str]:
        """The idempotency key: of the ask itself, or of the one it repeats or contradicts."""
        named = ask.of if ask.kind in {"repeat", "other body"} else ask.number
        return {"Idempotency-Key": f"{self._plan.seed}-{named}"}

    def _form(self, ask: Ask) -> dict[str, Any]:
        """The same for the same ask, and for its repetition."""
        if ask.kind == "repeat" and ask.of is not None:
            return self._form(self._plan.asks[ask.of])
        linked = self._linked[self._payer(ask), ask.voice_seconds]
        inputs = dict(self._inline[ask.voice_seconds] if ask.is_inline else linked)
        if ask.kind == "unusable":
            inputs["image"] = "data:image/png;base64,bm90IGEgcGljdHVyZQ=="
        if ask.kind == "refused":
            del inputs["image"]
        form = {"model": SOLO, "inputs": inputs, "engine": ask.engine, "metadata": {"ask": ask.number}}
        form["webhook"] = self._world.ear.url
        return form | ({"deadlines": {"total_seconds": 2}} if ask.kind == "late" else {})

    def _batch(self, ask: Ask) -> dict[str, Any]:
        line = {"model": SOLO, "inputs": self._linked[self._payer(ask), ask.voice_seconds]}
        requests = [line | {"custom_id": f"{ask.number}-{number}"} for number in range(BATCH_LINES)]
        return {"requests": requests, "options": {"engine": ask.engine, "webhook": self._world.ear.url}}

    def _payer(self, ask: Ask) -> Payer:
        return self._world.payers[ask.payer]


def _upload(world: Place, payer: Payer, seconds: float) -> dict[str, object]:
    house = replace(world.house, key=payer.key)
    return {
        "image": house.upload(people_png(320, 200, 1), "one.png"),
        "audio": house.upload(voice_wav(seconds), "voice.wav"),
    }
