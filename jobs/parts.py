"""Writes an object into the bucket as its bytes come, in parts that go up beside the reading; all of it, or nothing.

Three parts are all that is ever in memory. Knows keys and bytes, nothing of where they come from.
"""

import hashlib
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, TypedDict, cast

from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from jobs.errors import StorageError

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES: Final = 5 * 2**20
"""The least a part may be; ten thousand of them, the most there may be, are 52 GB."""
_AT_ONCE: Final = 2
_GONE: Final = {"404", "NoSuchKey", "NoSuchUpload", "NotFound"}


@contextmanager
def writing(client: "S3Client", bucket: str, key: str, content_type: str) -> Iterator["Writer"]:
    """Open `key` for writing: it is there once this ends, and not if this ends in an error.

    Raises StorageError when the bucket does not take it.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="parts") as threads:
        writer = Writer(client, bucket, key, content_type, threads)
        try:
            yield writer
            writer.finish()
        except BaseException:
            writer.abort()
            raise


class Writer:
    """Takes the bytes of one object in order, and hashes them as they come."""

    def __init__(
        self, client: "S3Client", bucket: str, key: str, content_type: str, threads: ThreadPoolExecutor
    ) -> None:
        self.size_bytes = 0
        self._client, self._bucket, self._key = client, bucket, key
        self._content_type = content_type
        self._threads = threads
        self._hash = hashlib.sha256()
        self._upload_id = ""
        self._under_way: deque[Future[tuple[CompletedPartTypeDef, bytearray]]] = deque()
        self._tags: list[CompletedPartTypeDef] = []
        # The first part grows with what comes: most videos are no longer, and zeroing megabytes takes its time.
        self._part, self._filled = bytearray(), 0
        self._spare: list[bytearray] = []
        self._unmade = _AT_ONCE

    def write(self, piece: bytes) -> None:
        """Take the next bytes; waits while as many parts are under way as may be."""
        self._hash.update(piece)
        self.size_bytes += len(piece)
        rest = memoryview(piece)
        while rest:
            taken = min(len(rest), PART_BYTES - self._filled)
            self._part[self._filled : self._filled + taken] = rest[:taken]  # makes it longer where that is its end
            self._filled, rest = self._filled + taken, rest[taken:]
            if self._filled == PART_BYTES:
                self._send()

    def digest(self) -> str:
        """SHA-256 of all that was written so far, in hex."""
        return self._hash.hexdigest()

    def finish(self) -> None:
        """Make the object be there."""
        if not self._upload_id:
            with _told_as_storage_error():
                self._client.put_object(
                    **self._place(), Body=_body(self._part, self._filled), ContentType=self._content_type
                )
            return
        if self._filled:
            self._send()
        while self._under_way:
            self._await_one()
        with _told_as_storage_error():
            self._complete()

    def abort(self) -> None:
        """Throw away what has gone up so far; what cannot be reached now is left to the chore that sweeps."""
        for future in self._under_way:
            future.cancel()
        wait(self._under_way)
        if self._upload_id:
            with suppress(ClientError, BotoCoreError, HTTPError):
                self._client.abort_multipart_upload(**self._place(), UploadId=self._upload_id)

    def _send(self) -> None:
        """Let the part that was filled go up, and take up another."""
        if not self._upload_id:
            with _told_as_storage_error():
                made = self._client.create_multipart_upload(**self._place(), ContentType=self._content_type)
            self._upload_id = made["UploadId"]
        number = len(self._tags) + len(self._under_way) + 1
        self._under_way.append(self._threads.submit(self._upload, number, self._part, self._filled))
        self._part, self._filled = self._another(), 0

    def _another(self) -> bytearray:
        """A part to be filled: a new one while there may be more, else the next that comes free."""
        if not self._spare and self._unmade:
            self._unmade -= 1
            return bytearray(PART_BYTES)
        while not self._spare:
            self._await_one()
        return self._spare.pop()

    def _upload(self, number: int, part: bytearray, filled: int) -> tuple["CompletedPartTypeDef", bytearray]:
        body = _body(part, filled)
        with _told_as_storage_error():
            answer = self._client.upload_part(**self._place(), UploadId=self._upload_id, PartNumber=number, Body=body)
        return {"ETag": answer["ETag"], "PartNumber": number}, part

    def _await_one(self) -> None:
        """Wait for the oldest part that is under way. Raises StorageError when it did not arrive."""
        tag, part = self._under_way.popleft().result()
        self._tags.append(tag)
        self._spare.append(part)

    def _complete(self) -> None:
        """Put the parts together. Answered twice with a lost reply in between, the second finds nothing left to do."""
        try:
            self._client.complete_multipart_upload(
                **self._place(), UploadId=self._upload_id, MultipartUpload={"Parts": self._tags}
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchUpload" or self._size_there() != self.size_bytes:
                raise

    def _size_there(self) -> int:
        return self._client.head_object(**self._place())["ContentLength"]

    def _place(self) -> "_Place":
        return {"Bucket": self._bucket, "Key": self._key}


def _body(part: bytearray, filled: int) -> bytes:
    """What was filled, without a copy where that is all. The library takes a bytearray, though its types say bytes."""
    return cast("bytes", part if filled == PART_BYTES else part[:filled])


class _Place(TypedDict):
    """Which object."""

    Bucket: str
    Key: str


@contextmanager
def _told_as_storage_error() -> Iterator[None]:
    """Turn the library's errors into one of ours, without keys, links or addresses of the bucket in it."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        raise StorageError(f"the bucket would not store a file: {code}", permanent=code in _GONE) from None
    except (BotoCoreError, HTTPError) as error:
        raise StorageError(f"could not store a file: {type(error).__name__}") from None
