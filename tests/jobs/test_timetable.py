from concurrent.futures import ThreadPoolExecutor

from jobs import timetable


def test_of_many_who_ask_at_once_one_takes_the_turn(database: dict[str, str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: timetable.take("rescue", 60), range(16))) == 1


def test_a_turn_comes_again_when_it_is_due(database: dict[str, str]) -> None:
    assert timetable.take("rescue", 0)
    assert timetable.take("rescue", 60)
    assert not timetable.take("rescue", 60)


def test_what_was_done_is_written_down(database: dict[str, str]) -> None:
    timetable.take("rescue", 60)
    timetable.tick_off("rescue", done=3, took_ms=12)
    (chore,) = timetable.chores()
    assert (chore.name, chore.done, chore.took_ms) == ("rescue", 3, 12)
