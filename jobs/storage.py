"""The bucket: put, link, fetch and remove objects; knows keys and bytes, nothing of jobs."""

import hashlib
import shutil
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from jobs import clock, parts, settings
from jobs.errors import StorageError
from jobs.parts import Writer
from jobs.rules import links
from jobs.rules.links import Signer

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

_DEFAULT_PORTS = {"http": 80, "https": 443}
READ_SECONDS = 60
CALLER_WAITS_SECONDS = 10
"""How long the bucket may say nothing before it is asked again; the second while somebody at the door waits for it."""
_PIECE_BYTES = 2**20
_MISSING = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}
# Two parts of 8 MiB on their way at once: memory stays flat whatever the file's length.
_STREAMED = TransferConfig(multipart_threshold=8 * 2**20, multipart_chunksize=8 * 2**20, max_concurrency=2)
_connecting = threading.Lock()


@dataclass(frozen=True)
class Stored:
    """An object as it lies in the bucket."""

    key: str
    bytes: int
    sha256: str


def put(path: Path, key: str, content_type: str, *, read_seconds: int = READ_SECONDS) -> Stored:
    """Stream a file into the bucket, its SHA-256 with it. Raises StorageError when the bucket will not take it."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with _told_as_storage_error("store a file"):
        _client(read_seconds).upload_file(
            str(path),
            _bucket(),
            key,
            ExtraArgs={"ContentType": content_type, "Metadata": {"sha256": digest}},
            Config=_STREAMED,
        )
    return Stored(key=key, bytes=path.stat().st_size, sha256=digest)


@contextmanager
def writing(key: str, content_type: str) -> Iterator[Writer]:
    """Open `key` for writing as bytes come: it is there, whole, once this ends, and not if it ends in an error.

    Raises StorageError when the bucket does not take it.
    """
    with parts.writing(_client(), _bucket(), key, content_type) as writer:
        yield writer


def download(key: str, destination: Path, max_bytes: int | None = None, *, read_seconds: int = READ_SECONDS) -> None:
    """Stream an object into a file; one of our own needs no limit.

    Raises StorageError, permanent when it is not there or too long.
    """
    with _told_as_storage_error("give a file"), destination.open("wb") as file:
        found = _client(read_seconds).get_object(Bucket=_bucket(), Key=key)
        with closing(found["Body"]) as body:
            if max_bytes is not None and found["ContentLength"] > max_bytes:
                raise StorageError(f"the file has more than {max_bytes} bytes", permanent=True)
            shutil.copyfileobj(body, file, _PIECE_BYTES)


def size(key: str) -> int | None:
    """Length of an object in bytes; None when it is not there."""
    try:
        with _told_as_storage_error("look for a file"):
            return _client().head_object(Bucket=_bucket(), Key=key)["ContentLength"]
    except StorageError as error:
        if error.permanent:
            return None
        raise


def link(key: str, seconds: int, note: str = "") -> str:
    """Sign a link that reads `key` for `seconds`, for the public host. No call to the bucket is made."""
    return _reader().link(f"{_bucket()}/{key}", clock.now(), seconds, note)


def steady_link(key: str) -> str:
    """Sign the link that everybody is given who reads `key` now: it changes only once its minimum would be missed."""
    chosen = settings.load()
    window_seconds = max(1, chosen.link_seconds - chosen.link_min_seconds)
    signed_at = links.window_start(clock.now(), window_seconds)
    return _reader().link(f"{_bucket()}/{key}", signed_at, chosen.link_seconds)


def link_to_put(key: str, content_type: str, size_bytes: int, seconds: int) -> tuple[str, dict[str, str]]:
    """Sign a link that writes `key` once: the URL, and the headers the PUT must carry to the letter.

    The length in bytes is signed too; every client sends it by itself.
    """
    url: str = _signer().generate_presigned_url(
        "put_object",
        Params={
            "Bucket": _bucket(),
            "Key": key,
            "ContentType": content_type,
            "ContentLength": size_bytes,
            "IfNoneMatch": "*",
        },
        ExpiresIn=seconds,
    )
    return url, {"Content-Type": content_type, "If-None-Match": "*"}


def own_key(url: str) -> str | None:
    """The key a link into our bucket names, by exact host and port of either face; None for every other URL."""
    for base in {_signer().meta.endpoint_url, _client().meta.endpoint_url}:
        if _origin(base) is not None and _origin(base) == _origin(url):
            path = unquote(urlsplit(url).path)
            prefix = f"{urlsplit(base).path.rstrip('/')}/{_bucket()}/"
            return path.removeprefix(prefix) if path.startswith(prefix) else None
    return None


def remove(keys: Iterable[str]) -> None:
    """Remove objects; those already gone are fine."""
    for key in keys:
        with _told_as_storage_error("remove a file"):
            _client().delete_object(Bucket=_bucket(), Key=key)


def keys_below(prefix: str) -> Iterator[str]:
    """Every key that begins with `prefix`."""
    with _told_as_storage_error("list files"):
        for page in _client().get_paginator("list_objects_v2").paginate(Bucket=_bucket(), Prefix=prefix):
            yield from (found["Key"] for found in page.get("Contents", ()))


def cut_off(before: datetime) -> Iterator[tuple[str, str]]:
    """Key and upload of each object that was begun in parts before then and never made whole; no list shows these."""
    with _told_as_storage_error("list unfinished files"):
        for page in _client().get_paginator("list_multipart_uploads").paginate(Bucket=_bucket()):
            yield from ((one["Key"], one["UploadId"]) for one in page.get("Uploads", ()) if one["Initiated"] < before)


def throw_away(key: str, upload: str) -> None:
    """Remove the parts of what was begun and never made whole; one that is gone by now is fine."""
    try:
        with _told_as_storage_error("remove parts of a file"):
            _client().abort_multipart_upload(Bucket=_bucket(), Key=key, UploadId=upload)
    except StorageError as error:
        if not error.permanent:
            raise


def make_bucket() -> None:
    """Create the bucket when it is not there."""
    with _told_as_storage_error("reach the bucket"):
        try:
            _client().head_bucket(Bucket=_bucket())
        except ClientError as error:
            if error.response["Error"]["Code"] not in _MISSING:
                raise
            _client().create_bucket(Bucket=_bucket())


@contextmanager
def _told_as_storage_error(what: str) -> Iterator[None]:
    """Turn the library's errors into one of ours, without keys, links or addresses of the bucket in it."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise StorageError(f"the bucket would not {what}: {code}", permanent=code in _MISSING) from None
    except (BotoCoreError, boto3.exceptions.Boto3Error, HTTPError) as error:
        raise StorageError(f"could not {what}: {type(error).__name__}") from None


def _origin(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.hostname.lower(), port) if parts.hostname else None


def _bucket() -> str:
    return settings.load().s3_bucket


def _client(read_seconds: int = READ_SECONDS) -> "S3Client":
    with _connecting:  # the library makes clients for one thread at a time
        return _connect(settings.load().s3_endpoint_url, read_seconds)


def _signer() -> "S3Client":
    """Signs for the host that callers see, which may differ from the one we reach the bucket by."""
    chosen = settings.load()
    with _connecting:
        return _connect(chosen.s3_public_url or chosen.s3_endpoint_url)


def _reader() -> Signer:
    """Signs links to read without the library, which takes its time over each: polls ask for thousands a second."""
    chosen = settings.load()
    secret = chosen.secret("s3_secret_access_key")
    return Signer(_signer().meta.endpoint_url, chosen.s3_region, chosen.secret("s3_access_key_id"), secret)


@cache
def _connect(endpoint_url: str, read_seconds: int = READ_SECONDS) -> "S3Client":
    chosen = settings.load()
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url or None,
        region_name=chosen.s3_region,
        aws_access_key_id=chosen.secret("s3_access_key_id"),
        aws_secret_access_key=chosen.secret("s3_secret_access_key"),
        config=Config(
            signature_version="s3v4",
            s3={"addressing_style": "path"},
            connect_timeout=5,
            read_timeout=read_seconds,
            retries={"mode": "standard", "total_max_attempts": 3},
            max_pool_connections=20,
            # Services other than Amazon's do not all know the newer checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
