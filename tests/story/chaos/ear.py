"""The receiver that every job of a storm names as its webhook: ill by turns, and it remembers what it was told."""

import random
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

from sqlalchemy import delete, func, select, update

from jobs.database import transaction
from jobs.errors import Unavailable
from jobs.tables import Account, Delivery, Job
from jobs.tables import Receiver as Standing
from tests.fakes.receiver import BROKEN, CUT, HANGING, WELL, Mood, Receiver
from tests.rules.test_signatures import verify_v3

SETTINGS: Final = {"DUOLOGUE_WEBHOOK_NETWORKS": "127.0.0.0/8", "DUOLOGUE_WEBHOOK_SECONDS": "2"}

_BUSY: Final = Mood(status=429, headers=("Retry-After: 1",))
_AWAY: Final = Mood(status=307, headers=("Location: http://127.0.0.1:1/",))
_MOODS: Final = (WELL, WELL, WELL, WELL, BROKEN, HANGING, CUT, _BUSY, _AWAY)
_LONGEST_SECONDS: Final = 5.0
_MAY_LACK: Final = {"its job is no longer kept"}


class Ear:
    """Its moods are drawn from the run's seed; once calm it takes everything."""

    def __init__(self, seed: int) -> None:
        self._receiver = Receiver()
        self._chance = random.Random(seed)  # noqa: S311 - the seed is the point
        self._is_calm = threading.Event()
        self._thread = threading.Thread(target=self._change_again_and_again)

    @property
    def url(self) -> str:
        return self._receiver.url("/ear")

    def __enter__(self) -> Self:
        self._receiver.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.calm()
        self._receiver.__exit__(kind, error, trace)

    def calm(self) -> None:
        self._is_calm.set()
        self._thread.join()
        self._receiver.mood = WELL

    def has_heard_all(self) -> bool:
        """Whether nothing is owed any more; what waits for its next try need not wait for hours."""
        try:
            with transaction() as session:
                waits = (Delivery.status == "owed", Delivery.taken_until.is_(None))
                session.execute(delete(Standing))
                session.execute(update(Delivery).where(*waits).values(due_at=func.now() - timedelta(seconds=1)))
                return session.scalar(select(func.count()).where(Delivery.status == "owed")) == 0
        except Unavailable:
            return False

    def wrongs(self) -> Iterator[str]:
        """Every end is owed once, and told, rightly signed and under one id, or it says why not."""
        with transaction() as session:
            owed = list(session.scalars(select(Delivery).where(Delivery.url == self.url)))
            secrets = list(session.scalars(select(Account.webhook_secret).where(Account.webhook_secret.is_not(None))))
            ended = session.scalars(select(Job.id).where(Job.finished_at.is_not(None), Job.webhook_url.is_not(None)))
            unowed = {job_id.hex for job_id in ended} - {one.job_id.hex for one in owed if one.job_id}
        yield from (f"the end of job {job} is owed to nobody" for job in sorted(unowed))
        yield from self._of_the_told([str(secret) for secret in secrets])
        yield from self._of_the_owed(owed)

    def _of_the_told(self, secrets: Sequence[str]) -> Iterator[str]:
        for told in self._receiver.received:
            if not any(verify_v3(secret, told.headers, told.body) for secret in secrets):
                yield f"webhook {told.headers['webhook-id']} was not signed as it should be"
        if not self._receiver.received:
            yield "webhooks were not put to the test"

    def _of_the_owed(self, owed: Sequence[Delivery]) -> Iterator[str]:
        ends = {(one.headers["webhook-id"], one.told["id"], one.told["status"]) for one in self._receiver.received}
        times = Counter(job for _, job, _ in ends)
        jobs = Counter(one.job_id.hex for one in owed if one.job_id)
        yield from (f"the end of job {job} is owed twice" for job, count in jobs.items() if count > 1)
        yield from (f"job {job} was told under two ids, or as two ends" for job, count in times.items() if count > 1)
        yield from (f"job {job} was told, and was not owed" for job in times.keys() - jobs.keys())
        for one in owed:
            if one.status == "given_up" and one.reason not in _MAY_LACK:
                yield f"webhook of job {one.job_id} was given up: {one.reason}"
            if one.status == "delivered" and one.job_id and one.job_id.hex not in times:
                yield f"webhook of job {one.job_id} is said to be delivered, and nobody heard it"

    def _change_again_and_again(self) -> None:
        while not self._is_calm.is_set():
            self._receiver.mood = self._chance.choice(_MOODS)
            self._is_calm.wait(self._chance.uniform(0.5, _LONGEST_SECONDS))
