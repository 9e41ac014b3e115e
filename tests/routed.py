"""A house with GPUs and the cloud, and jobs that go from one to the other."""

import pytest

from jobs import database, dispatch, lifecycle, presence
from jobs.accounts import Caller
from jobs.rules.tiers import key_name
from jobs.tables import Job
from tests import factories
from tests.conftest import set_settings

KEY_NAME = key_name("made-up")


def configure(patch: pytest.MonkeyPatch, **changes: str) -> None:
    """Have every engine configured, with one key at an upstream that nobody calls."""
    told = {"DUOLOGUE_ENGINES": "gpu,cloud,preview", "DUOLOGUE_WAVESPEED_API_KEYS": "made-up:silver"}
    set_settings(patch, told | changes)
    database.engine()  # before there are threads: two that ask first at once would each make a pool
    dispatch.forget()


def staff() -> None:
    """Have a worker alive for each of gpu and cloud."""
    presence.beat("machine:7", ["gpu"], slots=2, version="0")
    presence.beat("machine:8", ["cloud"], slots=3, version="0")
    dispatch.forget()


def prepared(caller: Caller) -> Job:
    """A job that may go up to the cloud."""
    job = factories.submit(caller, engine="cloud")
    claim = factories.claim(engine="cloud")
    lifecycle.keep_media(claim, {name: {"key": f"{name}.wav", "seconds": 4.2} for name in claim.model.media})
    lifecycle.prepared(claim)
    return job
