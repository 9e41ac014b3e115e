"""Promises about writing into the bucket as bytes come: all of it with its checksum, or nothing, and nothing left."""

import hashlib
import random
import uuid
from typing import Any

import pytest

from jobs import parts, storage
from jobs.errors import StorageError
from jobs.parts import PART_BYTES, Writer
from tests.fakes.bucket_proxy import BucketProxy


@pytest.fixture
def key(bucket: str) -> str:
    return f"acme/{uuid.uuid4().hex}.mp4"


@pytest.mark.parametrize("size", [0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 4 * PART_BYTES + 12_345])
def test_what_was_written_is_there(bucket: str, key: str, size: int) -> None:
    content = random.Random(size).randbytes(size)  # noqa: S311 - bytes to tell apart, not a secret
    with parts.writing(storage._client(), bucket, key, "video/mp4") as writer:
        write(writer, content)

    found = storage._client().get_object(Bucket=bucket, Key=key)
    with found["Body"] as body:
        assert body.read() == content
    assert found["ContentType"] == "video/mp4"
    assert (writer.size_bytes, writer.digest()) == (size, hashlib.sha256(content).hexdigest())
    assert unfinished(bucket) == []


@pytest.mark.parametrize("size", [10, 3 * PART_BYTES])
def test_nothing_is_there_after_an_error(bucket: str, key: str, size: int) -> None:
    def half() -> None:
        with parts.writing(storage._client(), bucket, key, "video/mp4") as writer:
            write(writer, bytes(size))
            raise KeyError

    with pytest.raises(KeyError):
        half()

    assert storage.size(key) is None
    assert unfinished(bucket) == []


def test_nothing_is_seen_before_the_end(bucket: str, key: str) -> None:
    with parts.writing(storage._client(), bucket, key, "video/mp4") as writer:
        write(writer, bytes(2 * PART_BYTES))
        assert storage.size(key) is None

    assert storage.size(key) == 2 * PART_BYTES


def test_a_bucket_that_fails_in_the_middle_is_told_and_nothing_is_there(
    bucket: str, key: str, database: dict[str, str]
) -> None:
    with BucketProxy(database["DUOLOGUE_S3_ENDPOINT_URL"]) as proxy:
        client = storage._connect(proxy.url)

        def spoiled() -> None:
            with parts.writing(client, bucket, key, "video/mp4") as writer:
                write(writer, bytes(PART_BYTES))
                with proxy.failing(500):
                    write(writer, bytes(4 * PART_BYTES))

        with pytest.raises(StorageError, match="the bucket would not store a file") as told:
            spoiled()

    assert not told.value.permanent
    assert storage.size(key) is None
    assert unfinished(bucket) == []


def write(writer: Writer, content: bytes, piece_bytes: int = 65_536) -> None:
    for at in range(0, len(content), piece_bytes):
        writer.write(content[at : at + piece_bytes])


def unfinished(bucket: str) -> list[Any]:
    return list(storage._client().list_multipart_uploads(Bucket=bucket).get("Uploads", []))
