"""Keeps a batch that somebody works on from others, from a thread of its own: files may move as slowly as they do."""

import threading
from types import TracebackType
from typing import Self

from jobs import batches, settings
from jobs.errors import LeaseLost, Unavailable
from jobs.tables import Batch

_RENEW_SECONDS = 1.0
"""Often, for callers see with it how many lines are read."""
_PARTING_SECONDS = 5.0


class BatchLease:
    """Renews the lease on `batch` every second, until the end or until another has it."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self._lines = batch, batch.lines
        self._lost: LeaseLost | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease-{batch.id.hex}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        # A renewal that hangs in a frozen Postgres must not hold the reader too; by its fence it can do no harm.
        self._thread.join(_PARTING_SECONDS)

    def report(self, lines: int) -> None:
        """Remember how many lines are read, to be told with the next renewal. Raises LeaseLost."""
        self._lines = lines
        self.check()

    def check(self) -> None:
        """Raises LeaseLost once another has the batch, or it was cancelled."""
        if self._lost is not None:
            raise self._lost

    def _keep(self) -> None:
        while not self._is_over.wait(min(_RENEW_SECONDS, settings.load().renew_seconds)):
            try:
                batches.renew(self._batch, self._lines)
            except Unavailable:
                continue
            except LeaseLost as error:
                self._lost = error
                return
