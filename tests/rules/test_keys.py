import uuid

import pytest

from jobs.rules import batches, keys

ACCOUNT, JOB, UPLOAD = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)


def test_what_belongs_to_a_job_says_so() -> None:
    for key in (keys.video(ACCOUNT, JOB, 3), keys.regular_input(ACCOUNT, JOB, 1, "image.png")):
        assert keys.job_of(key) == JOB


@pytest.mark.parametrize(
    "key",
    [
        keys.upload(ACCOUNT, UPLOAD, f"{ACCOUNT.hex}/jobs/{JOB.hex}/1/a.mp4"),
        f"elsewhere/{keys.job(ACCOUNT, JOB)}1/a.mp4",
        f"{ACCOUNT.hex}/jobs/{JOB}/1/a.mp4",
        keys.job(ACCOUNT, JOB).removesuffix("/"),
        "",
    ],
)
def test_nothing_else_belongs_to_a_job(key: str) -> None:
    assert keys.job_of(key) is None


def test_a_key_that_we_make_is_its_accounts_alone() -> None:
    for key in (keys.video(ACCOUNT, JOB, 3), keys.upload(ACCOUNT, UPLOAD, "a.png")):
        assert keys.is_of(ACCOUNT, key)
        assert not keys.is_of(uuid.UUID(int=9), key)


@pytest.mark.parametrize("name", ["../a", "", "./a", "..\\a", "a\0", "a\n", "a\x7f", "\ud800", "a" * 1000, "ü" * 500])
def test_what_cannot_be_a_key_is_nobodys(name: str) -> None:
    assert not keys.is_of(ACCOUNT, f"{keys.account(ACCOUNT)}uploads/{name}")


def test_our_keys_are_known_by_their_shape() -> None:
    ours = [keys.video(ACCOUNT, JOB, 3), keys.upload(ACCOUNT, UPLOAD, "a.png"), batches.key(ACCOUNT, UPLOAD, "a.jsonl")]
    assert all(keys.is_ours(key) for key in ours)
    foreign = ["", "backup.tar", f"other/{ours[0]}", f"{ACCOUNT.hex}/notes/{JOB.hex}/a"]
    assert not any(keys.is_ours(key) for key in foreign)
