"""Rows for a terminal: a table where it has room, else a few lines a row; nothing that one copies is ever broken."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Console, ConsoleOptions, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

_ROOMY = 10_000
_INDENT = 4
_BETWEEN = "   "


@dataclass(frozen=True)
class Sheet:
    """The first two columns name a row; where there is no table, the others follow below, those that say something."""

    names: Sequence[str]
    rows: Sequence[Sequence[str | Text]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        table = self._table()
        roomy = options.update(width=_ROOMY, max_width=_ROOMY)
        if console.measure(table, options=roomy).maximum <= options.max_width:
            yield table
        else:
            yield from self._lines(options.max_width)

    def _table(self) -> Table:
        table = Table(*self.names, box=None, pad_edge=False)
        for row in self.rows:
            table.add_row(*(_text(cell) for cell in row))
        return table

    def _lines(self, width: int) -> Iterator[RenderableType]:
        for row in self.rows:
            yield Text("  ").join([_text(row[0]), _text(row[1])])
            told = [
                Text(f"{name} ", style="dim") + _text(cell)
                for name, cell in zip(self.names[2:], row[2:], strict=True)
                if cell
            ]
            for line in _packed(told, width - _INDENT):
                yield Padding(line, (0, 0, 0, _INDENT))


def _packed(cells: Sequence[Text], width: int) -> Iterator[Text]:
    """As many cells a line as fit, none broken that fits at all."""
    line = Text()
    for cell in cells:
        if line and line.cell_len + len(_BETWEEN) + cell.cell_len > width:
            yield line
            line = Text()
        line = Text(_BETWEEN).join([line, cell]) if line else cell
    if line:
        yield line


def _text(cell: str | Text) -> Text:
    """What callers wrote is no markup."""
    return cell if isinstance(cell, Text) else Text(cell, style="not dim")
