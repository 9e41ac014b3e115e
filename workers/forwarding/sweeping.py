"""Asks the upstream about everything that is open there: one list of each key finds what ended and what was doubted."""

from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime, timedelta

import anyio
from anyio.to_thread import run_sync

from jobs import clock, events, settings
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
_PAGE_COST = 10
"""A page of the list costs both sides as much as so many looks at one job."""
_SINGLY_MAX = 1000
_SINGLY_AT_LAST = 100
"""So many where the list does not answer, which bodes ill for whoever is asked next."""
_UNSEEN_SECONDS = 60.0


async def sweep(client: Client, upstream_key: str, verdicts: Verdicts) -> int:
    """Ask about all that is open with a key; how many that was."""
    found = await run_sync(pursuing.open_of, upstream_key)
    known = {one.upstream_id: one for one in found if one.upstream_id is not None}
    doubted = [one for one in found if one.upstream_id is None]
    if len(known) <= _FEW and not doubted:
        await _ask_singly(client, verdicts, list(known.values()))
        return len(found)
    listing = Listing(client, upstream_key, verdicts, known)
    if not await listing.read(found, doubted):
        await _ask_singly(client, verdicts, listing.unseen(), _SINGLY_AT_LAST)
        await mark_unproven(doubted)
        return len(found)
    await _ask_singly(client, verdicts, listing.unseen())
    missing = await _look_up(doubted, listing)
    if missing and listing.count >= PAGE_SIZE:
        # What is deleted there while pages are read moves others past the reader: what is missing is looked for twice.
        listing = Listing(client, upstream_key, verdicts, {})
        is_read = await listing.read(missing, missing)
        missing = await _look_up(missing, listing) if is_read else []
    for one in missing:
        await run_sync(arriving.not_there, one.id, one.doubted_since)
    return len(found)


async def mark_unproven(doubted: list[Open]) -> None:
    """Without a list that says what was given to each nothing can be looked up; that is waited out for a while."""
    for one in doubted:
        if one.marker is None:
            await run_sync(arriving.not_there, one.id, one.doubted_since)
        elif one.doubted_seconds > settings.load().wavespeed_doubt_seconds:
            await run_sync(arriving.unproven, one.id, one.doubted_since)


class Listing:
    """The upstream's list of a key, newest first; how those stand that we know is heard as it is read."""

    def __init__(self, client: Client, upstream_key: str, verdicts: Verdicts, known: dict[str, Open]) -> None:
        self.count = 0
        self.strangers: dict[str, Prediction] = {}
        """What we do not know by name, where something of ours may be among it."""
        self._client = client
        self._key = upstream_key
        self._verdicts = verdicts
        self._unseen = dict(known)
        self._videoless: list[Open] = []
        self._ahead = timedelta()
        self._found = 0
        self._in_vain = 0
        self._is_whole = False

    async def read(self, found: Sequence[Open], doubted: Sequence[Open]) -> bool:
        """Read it since the oldest of `found`, or until it is not worth it; whether it answered."""
        try:
            self._ahead = await self._client.now(self._key) - clock.now()
            since, until = self._begun(found), self._begun(doubted) if doubted else None
            asked = self._client.predictions(self._key, since=since, with_inputs=bool(doubted))
            async with aclosing(asked) as predictions:
                async for prediction in predictions:
                    self._note(prediction, is_any_doubted=bool(doubted))
                    if self.count % PAGE_SIZE == 0 and _is_past(prediction, until) and not self._is_worth_it():
                        return True
        except UpstreamError as error:
            events.emit("upstream.list_failed", upstream_key=self._key, reason=str(error))
            return False
        self._is_whole = True
        return True

    async def find(self, doubted: Sequence[Open]) -> list[Open]:
        """Find these among what was read, by what was given to each; those that are not there."""
        if not doubted:
            return []
        names = await run_sync(pursuing.strangers, self.strangers)
        self.strangers = {name: one for name, one in self.strangers.items() if name in names}
        lost = []
        for one in doubted:
            upstream_id = _found(one, self.strangers)
            if upstream_id is None:
                lost.append(one)
                continue
            prediction = self.strangers.pop(upstream_id)  # nothing there is two tries of ours
            await run_sync(forwarding.accepted, {one.id: upstream_id})
            if one.upstream_key != self._key:
                await run_sync(pursuing.adopt, one.id, self._key)
            self._hear(one, prediction)
        return lost

    def may_hide(self, one: Open) -> bool:
        """Whether one that was not found may be there all the same: among what the list does not show the inputs of."""
        begun = self._begun([one])
        return one.marker is not None and any(
            not stranger.inputs and not _is_past(stranger, begun) for stranger in self.strangers.values()
        )

    def unseen(self) -> list[Open]:
        """Those to ask about one by one; what has just been sent may not be in a list that is whole yet."""
        unseen = (one for one in self._unseen.values() if not self._is_whole or one.unasked_seconds > _UNSEEN_SECONDS)
        return [*self._videoless, *unseen]

    def _begun(self, some: Sequence[Open]) -> datetime:
        """When the upstream may have taken the oldest of these, by its own clock, however long ago they were read."""
        return min(one.made_at for one in some) + self._ahead - _EARLIER

    def _note(self, prediction: Prediction, *, is_any_doubted: bool) -> None:
        self.count += 1
        one = self._unseen.pop(prediction.id, None)
        if one is not None:
            self._hear(one, prediction)
            self._found += 1
        elif is_any_doubted:
            self.strangers[prediction.id] = prediction

    def _hear(self, one: Open, prediction: Prediction) -> None:
        """Hear how one stands; what the list shows without its video may have one all the same."""
        if prediction.lacks_video:
            self._videoless.append(one)
        else:
            self._verdicts.hear(one.id, prediction)

    def _is_worth_it(self) -> bool:
        """Whether to read on: not once pages in vain have cost as much as asking about each that is left would."""
        self._in_vain += max(_PAGE_COST - self._found, 0)
        self._found = 0
        return len(self._unseen) > max(self._in_vain, _FEW)


def _is_past(prediction: Prediction, moment: datetime | None) -> bool:
    """Whether none that is looked for can be older than this one."""
    return moment is None or (prediction.created_at is not None and prediction.created_at < moment)


async def _look_up(doubted: list[Open], listing: Listing) -> list[Open]:
    """Find those that were taken after all; the others that the upstream's list has had its time to show."""
    lost = await listing.find(doubted)
    hidden = [one for one in lost if listing.may_hide(one)]
    await mark_unproven(hidden)
    lag_seconds = settings.load().wavespeed_list_lag_seconds
    shown = [one for one in lost if one not in hidden]
    return [one for one in shown if one.marker is None or one.doubted_seconds > lag_seconds]


def _found(one: Open, strangers: dict[str, Prediction]) -> str | None:
    if one.marker is None:
        return None
    return next((name for name, prediction in strangers.items() if prediction.was_given(one.marker)), None)


async def _ask_singly(client: Client, verdicts: Verdicts, some: list[Open], most: int = _SINGLY_MAX) -> None:
    """Ask about some one by one, those first that were not asked about for longest."""
    chosen = sorted(some, key=lambda one: -one.unasked_seconds)[:most]
    await run_sync(pursuing.asked, [one.id for one in chosen])  # first: a webhook that comes meanwhile counts
    async with anyio.create_task_group() as group:
        for one in chosen:
            if one.upstream_id is not None:
                group.start_soon(verdicts.ask, client, one.id, one.upstream_key, one.upstream_id)
