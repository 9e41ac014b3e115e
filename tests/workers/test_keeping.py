"""What of an unfinished video outlives its worker, and what does not outlive its job."""

from pathlib import Path

import pytest

from jobs import lifecycle, settings, storage
from jobs.accounts import Caller
from jobs.lifecycle import Claim
from jobs.rules import keys
from tests import factories
from tests.conftest import set_settings
from tests.fakes.bucket_proxy import BucketProxy
from tests.past import execute
from workers import keeping
from workers.chores import sweep
from workers.keeping import Keeper
from workers.lease import Lease


@pytest.fixture
def gpu_house(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_ENGINES": "gpu"})


@pytest.fixture
def first(gpu_house: None, caller: Caller) -> Claim:
    factories.submit(caller)
    return factories.claim(engine="gpu")


def given(folder: Path, **contents: str) -> dict[str, Path]:
    """Files to be handed over; whoever takes them removes them."""
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"{name}-{len(list(folder.iterdir()))}" for name in contents}
    for name, path in paths.items():
        path.write_text(contents[name])
    return paths


def brought(claim: Claim, folder: Path) -> dict[str, str]:
    folder.mkdir()
    found = Keeper(claim, folder).bring(Lease(claim, lambda: False))
    return {} if found is None else {path.name: path.read_text() for path in found.iterdir()}


def taken_over(claim: Claim) -> Claim:
    lifecycle.hand_back(claim)
    return factories.claim("another", engine="gpu")


def test_the_next_holder_finds_the_latest_of_each_file(first: Claim, tmp_path: Path) -> None:
    keeper = Keeper(first, tmp_path)
    files = given(tmp_path / "a", chunk_0="zero", state="after zero")
    keeper.keep(files)
    keeper.keep(given(tmp_path / "b", chunk_1="one", state="after one"))
    assert not any(path.exists() for path in files.values())
    second = taken_over(first)
    assert brought(second, tmp_path / "c") == {"chunk_0": "zero", "chunk_1": "one", "state": "after one"}


def test_a_job_that_comes_further_is_not_held_the_workers_it_lost_before(first: Claim, tmp_path: Path) -> None:
    execute("UPDATE jobs SET attempt = 4, workers_lost = 1")
    Keeper(first, tmp_path).keep(given(tmp_path / "a", chunk_0="zero", state="after zero"))
    assert execute("SELECT attempt, workers_lost FROM jobs") == [(4, 0)]


def test_what_was_brought_and_what_came_since_belong_together(first: Claim, tmp_path: Path) -> None:
    Keeper(first, tmp_path).keep(given(tmp_path / "a", chunk_0="zero", state="after zero"))
    second = taken_over(first)
    (tmp_path / "b").mkdir()
    keeper = Keeper(second, tmp_path / "b")
    keeper.bring(Lease(second, lambda: False))
    keeper.keep(given(tmp_path / "c", chunk_1="one", state="after one"))
    # The first holder wakes, long past its lease, and has got further its own way.
    Keeper(first, tmp_path).keep(given(tmp_path / "d", chunk_1="one, otherwise", state="otherwise"))
    third = taken_over(second)
    assert brought(third, tmp_path / "e") == {"chunk_0": "zero", "chunk_1": "one", "state": "after one"}


def test_a_first_holder_and_one_after_nothing_begin_anew(first: Claim, tmp_path: Path) -> None:
    assert brought(first, tmp_path / "a") == {}
    assert brought(taken_over(first), tmp_path / "b") == {}


def test_what_an_absent_bucket_did_not_take_goes_with_the_next_turn(
    first: Claim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(first, tmp_path)
    with BucketProxy(settings.load().s3_endpoint_url) as proxy:
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": proxy.url})
        with proxy.failing():
            keeper.keep(given(tmp_path / "a", chunk_0="zero", state="after zero"))
        keeper.keep(given(tmp_path / "b", chunk_1="one", state="after one"))
        set_settings(monkeypatch, {"DUOLOGUE_S3_ENDPOINT_URL": f"http://{proxy.behind[0]}:{proxy.behind[1]}"})
    assert brought(taken_over(first), tmp_path / "c") == {"chunk_0": "zero", "chunk_1": "one", "state": "after one"}


def test_a_final_job_keeps_nothing(first: Claim, tmp_path: Path) -> None:
    Keeper(first, tmp_path).keep(given(tmp_path / "a", chunk_0="zero"))
    own = keys.job(first.account_id, first.job_id)
    (tmp_path / "video").write_text("a video")
    storage.put(tmp_path / "video", keys.video(first.account_id, first.job_id, first.fence), "video/mp4")
    assert sweep.run_once() == 0
    lifecycle.finish(first, factories.output(first))
    keeping.forget(first)
    assert list(storage.keys_below(own)) == [keys.video(first.account_id, first.job_id, first.fence)]
    Keeper(first, tmp_path).keep(given(tmp_path / "b", chunk_1="one"))  # too late, and nobody else looks there
    assert sweep.run_once() == 2
    assert list(storage.keys_below(own)) == [keys.video(first.account_id, first.job_id, first.fence)]
