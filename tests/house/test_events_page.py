import ast
import re
from collections.abc import Iterator

from jobs.telemetry import lines
from tests.house import tree

KIND = re.compile(r"[a-z]+\.[a-z_]+")
TELLERS = {"emit", "move", "record", "end", "again", "fail"}
ROW = re.compile(r"^\| `([a-z]+\.[a-z_]+)` \|", re.MULTILINE)


def told() -> set[str]:
    """Every kind the code records or emits, read off the calls that do so."""
    return {
        text
        for path in tree.product_modules()
        for call in ast.walk(tree.syntax(path))
        if isinstance(call, ast.Call) and name_of(call.func) in TELLERS
        for text in texts(call)
        if KIND.fullmatch(text)
    }


def texts(call: ast.Call) -> Iterator[str]:
    """The call's own words; `"a" if b else "c"` says both."""
    for argument in call.args:
        for node in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def name_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def test_every_event_is_explained_and_every_explained_one_happens() -> None:
    assert set(ROW.findall(tree.text("docs/events.md"))) == told()


def test_events_that_log_as_warnings_or_errors_happen() -> None:
    assert told() >= lines._WARNINGS | lines._ERRORS
