import inspect

import pytest

from jobs import errors
from jobs.errors import CallerError, DuologueError, InvalidInput, JobError
from tests.house import tree

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, DuologueError) and kind is not DuologueError
]
PAGE = "docs/errors.md"


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_on_the_page_with_its_codes(kind: type[DuologueError]) -> None:
    assert any(line.startswith(row(kind)) for line in tree.text(PAGE).splitlines()), row(kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_is_in_the_tree_on_top_of_its_module(kind: type[DuologueError]) -> None:
    assert f"── {kind.__name__} " in (errors.__doc__ or "")


def test_the_page_names_no_error_that_is_not_there() -> None:
    rows = [line.split("`")[1] for line in tree.text(PAGE).splitlines() if line.startswith("| `")]

    assert set(rows) <= {kind.__name__ for kind in KINDS}


def row(kind: type[DuologueError]) -> str:
    """How the kind's line on the page begins."""
    name = f"| `{kind.__name__}` |"
    if issubclass(kind, InvalidInput) and kind.task_code:
        return f"{name} {kind.status} | `{kind.code}` | {kind.task_code} |"
    if issubclass(kind, CallerError):
        return f"{name} {kind.status} | `{kind.code}` | |"
    if issubclass(kind, JobError):
        return f"{name} {kind.code} | `{kind.error_class}` |"
    return name
