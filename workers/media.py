"""Gets a job's media as regular files: made by intake the first time, from the bucket ever after."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs import lifecycle, settings, storage
from jobs.errors import StorageError
from jobs.lifecycle import Claim
from jobs.rules import durations, keys
from workers.intake.fetch import Ways
from workers.intake.limits import Limits
from workers.intake.prepare import Request, prepare
from workers.intake.regular import Regular
from workers.lease import Lease

CONTENT_TYPES = {
    ".png": "image/png",
    ".wav": "audio/wav",
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
REGULAR_MAX_BYTES = 2**30


def bring(claim: Claim, folder: Path, lease: Lease) -> Mapping[str, Regular]:
    """Every media field of the job as a regular file in `folder`.

    Raises MediaError when a caller's medium cannot be used, StorageError when the bucket is away, Stopped.
    """
    if claim.media:
        try:
            return _from_bucket(claim, claim.media, folder, lease)
        except StorageError as error:
            if not error.permanent:
                raise  # the bucket is away; only what is gone for good is fetched anew
    return _from_caller(claim, folder, lease)


def _from_caller(claim: Claim, folder: Path, lease: Lease) -> Mapping[str, Regular]:
    chosen = settings.load()
    prepared = prepare(
        Request(claim.account_id, claim.model.media, lease.insist(lambda: lifecycle.sources(claim))),
        folder,
        Limits(fetch_seconds=chosen.fetch_seconds),
        Ways(storage, chosen.allowed_networks, check=lease.check),
    )
    durations.refuse_too_long(claim.inputs.get("order", "meanwhile"), prepared.tracks)
    _keep(claim, prepared.files, lease)
    return prepared.files


def _keep(claim: Claim, files: Mapping[str, Regular], lease: Lease) -> None:
    stored = {field: _store(claim, regular, lease) for field, regular in files.items()}
    lease.insist(lambda: lifecycle.keep_media(claim, stored))


def _store(claim: Claim, regular: Regular, lease: Lease) -> dict[str, Any]:
    """Keep a regular file under the job's prefix, for later attempts and other engines."""
    lease.check()
    key = keys.regular_input(claim.account_id, claim.job_id, claim.fence, regular.path.name)
    storage.put(regular.path, key, CONTENT_TYPES.get(regular.path.suffix, "application/octet-stream"))
    return {**regular.as_json(), "key": key}


def _from_bucket(claim: Claim, media: Mapping[str, Any], folder: Path, lease: Lease) -> dict[str, Regular]:
    found = {}
    own = keys.job(claim.account_id, claim.job_id)
    for field, facts in media.items():
        lease.check()
        regular = Regular.from_json({name: value for name, value in facts.items() if name != "key"}, folder)
        storage.download(facts["key"], regular.path, REGULAR_MAX_BYTES)
        found[field] = regular
    if not all(facts["key"].startswith(own) for facts in media.values()):
        _keep(claim, found, lease)  # a re-run outlives the job whose files it began with
    return found
