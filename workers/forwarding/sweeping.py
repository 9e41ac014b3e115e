"""Asks the upstream about everything that is open there: one list of each key finds what ended and what was doubted."""

from datetime import timedelta

import anyio
from anyio.to_thread import run_sync

from jobs import events, settings
from jobs.lifecycle import arriving, forwarding, pursuing
from jobs.lifecycle.pursuing import Open
from workers.engines.cloud.client import PAGE_SIZE, Client
from workers.engines.cloud.errors import UpstreamError
from workers.engines.cloud.replies import Prediction
from workers.forwarding.verdicts import Verdicts

_EARLIER = timedelta(seconds=60)
"""What was sent lately may bear an earlier time there: clocks are known to a second, and not all servers agree."""
_FEW = 8
"""So many are asked about one by one, which says more than a list and never lags."""
_SINGLY_MAX = 100
_UNSEEN_SECONDS = 60.0
_RECENT_SECONDS = 1800.0
"""What is there for longer is asked about one by one: a list that goes back to it would hold all that came since."""


async def sweep(client: Client, upstream_key: str, verdicts: Verdicts) -> int:
    """Ask about all that is open with a key; how many that was."""
    found = await run_sync(pursuing.open_of, upstream_key)
    known = {one.upstream_id: one for one in found if one.upstream_id is not None}
    doubted = [one for one in found if one.upstream_id is None]
    if len(known) <= _FEW and not doubted:
        await _ask_singly(client, verdicts, list(known.values()))
        return len(found)
    recent = [one for one in found if one.upstream_id is None or one.age_seconds <= _RECENT_SECONDS]
    listed = await _list(client, upstream_key, recent) if recent else {}
    if listed is None:
        await _ask_singly(client, verdicts, list(known.values()))
        await _mark_unproven(doubted)
        return len(found)
    for upstream_id in known.keys() & listed.keys():
        verdicts.hear(known[upstream_id].id, listed[upstream_id])
    unseen = [one for name, one in known.items() if name not in listed and one.unasked_seconds > _UNSEEN_SECONDS]
    await _ask_singly(client, verdicts, unseen)
    missing = await _look_up(upstream_key, verdicts, doubted, listed)
    if missing and len(listed) >= PAGE_SIZE:
        # What is deleted there while pages are read moves others past the reader: what is missing is looked for twice.
        listed = await _list(client, upstream_key, missing)
        missing = [] if listed is None else await _look_up(upstream_key, verdicts, missing, listed)
    for one in missing:
        await run_sync(arriving.not_there, one.id, one.doubted_since)
    return len(found)


async def _list(client: Client, upstream_key: str, found: list[Open]) -> dict[str, Prediction] | None:
    """All the upstream lists since the oldest of them was written down; None when it does not answer."""
    must_match = any(one.upstream_id is None for one in found)
    listed = {}
    try:
        since = await client.now(upstream_key) - timedelta(seconds=max(one.age_seconds for one in found)) - _EARLIER
        async for prediction in client.predictions(upstream_key, since=since, with_inputs=must_match):
            listed[prediction.id] = prediction
    except UpstreamError as error:
        events.emit("upstream.list_failed", upstream_key=upstream_key, reason=str(error))
        return None
    return listed


async def _look_up(
    upstream_key: str, verdicts: Verdicts, doubted: list[Open], listed: dict[str, Prediction]
) -> list[Open]:
    """Find those that were taken after all; the others that the upstream's list has had its time to show."""
    if not doubted:
        return []
    names = await run_sync(pursuing.strangers, upstream_key, listed)
    strangers = {name: one for name, one in listed.items() if name in names}
    missing = []
    for one in doubted:
        upstream_id = _found(one, strangers)
        if upstream_id is not None:
            prediction = strangers.pop(upstream_id)  # nothing there is two tries of ours
            await run_sync(forwarding.accepted, {one.id: upstream_id})
            verdicts.hear(one.id, prediction)
        elif one.marker is None or one.doubted_seconds > settings.load().wavespeed_list_lag_seconds:
            missing.append(one)
    return missing


def _found(one: Open, strangers: dict[str, Prediction]) -> str | None:
    if one.marker is None:
        return None
    return next((name for name, prediction in strangers.items() if prediction.was_given(one.marker)), None)


async def _mark_unproven(doubted: list[Open]) -> None:
    """Without a list nothing can be looked up; that is waited out for a while."""
    for one in doubted:
        if one.marker is None:
            await run_sync(arriving.not_there, one.id, one.doubted_since)
        elif one.doubted_seconds > settings.load().wavespeed_doubt_seconds:
            await run_sync(arriving.unproven, one.id, one.doubted_since)


async def _ask_singly(client: Client, verdicts: Verdicts, some: list[Open]) -> None:
    """Ask about some one by one, those first that were not asked about for longest."""
    chosen = sorted(some, key=lambda one: -one.unasked_seconds)[:_SINGLY_MAX]
    async with anyio.create_task_group() as group:
        for one in chosen:
            if one.upstream_id is not None:
                group.start_soon(verdicts.ask, client, one.id, one.upstream_key, one.upstream_id)
    await run_sync(pursuing.asked, [one.id for one in chosen])
