import ast
import re

from tests.house import tree

DRAWERS = {"utils", "util", "helpers", "helper", "common", "service", "services", "manager", "managers", "base", "misc"}
EMPTY_VERB = re.compile(r"_*(process|handle|manage|do)(_.*)?|_*(data|info)")
GIVEN_BY_LIBRARIES = re.compile(r"do_[A-Z]+|handle(_async)?_request|handle_one_request|process_bind_param|_do_get")


def test_no_file_or_folder_is_a_drawer() -> None:
    names = {path: {path.stem, *path.parent.parts} for path in tree.modules()}

    assert [str(path) for path, parts in names.items() if parts & DRAWERS] == []


def test_functions_and_classes_say_what_they_do() -> None:
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    named = [
        f"{path}:{node.lineno} {node.name}"
        for path in tree.product_modules()
        for node in ast.walk(tree.syntax(path))
        if isinstance(node, kinds)
        and EMPTY_VERB.fullmatch(node.name.lower())
        and not GIVEN_BY_LIBRARIES.fullmatch(node.name)
    ]

    assert named == []


def test_tests_live_in_folders_that_mirror_the_house() -> None:
    own = {
        "api",
        "benchmarks",
        "cli",
        "deploy",
        "fakes",
        "house",
        "jobs",
        "migrations",
        "rules",
        "servers",
        "story",
        "workers",
    }
    folders = {path.parts[1] for path in tree.files() if path.parts[0] == "tests" and len(path.parts) > 2}

    assert folders <= own
