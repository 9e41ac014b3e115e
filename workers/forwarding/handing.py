"""How the upstream gets a try's inputs: links into our bucket that name the try, or uploads of its own."""

import ipaddress
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import anyio.to_thread

from jobs import settings, storage
from jobs.lifecycle.forwarding import Sending
from jobs.rules import markers
from jobs.rules.catalog import MODELS
from workers import scratch
from workers.engines.cloud.client import Client
from workers.engines.cloud.uploading import Parcel
from workers.media import CONTENT_TYPES, REGULAR_MAX_BYTES

_LINK_MAX_SECONDS = 7 * 86400
_LATE_SECONDS = 3600


def has_links() -> bool:
    """Whether the upstream reads our bucket; else it is given copies."""
    chosen = settings.load()
    if chosen.wavespeed_inputs != "auto":
        return chosen.wavespeed_inputs == "links"
    return _is_seen_from_outside(chosen.s3_public_url or chosen.s3_endpoint_url)


def links(sending: Sending) -> dict[str, str]:
    """A link for each medium; its query names the try, so that this very submit is found again."""
    seconds = min(sending.link_seconds + _LATE_SECONDS, _LINK_MAX_SECONDS)
    note = markers.note(sending.try_id)
    return {field: storage.link(key, seconds, note) for field, key in sending.media.items()}


async def uploads(client: Client, sending: Sending) -> dict[str, str]:
    """A copy of each medium at the upstream, made for this try alone. Raises UpstreamError and StorageError."""
    with scratch.folder() as folder:
        return {field: await _upload(client, sending, key, folder) for field, key in sending.media.items()}


def marker(sending: Sending, urls: Mapping[str, str]) -> str:
    """What the try is found by in the upstream's list: the URL of its first voice, without the signature."""
    url = urls[MODELS[sending.model].voices[0]]
    bare, _, query = url.partition("?")
    note = markers.note(sending.try_id)
    return f"{bare}?{note}" if note in query.split("&") else bare


async def _upload(client: Client, sending: Sending, key: str, folder: Path) -> str:
    file = folder / Path(key).name
    await anyio.to_thread.run_sync(storage.download, key, file, REGULAR_MAX_BYTES)
    kind = CONTENT_TYPES.get(file.suffix, "application/octet-stream")
    parcel = Parcel(file, (await anyio.Path(file).stat()).st_size, kind)
    return await client.upload(sending.upstream_key, parcel)


def _is_seen_from_outside(endpoint_url: str) -> bool:
    """Whether an address is one that others can reach, as far as the text shows; no endpoint is Amazon's own."""
    host = urlsplit(endpoint_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return not endpoint_url or ("." in host and not host.endswith((".local", ".internal", ".localhost")))
