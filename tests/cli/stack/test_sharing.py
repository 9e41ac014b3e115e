from collections.abc import Callable
from pathlib import Path

import pytest

from cli import stack
from jobs.errors import WrongSetting
from tests.cli.stack import clients
from tests.cli.stack.neighbours import PATIENCE_SECONDS, Host, is_quiet, pid_of, wait_until


def test_a_stopped_stack_leaves_no_process_and_comes_back_with_its_data_on_its_ports(home: Path) -> None:
    data = home / "data"
    with stack.running(data) as first:
        with clients.database(first.environment) as database:
            database.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with clients.broker(first.environment) as broker:
            broker.set("kept", "yes")
        with clients.bucket(first.environment) as bucket:
            bucket.put_object(Bucket="duologue", Key="kept", Body=b"yes")
    assert is_quiet(data)
    assert stack.find(data) is None
    with stack.running(data) as second:
        assert second.environment == first.environment
        with clients.database(second.environment) as database:
            assert database.execute("SELECT one FROM kept").fetchone() == (1,)
        with clients.broker(second.environment) as broker:
            assert broker.get("kept") == b"yes"
        with clients.bucket(second.environment) as bucket:
            assert bucket.get_object(Bucket="duologue", Key="kept")["Body"].read() == b"yes"
    assert is_quiet(data)


def test_a_second_process_joins_what_runs(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    first = host(data, "database", "broker").wait_until_up()
    second = host(data, "database").wait_until_up()
    assert (first["started"], second["started"]) == (["database", "broker"], [])
    assert second["environment"].items() < first["environment"].items()
    assert stack.find(data) == first["environment"]


def test_a_part_that_nobody_runs_yet_is_started_beside_the_others(home: Path, host: Callable[..., Host]) -> None:
    host(home / "data", "broker").wait_until_up()
    with stack.running(home / "data", parts=("database", "broker")) as now:
        assert now.started == ("database",)
        assert now.environment.keys() == {"DUOLOGUE_DATABASE_URL", "DUOLOGUE_BROKER_URL"}


def test_two_commands_at_once_share_one_server(home: Path, host: Callable[..., Host]) -> None:
    both = [host(home / "data", "broker") for _ in range(2)]
    answers = [one.wait_until_up() for one in both]
    assert answers[0]["environment"] == answers[1]["environment"]
    assert sorted(len(answer["started"]) for answer in answers) == [0, 1]
    assert [one.end() for one in both] == [0, 0]
    assert is_quiet(home / "data")


def test_servers_stay_until_their_last_user_has_left(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    starter = host(data, "broker")
    starter.wait_until_up()
    with stack.running(data, parts=("broker",)) as guest:
        pid = pid_of(data, "broker")
        assert starter.end() == 0
        with clients.broker(guest.environment) as broker:
            assert broker.ping()
        assert pid_of(data, "broker") == pid
    assert is_quiet(data)


def test_a_newcomer_waits_for_a_stack_that_is_stopping(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    leaving = host(data, "database")
    leaving.wait_until_up()
    leaving.ask_to_leave()
    with stack.running(data, parts=("database",)) as now, clients.database(now.environment) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
    assert leaving.process.wait(PATIENCE_SECONDS) == 0


def test_two_folders_side_by_side_share_nothing(home: Path) -> None:
    parts = ("database", "broker")
    with stack.running(home / "one", parts=parts) as one, stack.running(home / "two", parts=parts) as two:
        assert not set(one.environment.values()) & set(two.environment.values())
        with clients.database(one.environment) as database:
            database.execute("CREATE TABLE mine ()")
        with clients.database(two.environment) as database:
            assert database.execute("SELECT to_regclass('mine')").fetchone() == (None,)


@pytest.mark.parametrize("setting", ["DUOLOGUE_DATABASE_URL", "DUOLOGUE_DATABASE_URL_FILE"])
def test_an_address_of_ones_own_replaces_its_part(home: Path, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    monkeypatch.setenv(setting, "postgresql+psycopg://me@elsewhere/mine")
    with stack.running(home / "data", parts=("database", "broker")) as now:
        assert now.started == ("broker",)
        assert now.environment.keys() == {"DUOLOGUE_BROKER_URL"}
    assert not (home / "data" / "database").exists()


def test_nothing_is_found_where_nothing_ran(home: Path) -> None:
    assert stack.find(home / "nowhere") is None
    assert not (home / "nowhere").exists()


def test_a_folder_that_was_there_keeps_its_mode(home: Path) -> None:
    data = home / "mine"
    data.mkdir(mode=0o755)
    with stack.running(data, parts=("broker",)):
        assert data.stat().st_mode & 0o777 == 0o755


def test_each_start_and_join_is_reported(home: Path) -> None:
    said: list[str] = []
    with stack.running(home / "data", parts=("broker",), report=said.append) as now:
        port = now.environment["DUOLOGUE_BROKER_URL"].partition("127.0.0.1:")[2].partition("/")[0]
        with stack.running(home / "data", parts=("broker",), report=said.append):
            pass
    assert said == [f"broker started on port {port}", f"broker joined on port {port}"]


def test_a_failed_start_takes_the_others_down_again(home: Path) -> None:
    data = home / "data"
    with stack.running(data, parts=("broker",)):
        pass
    (data / "broker" / "appendonlydir").rename(data / "elsewhere")
    (data / "broker" / "appendonlydir").write_text("not a folder")
    with pytest.raises(WrongSetting, match=r"broker ended as it started.*DUOLOGUE_BROKER_URL"):
        stack.running(data, parts=("database", "broker")).__enter__()
    wait_until(lambda: is_quiet(data), what="all processes gone")
