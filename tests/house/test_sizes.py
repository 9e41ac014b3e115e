import ast
from collections.abc import Iterator
from statistics import median

from tests.house import tree

MODULE_MAX_LINES = 300
FUNCTION_MAX_LINES = 60
MODULE_MEDIAN_MAX_LINES = 100


def test_no_module_outgrows_its_page() -> None:
    lengths = {str(path): tree.line_count(path) for path in tree.modules()}

    assert {path: lines for path, lines in lengths.items() if lines > MODULE_MAX_LINES} == {}


def test_no_function_holds_more_than_one_thought() -> None:
    assert {name: lines for name, lines in function_lengths() if lines > FUNCTION_MAX_LINES} == {}


def test_most_modules_are_far_from_the_limit() -> None:
    assert median(tree.line_count(path) for path in tree.product_modules()) <= MODULE_MEDIAN_MAX_LINES


def function_lengths() -> Iterator[tuple[str, int]]:
    for path in tree.modules():
        for node in ast.walk(tree.syntax(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{path}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1
