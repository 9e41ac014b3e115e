import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
import redis
from botocore.exceptions import BotoCoreError, ClientError

from cli import stack
from tests.cli.stack import clients
from tests.cli.stack.neighbours import Host, is_quiet, pid_of, processes_in, wait_until


def test_a_killed_caller_leaves_no_process_behind(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    caller = host(data, *stack.PARTS)
    caller.wait_until_up()
    caller.kill()
    wait_until(lambda: is_quiet(data), what="all processes gone")
    assert stack.find(data) is None


def test_a_caller_killed_while_it_starts_leaves_no_process_behind(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    caller = host(data, "broker", "bucket")
    wait_until(lambda: bool(list(data.glob("run/bucket.keeper"))), what="a keeper")
    caller.kill()
    wait_until(lambda: is_quiet(data), what="all processes gone")
    with stack.running(data, parts=("broker",)) as now:
        assert now.started == ("broker",)


def test_a_killed_caller_leaves_the_servers_to_those_who_use_them(home: Path, host: Callable[..., Host]) -> None:
    data = home / "data"
    caller = host(data, "broker")
    caller.wait_until_up()
    with stack.running(data, parts=("broker",)) as guest:
        caller.kill()
        with clients.broker(guest.environment) as broker:
            assert broker.ping()
    assert is_quiet(data)


def test_killed_servers_come_back_with_their_data(home: Path) -> None:
    data = home / "data"
    with stack.running(data) as now:
        with clients.database(now.environment) as database:
            database.execute("CREATE TABLE kept AS SELECT 1 AS one")
        with clients.bucket(now.environment) as bucket:
            bucket.put_object(Bucket="duologue", Key="kept", Body=b"yes")
        with clients.broker(now.environment) as broker:
            broker.set("kept", "yes")
            broker.waitaof(1, 0, 60_000)
        pids = {part: pid_of(data, part) for part in stack.PARTS}
        for pid in pids.values():
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: has_row(now), what="the database is back with its data")
        wait_until(lambda: has_word(now), what="the broker is back with its data")
        wait_until(lambda: has_object(now), what="the bucket is back with its data")
        assert not {0, *pids.values()} & {pid_of(data, part) for part in stack.PARTS}
        assert now.broken() is None
    assert is_quiet(data)


def has_row(now: stack.Running) -> bool:
    try:
        with clients.database(now.environment) as database:
            return database.execute("SELECT one FROM kept").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def has_word(now: stack.Running) -> bool:
    try:
        with clients.broker(now.environment) as broker:
            return broker.get("kept") == b"yes"
    except (redis.ConnectionError, redis.exceptions.BusyLoadingError):
        return False


def has_object(now: stack.Running) -> bool:
    try:
        with clients.bucket(now.environment) as bucket:
            return bucket.get_object(Bucket="duologue", Key="kept")["Body"].read() == b"yes"
    except (BotoCoreError, ClientError):  # for a moment its door is open before its volumes are there
        return False


def test_a_server_that_is_down_is_named(home: Path) -> None:
    data = home / "data"
    with stack.running(data, parts=("broker",)) as now:
        configuration = data / "broker" / "valkey.conf"
        text = configuration.read_text()
        configuration.write_text("no such word\n")
        os.kill(pid_of(data, "broker"), signal.SIGKILL)
        wait_until(lambda: "no such word" in (now.broken() or ""), what="the broker's last words")
        assert "The broker is down and being started again" in (now.broken() or "")
        configuration.write_text(text)
        wait_until(lambda: now.broken() is None, what="the broker is back")


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process when its parent is killed")
def test_a_killed_keeper_takes_its_server_along_and_is_named(home: Path) -> None:
    data = home / "data"
    with stack.running(data, parts=("broker",)) as now:
        keeper = next(line for line in processes_in(data) if "keeper.py" in line)
        os.kill(int(keeper.split()[0]), signal.SIGKILL)
        wait_until(lambda: not processes_in(data), what="the server gone too")
        assert "The broker is gone" in (now.broken() or "")
    with stack.running(data, parts=("broker",)) as again:
        assert again.started == ("broker",)


def test_a_pid_file_left_by_a_crash_whose_pid_a_stranger_has_now_does_no_harm(home: Path) -> None:
    data = home / "data"
    with stack.running(data, parts=("database",)):
        pid_file = data / "database" / "cluster" / "postmaster.pid"
        left = pid_file.read_text()
    pid_file.write_text(left.replace(left.split("\n")[0], str(os.getpid()), 1))
    with stack.running(data, parts=("database",)) as now, clients.database(now.environment) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)
