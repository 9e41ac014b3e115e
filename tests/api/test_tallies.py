"""Promises about the counts of answers, of one process and of several that share a port."""

from pathlib import Path

import pytest

from api.tallies import Tallies

POLL = "GET /v1/jobs/{job_id}"


def test_answers_are_spread_over_buckets_by_route_and_status() -> None:
    tallies = Tallies()
    for seconds in (0.004, 0.02, 20.0):
        tallies.note(POLL, 200, seconds)
    tallies.note(POLL, 404, 0.005)
    found = tallies.spreads()
    assert [at for at, count in enumerate(found[POLL, "200"].counts) for _ in range(int(count))] == [0, 2, 14]
    assert found[POLL, "200"].total == pytest.approx(20.024)
    assert (found[POLL, "404"].counts[0], sum(found[POLL, "404"].counts)) == (1, 1)


def test_whichever_sibling_is_asked_tells_what_all_counted(tmp_path: Path) -> None:
    first, second = Tallies(tmp_path / "metrics"), Tallies(tmp_path / "metrics")
    first.note(POLL, 200, 0.01)
    second.note(POLL, 200, 0.01)
    second.note("POST /v1/jobs", 201, 0.01)
    assert first.spreads() == second.spreads()
    assert sum(first.spreads()[POLL, "200"].counts) == 2
    assert ("POST /v1/jobs", "201") in first.spreads()


def test_a_new_process_goes_on_where_a_dead_one_ended(tmp_path: Path) -> None:
    first, second = Tallies(tmp_path), Tallies(tmp_path)
    for one in (first, second):
        one.note(POLL, 200, 0.01)
    second.close()
    assert sum(first.spreads()[POLL, "200"].counts) == 2
    third = Tallies(tmp_path)
    third.note(POLL, 200, 0.01)
    assert sum(third.spreads()[POLL, "200"].counts) == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_a_folder_that_cannot_be_written_leaves_a_door_its_own_counts(tmp_path: Path) -> None:
    (tmp_path / "metrics").write_text("a file")
    tallies = Tallies(tmp_path / "metrics")
    tallies.note(POLL, 200, 0.01)
    assert sum(tallies.spreads()[POLL, "200"].counts) == 1


def test_no_flood_of_routes_takes_more_than_its_place() -> None:
    tallies = Tallies()
    for number in range(2000):
        tallies.note(f"GET /{number}", 200, 0.01)
    assert len(tallies.spreads()) == 1024
