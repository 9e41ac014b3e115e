import io

import pytest
from rich.console import Console

from cli.sheet import Sheet

ID = "01a2051f5557736eadffe4341120da22"
NAMES = ("id", "status", "model", "engine", "created", "took", "tags")
ROW = (ID, "completed", "infinitetalk-fast/multi", "preview", "2026-11-22 21:17:49", "76.3 s", "spring [b]sale[/b]")
BARE = (ID, "waiting", "infinitetalk", "preview", "2026-11-22 21:17:49", "0.1 s", "")


def printed(width: int, *rows: tuple[str, ...]) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=width, highlight=False).print(Sheet(NAMES, rows))
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_where_there_is_room_a_row_is_a_line() -> None:
    lines = printed(200, ROW, BARE)
    assert [line.split()[0] for line in lines] == ["id", ID, ID]
    assert all(cell in lines[1] for cell in ROW)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_where_there_is_none_every_cell_still_stands_whole_in_a_line(width: int) -> None:
    lines = printed(width, ROW, BARE)
    assert lines[0] == f"{ID}  completed"
    assert [cell for cell in ROW if not any(cell in line for line in lines)] == []
    assert max(map(len, lines)) <= width


def test_what_says_nothing_takes_no_place() -> None:
    assert not any("tags" in line for line in printed(80, BARE))
