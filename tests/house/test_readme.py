import re
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup
from typer.main import get_command

from cli.main import app
from tests.house import tree

DESK = get_command(app)
SAID = re.compile(r"\bduologue ((?:[a-z]+ )?[a-z-]+[a-z])\b")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")
TARGET = re.compile(r"\bmake ([a-z-]+)\b")
PAGES = [str(path) for path in tree.documents()]


def commands(group: object, before: str = "") -> dict[str, Any]:
    """Every command of the desk by the words that call it; Click's classes are private to typer."""
    if not isinstance(group, TyperGroup):
        return {before.strip(): group}
    found: dict[str, Any] = {}
    for name in group.list_commands(typer.Context(group)):
        found |= commands(group.get_command(typer.Context(group), name), f"{before} {name}")
    return found


def code_of(page: str) -> str:
    return "\n".join(CODE.findall(tree.text(page)))


def test_the_readme_names_the_two_commands() -> None:
    assert {"make demo", "make test"} <= set(re.findall(r"^make (?:demo|test)$", tree.text("README.md"), re.MULTILINE))


def test_the_readme_shows_every_command_of_the_desk() -> None:
    assert [words for words in commands(DESK) if f"`duologue {words}" not in tree.text("README.md")] == []


def test_every_command_says_what_it_does() -> None:
    assert [words for words, command in commands(DESK).items() if not command.help] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_commands_that_are_there(page: str) -> None:
    known = commands(DESK)
    said = SAID.findall(code_of(page))

    assert [words for words in said if words not in known and words.split()[0] not in known] == []


@pytest.mark.parametrize("page", PAGES)
def test_pages_name_only_targets_that_are_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", tree.text("Makefile"), re.MULTILINE))

    assert set(TARGET.findall(code_of(page))) <= targets


@pytest.mark.parametrize("page", PAGES)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    folder = (tree.ROOT / page).parent

    assert [link for link in LINK.findall(tree.text(page)) if not (folder / Path(link)).exists()] == []
