import ast
import re
from pathlib import Path

from jobs import schema
from tests.house import tree

VERSIONS = Path("migrations/versions")
NAME = re.compile(r"(?P<revision>(?P<date>20\d{6})_\d\d)_[a-z0-9_]+\.py")


def migrations() -> list[Path]:
    return [path for path in tree.files() if path.parent == VERSIONS]


def facts(path: Path) -> dict[str, object]:
    """The revision, and the one it follows."""
    return {
        node.target.id: ast.literal_eval(node.value)
        for node in tree.syntax(path).body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None
    }


def test_every_migration_is_named_by_its_day_and_says_why() -> None:
    for path in migrations():
        name = NAME.fullmatch(path.name)
        assert name is not None, path
        assert facts(path)["revision"] == name["revision"], path
        assert re.search(r"^Why: \S.{10,}", ast.get_docstring(tree.syntax(path)) or "", re.MULTILINE), path


def test_history_is_one_line_in_the_order_of_its_names() -> None:
    revisions = [facts(path)["revision"] for path in migrations()]
    before = [facts(path)["down_revision"] for path in migrations()]

    assert before == [None, *revisions[:-1]]
    assert schema.newest() == revisions[-1]


def test_history_is_never_undone() -> None:
    downgrades = [
        path
        for path in migrations()
        for node in tree.syntax(path).body
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade"
    ]

    assert downgrades == []
