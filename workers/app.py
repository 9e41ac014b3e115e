"""The Celery application as a worker runs it: what it does on waking, and how it lies down.

Started as `celery -A workers.app worker --pool=threads`: a slot only waits for its child and the bucket, so threads
are enough, and one process answers signals, heartbeats and drains for all of them.
"""

import signal
import sys
import threading
import warnings
from types import FrameType
from typing import Any

from celery.platforms import SecurityWarning
from celery.signals import setup_logging, worker_init, worker_ready, worker_shutting_down

from jobs import doorbell, schema, settings, telemetry
from jobs.errors import Unavailable, WrongSetting
from workers import drain, heart, scratch

# Celery warns root of pickled messages; ours are JSON, and an embedded house on a rented machine often runs as root.
warnings.filterwarnings("ignore", category=SecurityWarning)

with settings.said_at_the_door():
    settings.with_servers()
    app = doorbell.celery()
app.conf.update(imports=["workers.tasks"], worker_consumer="workers.consuming:RingConsumer")


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _log_as_the_house_does(**_: object) -> None:
    telemetry.start("worker")


@worker_init.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _refuse_an_older_schema(**_: object) -> None:
    try:
        schema.insist()
    except WrongSetting as error:
        sys.exit(str(error))
    except Unavailable:
        return  # a database that is away is waited for


@worker_ready.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _on_waking(sender: Any, **_: object) -> None:  # noqa: ANN401 - Celery is untyped
    """Clear up, begin the heartbeat, and look for work at once: a ring may have been lost while nobody was here."""
    scratch.sweep()
    slots = int(sender.controller.concurrency)
    threading.Thread(target=heart.beat, args=[slots], name="heartbeat", daemon=True).start()
    for engine in settings.load().engines:
        for _slot in range(slots):
            doorbell.ring(engine)


@worker_ready.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _hear_one_stop(**_: object) -> None:
    """Have only the first SIGTERM heard: Celery's own handler takes a lock that a second would wait for for ever."""
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)


@worker_shutting_down.connect  # type: ignore[untyped-decorator]  # Celery is untyped
def _on_shutting_down(**_: object) -> None:
    drain.begin(settings.load().drain_seconds)
