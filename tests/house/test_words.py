import ast
import re

from tests.house import tree

SUPPRESSION = re.compile(r"#\s*noqa(?P<rest>.*)")
REASON = re.compile(r":\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*\s+(-|#)\s+\S.*")


def test_every_module_opens_with_a_sentence() -> None:
    said = [path for path in tree.modules() if not path.name.startswith("test_")]

    assert [str(path) for path in said if not opens_with_a_sentence(ast.get_docstring(tree.syntax(path)))] == []


def test_every_suppressed_lint_says_why() -> None:
    bare = [
        f"{path}:{number}"
        for path in tree.modules()
        for number, line in enumerate(tree.text(path).splitlines(), 1)
        if (found := SUPPRESSION.search(line)) and not REASON.fullmatch(found["rest"].rstrip())
    ]

    assert [line for line in bare if not line.startswith("tests/house/test_words.py")] == []


def test_every_absent_lint_rule_has_its_reason() -> None:
    listed = re.search(r"^ignore = \[\n(.*?)^\]", tree.text("pyproject.toml"), re.MULTILINE | re.DOTALL)
    assert listed is not None

    assert [line for line in listed[1].splitlines() if not re.search(r"# \w+", line)] == []


def opens_with_a_sentence(docstring: str | None) -> bool:
    """The first paragraph ends like a sentence and is longer than a name."""
    opening = (docstring or "").partition("\n\n")[0]
    return opening.rstrip().endswith((".", ":", "!")) and len(opening.split()) > 3
