"""Tells a worker there is work; a ring may be lost, doubled or late, and never keeps its caller waiting."""

import threading
import time
from collections import Counter
from functools import cache

from celery import Celery
from kombu.exceptions import OperationalError

from jobs import broker, events

WAKE = "workers.tasks.wake"
_PENDING_MAX = 64
_TOGETHER_MAX = 8
_PAUSE_SECONDS = 0.25

_wanted: Counter[tuple[Celery, str]] = Counter()
_has_rung = threading.Condition()
_ringer: threading.Thread | None = None


def ring(engine: str) -> None:
    """Wake a worker of `engine`, from a thread of our own: returns at once whatever state the broker is in.

    Of a storm of rings only some are sent: a worker that is awake goes on until nothing waits; a chore rings again.
    """
    with _has_rung:
        _start_ringer()
        _wanted[celery(), engine] = min(_wanted[celery(), engine] + 1, _PENDING_MAX)
        _has_rung.notify()


def queue_of(engine: str) -> str:
    return f"duologue.{engine}"


@cache
def celery() -> Celery:
    """The Celery application: early acknowledgement, no results, no remote control, nothing that Postgres decides."""
    app = Celery("duologue", set_as_current=True)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=False,
        task_create_missing_queues=False,
        task_queues=[broker.queue(queue_of(engine)) for engine in ("gpu", "cloud", "preview")],
        task_default_queue=queue_of("preview"),
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_pool_acquire_timeout=broker.SOCKET_SECONDS,
        enable_utc=True,
        **broker.configuration(),
    )
    return app


def _start_ringer() -> None:
    global _ringer  # noqa: PLW0603 - one ringer a process, also after a fork
    if _ringer is None or not _ringer.is_alive():
        _ringer = threading.Thread(target=_ring_for_ever, name="doorbell", daemon=True)
        _ringer.start()


def _ring_for_ever() -> None:
    while True:
        with _has_rung:
            _has_rung.wait_for(lambda: bool(_wanted))
            app, engine, together = _next()
        _send(app, engine, together)
        # One ring is followed at once by the next, a storm of them is not.
        time.sleep(_PAUSE_SECONDS * together / _TOGETHER_MAX)


def _next() -> tuple[Celery, str, int]:
    """Who is rung for next and how often, in turn: what is left over goes to the end of the line."""
    app, engine = next(iter(_wanted))
    count = _wanted.pop((app, engine))
    if count > _TOGETHER_MAX:
        _wanted[app, engine] = count - _TOGETHER_MAX
    return app, engine, min(count, _TOGETHER_MAX)


def _send(app: Celery, engine: str, count: int) -> None:
    """Ring so often, unless nobody seems to listen. No ring expires: Celery would ask a clock of the worker's."""
    try:
        with app.producer_or_acquire() as producer:
            if broker.is_full(producer.channel, queue_of(engine)):
                return
            for _ in range(count):
                app.send_task(
                    *(WAKE, [engine]),
                    producer=producer,
                    queue=queue_of(engine),
                    retry=False,
                    timeout=broker.SOCKET_SECONDS,
                    confirm_timeout=broker.SOCKET_SECONDS,
                )
    except _refusals(app) as error:
        events.emit("doorbell.failed", engine=engine, reason=type(error).__name__)


def _refusals(app: Celery) -> tuple[type[Exception], ...]:
    """What the client of this kind of broker raises when it is away or will not take a ring."""
    connection = app.connection_for_write()
    return OperationalError, *connection.connection_errors, *connection.channel_errors
