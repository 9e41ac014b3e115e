"""Shows how far a job is: a bar on a terminal, a plain line now and then elsewhere."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

Report = Callable[[str, float], None]
"""Takes the stage in one word and the finished fraction, 0 to 1."""

_STEP = 0.2


@contextmanager
def shown(console: Console, first_stage: str) -> Iterator[Report]:
    """Show progress for as long as this lasts."""
    if console.is_terminal:
        with _bar(console, first_stage) as report:
            yield report
    else:
        yield _lines(console)


@contextmanager
def _bar(console: Console, first_stage: str) -> Iterator[Report]:
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=40),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(first_stage, total=1.0)
        yield lambda stage, done: progress.update(task, description=stage, completed=done)


def _lines(console: Console) -> Report:
    """A line for each new stage, and for each fifth of the way."""
    said: tuple[str, int] | None = None

    def report(stage: str, done: float) -> None:
        nonlocal said
        if said != (stage, step := int(done / _STEP)):
            said = (stage, step)
            console.print(f"{stage} {done:.0%}")

    return report
