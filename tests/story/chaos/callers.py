"""Callers who ask as the plan says, ask again after a broken answer, and keep a book of what they were told."""

import heapq
import threading
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.factories_media import people_png, voice_wav
from tests.story.chaos.plan import MAKES_A_JOB, VOICES_SECONDS, Ask, Plan
from tests.story.chaos.world import World
from tests.story.scene import SOLO, solo

CALLERS = 4
PATIENCE_SECONDS = 180.0
_TIMEOUT_SECONDS = 4.0
_PAUSE_SECONDS = 0.7

_EXPECTED = {
    **{kind: {200, 201} for kind in (*MAKES_A_JOB, "repeat")},
    "other body": {409},
    "refused": {400},
    "cancel": {200, 409},
}


@dataclass
class Book:
    """What the callers were told. `ids` holds, by the ask that made it, every id that a job was given."""

    ids: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    broken_answers: Counter[str] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    given_up: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> set[str]:
        return {job for ids in self.ids.values() for job in ids}


class Stream:
    """All callers of one run: a few threads that share the plan."""

    def __init__(self, world: World, plan: Plan) -> None:
        self.book = Book()
        self._world = world
        self._plan = plan
        self._due = sorted((ask.at_seconds, ask.number) for ask in plan.asks)
        self._ends_seconds = self._due[-1][0]
        self._tries: Counter[int] = Counter()
        self._turn = threading.Lock()
        self._threads = [
            threading.Thread(target=self._go_on, name=f"caller {number}", daemon=True) for number in range(CALLERS)
        ]
        self._inline = {seconds: solo(seconds) for seconds in VOICES_SECONDS}
        self._linked = {seconds: self._upload(seconds) for seconds in VOICES_SECONDS}
        self._began_at = time.monotonic()

    def begin(self) -> None:
        self._began_at = time.monotonic()
        for thread in self._threads:
            thread.start()

    def wait(self) -> None:
        for thread in self._threads:
            thread.join()

    def _go_on(self) -> None:
        headers = {"Authorization": f"Bearer {self._world.house.key}"}
        with httpx.Client(headers=headers, timeout=_TIMEOUT_SECONDS) as client:
            while (ask := self._next()) is not None:
                if not self._ask(client, ask):
                    self._put_off(ask)

    def _next(self) -> Ask | None:
        with self._turn:
            if not self._due:
                return None
            at_seconds, number = heapq.heappop(self._due)
        threading.Event().wait(max(0.0, self._began_at + at_seconds - time.monotonic()))
        return self._plan.asks[number]

    def _put_off(self, ask: Ask) -> None:
        now_seconds = time.monotonic() - self._began_at
        with self._turn:
            if now_seconds > self._ends_seconds + PATIENCE_SECONDS:
                self.book.given_up.append(f"ask {ask.number}, {ask.kind}")
            else:
                self._tries[ask.number] += 1
                heapq.heappush(self._due, (now_seconds + _PAUSE_SECONDS, ask.number))

    def _ask(self, client: httpx.Client, ask: Ask) -> bool:
        """Ask once; false when it has to be asked again, because nobody answered or because it is too early."""
        about = self.book.ids.get(-1 if ask.of is None else ask.of)
        if ask.of is not None and not about:
            return False
        url = self._world.urls[(ask.door + self._tries[ask.number]) % len(self._world.urls)]
        try:
            if ask.kind in {"rerun", "cancel"}:
                answer = client.post(f"{url}/v1/jobs/{min(about or ())}/{ask.kind}", headers=self._name(ask))
            else:
                answer = client.post(f"{url}/v1/jobs", json=self._form(ask), headers=self._name(ask))
        except httpx.TransportError as error:
            self.book.broken_answers[type(error).__name__] += 1
            return False
        return self._note(ask, answer)

    def _note(self, ask: Ask, answer: httpx.Response) -> bool:
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE and answer.headers.get("Retry-After"):
            self.book.broken_answers["503 with Retry-After"] += 1
            return False
        if ask.kind == "rerun" and answer.status_code == httpx.codes.CONFLICT:
            return False  # the old one is not final yet
        if answer.status_code not in _EXPECTED[ask.kind]:
            self.book.strange.append(f"ask {ask.number}, {ask.kind}: {answer.status_code} {answer.text[:200]}")
        elif answer.is_success and ask.kind != "cancel":
            made_by = ask.of if ask.kind == "repeat" and ask.of is not None else ask.number
            self.book.ids[made_by].add(answer.json()["id"])
        return True

    def _name(self, ask: Ask) -> dict[str, str]:
        """The idempotency key: of the ask itself, or of the one it repeats or contradicts."""
        named = ask.of if ask.kind in {"repeat", "other body"} else ask.number
        return {"Idempotency-Key": f"{self._plan.seed}-{named}"}

    def _form(self, ask: Ask) -> dict[str, Any]:
        """The same for the same ask, and for its repetition."""
        if ask.kind == "repeat" and ask.of is not None:
            return self._form(self._plan.asks[ask.of])
        inputs = dict((self._inline if ask.is_inline else self._linked)[ask.voice_seconds])
        if ask.kind == "unusable":
            inputs["image"] = "data:image/png;base64,bm90IGEgcGljdHVyZQ=="
        if ask.kind == "refused":
            del inputs["image"]
        deadlines = {"total_seconds": 2} if ask.kind == "late" else None
        return {"model": SOLO, "inputs": inputs, "metadata": {"ask": ask.number}, "deadlines": deadlines}

    def _upload(self, seconds: float) -> dict[str, object]:
        house = self._world.house
        return {
            "image": house.upload(people_png(320, 200, 1), "one.png"),
            "audio": house.upload(voice_wav(seconds), "voice.wav"),
        }
