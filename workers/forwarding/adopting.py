"""Looks after tries whose key is no longer set: another key of the same account at the upstream reads them as well.

What was surely not sent is sent with another key.
"""

from collections.abc import Sequence
from http import HTTPStatus

from anyio.to_thread import run_sync

from jobs import settings
from jobs.lifecycle import arriving, pursuing
from jobs.lifecycle.pursuing import There
from jobs.rules.tiers import UpstreamKey
from workers.engines.cloud.client import Client
from workers.engines.cloud.errors import Refused, UpstreamError
from workers.forwarding.sweeping import Listing, mark_unproven
from workers.forwarding.verdicts import Verdicts

_TOGETHER = 100


async def adopt(client: Client, keys: Sequence[UpstreamKey], verdicts: Verdicts) -> int:
    """Find with the keys there are what was sent with others; how many were found.

    What may have been sent and no list shows is given up as possibly charged after a while; what was there and none of
    them knows once no job waits for it any more.
    """
    names = [key.name for key in keys]
    found = [
        await _is_found(client, one, names, verdicts) for one in await run_sync(pursuing.orphaned, names, _TOGETHER)
    ]
    strays = await _find_strays(client, names, verdicts)
    await run_sync(arriving.given_up, names, settings.load().wavespeed_doubt_seconds)
    return sum(found) + strays


async def _find_strays(client: Client, names: Sequence[str], verdicts: Verdicts) -> int:
    """Look in these keys' lists for what may have been sent with another; how many were found.

    What no list shows may be in one that cannot be read any more.
    """
    strays = await run_sync(pursuing.strays, names, _TOGETHER)
    lost = sent = [one for one in strays if one.marker is not None]
    for name in names:
        listing = Listing(client, name, verdicts, {})
        if lost and await listing.read(lost, lost):
            lost = await listing.find(lost)
    await mark_unproven([*lost, *(one for one in strays if one.marker is None)])
    return len(sent) - len(lost)


async def _is_found(client: Client, one: There, names: Sequence[str], verdicts: Verdicts) -> bool:
    """Whether one of these keys knows it: from now on it is that key's."""
    for name in names:
        try:
            prediction = await client.prediction(name, one.upstream_id)
        except Refused as refused:
            if refused.status != HTTPStatus.NOT_FOUND:
                return False
        except UpstreamError:
            return False
        else:
            await run_sync(pursuing.adopt, one.id, name)
            verdicts.hear(one.id, prediction)
            return True
    return False
