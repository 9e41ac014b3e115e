"""Sends prepared jobs to the upstream, asks about what is there, and stops what nobody needs any more.

It needs only Postgres and the upstream. Whatever it holds when it dies is written down: another looks it up before
anything is sent a second time. Several forwarders may run.
"""

import asyncio
import threading
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

import anyio
from anyio.abc import TaskGroup
from anyio.to_thread import run_sync

from jobs import events, settings, timetable, upstream
from jobs.errors import JobError, Unavailable, WorkerUnfit
from jobs.lifecycle import forwarding, pursuing, refusing
from jobs.lifecycle.forwarding import Sending
from jobs.lifecycle.pursuing import There
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Abandoned, Busy, KeyRefused, NotReached, OutcomeUnknown, UpstreamError
from workers.forwarding import adopting, handing, hands, sweeping
from workers.forwarding.hands import Hands
from workers.forwarding.verdicts import Verdicts

Duty = Callable[[], Awaitable[float]]
"""Done again and again; answers in how many seconds."""
Tell = Callable[[Any], None]

SENDING_MAX = 64
ASKING_MAX = 128
"""Two hundred ends a second, at an upstream that takes half a second to say how a job stands."""
STOPPING_MAX = 16
IDLE_SECONDS = 0.25
BUSY_SECONDS = 0.2
"""What comes meanwhile is asked for, and written down, with one statement."""
_ALIVE_SECONDS = 4.0
_OUTAGE_SECONDS = 1.0
_SECRETS_SECONDS = 3600.0
_SECRETS_AGAIN_SECONDS = 30.0
_KEY_PAUSE_SECONDS = 5.0
_STOP_SECONDS = 5.0


def keep(stop: threading.Event) -> None:
    """Forward until told to stop, where there is an upstream. A fault of ours costs what is held a look-up, no more."""
    if "cloud" not in settings.load().engines:
        return
    while not stop.is_set():
        try:
            anyio.run(_forward, stop)
        except Exception:  # noqa: BLE001 - the edge of the forwarder: a bug met with one job must not end the rest
            events.emit("forwarder.failed", reason=traceback.format_exc())
            stop.wait(_OUTAGE_SECONDS)


async def _forward(stop: threading.Event) -> None:
    async with Client(settings.load().wavespeed_url, upstream.configured()) as client:
        await Forwarder(client).run(stop)


class Forwarder:
    """One forwarder's hands. Everything here happens in one event loop; only questions to Postgres leave it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._keys = upstream.configured()
        self._hands = Hands()
        self._accepted: dict[uuid.UUID, str] = {}
        self._verdicts = Verdicts()
        self._asking: set[uuid.UUID] = set()
        self._told = ""

    async def run(self, stop: threading.Event) -> None:
        """Do all of it side by side until `stop` is set; then let what is being sent come to its end."""
        async with anyio.create_task_group() as clerks:
            for duty in (self._say_alive, self._write_down, self._sweep, self._stop_unneeded, self._learn):
                clerks.start_soon(self._again_and_again, duty)
            clerks.start_soon(self._again_and_again, partial(self._ask, clerks))
            async with anyio.create_task_group() as sendings:
                while not stop.is_set():
                    await self._take(sendings)
                sendings.cancel_scope.deadline = anyio.current_time() + _STOP_SECONDS
            clerks.cancel_scope.cancel()
        await self._write_down()

    async def _again_and_again(self, duty: Duty) -> None:
        while True:
            rest_seconds = await self._carry_out(duty)
            await anyio.sleep(rest_seconds)

    async def _carry_out(self, duty: Duty) -> float:
        """Do a duty once; seconds until it is to be done again. While Postgres is away it is said once."""
        try:
            rest_seconds = await duty()
        except Unavailable as error:
            if self._told != str(error):
                events.emit("forwarder.failed", reason=str(error))
            self._told = str(error)
            return _OUTAGE_SECONDS
        self._told = ""
        return rest_seconds

    async def _take(self, sendings: TaskGroup) -> None:
        """Take up what may be sent, as much as there is room for."""
        room = SENDING_MAX - len(self._hands)
        taken: list[Sending] = []

        async def take() -> float:
            asked_at = hands.moment()
            taken.extend(await run_sync(forwarding.forward, self._keys, room) if room > 0 else [])
            self._hands.take([sending.try_id for sending in taken], asked_at)
            return BUSY_SECONDS if taken or room <= 0 else IDLE_SECONDS

        rest_seconds = await self._carry_out(take)
        if taken and handing.has_links():
            urls = {sending.try_id: handing.links(sending) for sending in taken}
            sendings.start_soon(self._send_all, taken, urls, sendings)
        else:
            for sending in taken:
                sendings.start_soon(self._upload_and_send, sending)
        await anyio.sleep(rest_seconds)

    async def _send_all(self, taken: list[Sending], urls: dict[uuid.UUID, dict[str, str]], sendings: TaskGroup) -> None:
        """Write down how all are found again, then send them."""
        markers = {sending.try_id: handing.marker(sending, urls[sending.try_id]) for sending in taken}
        marked = await self._mark(markers)
        for sending in taken:
            if sending.try_id in marked:
                sendings.start_soon(self._send, sending, urls[sending.try_id])
            else:
                self._hands.drop(sending.try_id)

    async def _upload_and_send(self, sending: Sending) -> None:
        try:
            urls = await handing.uploads(self._client, sending)
        except JobError as error:
            await self._unsent(sending, error)
            return
        except OSError as error:
            await self._unsent(sending, WorkerUnfit(f"its inputs could not be handed on: {error.strerror}"))
            return
        if await self._mark({sending.try_id: handing.marker(sending, urls)}):
            await self._send(sending, urls)
        self._hands.drop(sending.try_id)

    async def _mark(self, markers: dict[uuid.UUID, str]) -> set[uuid.UUID]:
        """Those that may be sent now. Those that could not be written down are not sent: they are taken up again."""
        try:
            return await run_sync(forwarding.mark, markers)
        except Unavailable:
            return set()

    async def _send(self, sending: Sending, urls: dict[str, str]) -> None:
        """Submit once, whatever comes of it."""
        try:
            callback = _callback_url(sending)
            inputs = {**sending.inputs, **urls}
            with _timed(sending):
                prediction = await self._client.submit(
                    sending.upstream_key,
                    sending.model,
                    inputs,
                    callback,
                    may_leave=partial(self._hands.may_send, sending.try_id),
                )
        except Abandoned:
            return  # somebody may think us dead by now, and looks it up
        except OutcomeUnknown as error:
            events.emit("upstream.unanswered", job=sending.job_id.hex, reason=str(error))
            await self._insist(forwarding.doubted, [sending.try_id])
        except UpstreamError as error:
            await self._unsent(sending, error)
        else:
            self._accepted[sending.try_id] = prediction.id
        finally:
            self._hands.drop(sending.try_id)

    async def _unsent(self, sending: Sending, error: JobError) -> None:
        """It was surely not taken. What is the key's trouble rests the key, so that others do not run into it too."""
        pause_seconds = 0.0
        if isinstance(error, (Busy, KeyRefused, NotReached)):
            pause_seconds = error.pause_seconds or _KEY_PAUSE_SECONDS

        def tell(try_id: uuid.UUID) -> None:
            if isinstance(error, KeyRefused):
                refusing.key_refused(try_id, error, error.status, pause_seconds)
            else:
                forwarding.unsent(try_id, error, pause_key_seconds=pause_seconds)

        await self._insist(tell, sending.try_id)
        self._hands.drop(sending.try_id)

    async def _insist(self, tell: Tell, what: Any) -> None:  # noqa: ANN401 - whatever is told
        """Tell Postgres; if it is away for long, what is not told is found out by looking it up."""
        for _ in range(5):
            try:
                await run_sync(tell, what)
            except Unavailable:
                await anyio.sleep(_OUTAGE_SECONDS)
            else:
                return

    async def _say_alive(self) -> float:
        await run_sync(self._hands.say_alive)
        return _ALIVE_SECONDS

    async def _write_down(self) -> float:
        """Write down together what was accepted, and what ended, about the same time."""
        accepted = dict(self._accepted)
        if accepted:
            await run_sync(forwarding.accepted, accepted)
            for try_id in accepted:
                del self._accepted[try_id]
        return 0.0 if await self._verdicts.write_down() else BUSY_SECONDS

    async def _sweep(self) -> float:
        """Ask about everything, if nobody else has lately."""
        every_seconds = settings.load().wavespeed_poll_seconds
        if await run_sync(timetable.take, "sweep_upstream", every_seconds):
            began_at = time.monotonic()
            sweeps = (sweeping.sweep(self._client, key.name, self._verdicts) for key in self._keys)
            done = sum(await asyncio.gather(*sweeps))
            done += await adopting.adopt(self._client, self._keys, self._verdicts)
            took_seconds = time.monotonic() - began_at
            await run_sync(timetable.tick_off, "sweep_upstream", done, round(took_seconds * 1000))
            return max(every_seconds - took_seconds, 0.0)
        return every_seconds / 4

    async def _ask(self, clerks: TaskGroup) -> float:
        """Ask about those that the upstream's webhooks say have ended; one slow answer keeps no other waiting."""
        room = ASKING_MAX - len(self._asking)
        ended = await run_sync(pursuing.told, room) if room > 0 else []
        for one in ended:
            self._asking.add(one.id)
            clerks.start_soon(self._ask_about, one)
        return BUSY_SECONDS if ended or room <= 0 else IDLE_SECONDS

    async def _ask_about(self, one: There) -> None:
        await self._verdicts.ask(self._client, one.id, one.upstream_key, one.upstream_id)
        self._asking.discard(one.id)

    async def _stop_unneeded(self) -> float:
        """Ask the upstream to stop what no job needs; it may go on and cost all the same."""
        unneeded = await run_sync(pursuing.to_stop, STOPPING_MAX)
        async with anyio.create_task_group() as group:
            for one in unneeded:
                group.start_soon(self._stop, one)
        return IDLE_SECONDS

    async def _stop(self, one: There) -> None:
        """Ask once. What is refused for good is heard too; any other trouble passes, and it is asked again."""
        try:
            await self._client.cancel(one.upstream_key, one.upstream_id)
        except UpstreamError as error:
            events.emit("upstream.cancel_failed", upstream_key=one.upstream_key, reason=str(error))
            if not error.permanent:
                return
        with suppress(Unavailable):
            await run_sync(pursuing.heard, one.id)

    async def _learn(self) -> float:
        """Learn what the upstream signs its webhooks with."""
        if not settings.load().wavespeed_callbacks:
            return _SECRETS_SECONDS
        rest_seconds = _SECRETS_SECONDS
        for key in self._keys:
            try:
                await run_sync(pursuing.keep_secret, key.name, await self._client.webhook_secret(key.name))
            except UpstreamError as error:
                events.emit("upstream.secret_failed", upstream_key=key.name, reason=str(error))
                rest_seconds = _SECRETS_AGAIN_SECONDS
        return rest_seconds


@contextmanager
def _timed(sending: Sending) -> Iterator[None]:
    """Tell how long the submit took, and what class its error was of."""
    began_at, failed = time.monotonic(), dict[str, str]()
    try:
        yield
    except JobError as error:
        failed = {"error_class": error.error_class}
        raise
    finally:
        facts = {"job": sending.job_id.hex, "model": sending.model, "traceparent": sending.traceparent, **failed}
        events.emit("upstream.sent", seconds=time.monotonic() - began_at, **facts)


def _callback_url(sending: Sending) -> str | None:
    chosen = settings.load()
    return f"{chosen.base_url}/callbacks/wavespeed/{sending.try_id.hex}" if chosen.wavespeed_callbacks else None
