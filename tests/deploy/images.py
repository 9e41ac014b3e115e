"""Reads deploy/Dockerfile, and has its linter read it."""

import json
import re

from tests.deploy import tools
from tests.house import tree

FILE = "deploy/Dockerfile"


def complaints(file: str = FILE) -> list[str]:
    said = tools.run("hadolint", file)
    return [] if said.returncode == 0 else [(said.stdout + said.stderr).strip()]


def command() -> list[str]:
    """What an image runs that is told nothing else."""
    [found] = re.findall(r"^CMD (\[.*\])$", tree.text(FILE), re.MULTILINE)
    words: list[str] = json.loads(found)
    return words


def instructions(word: str) -> list[str]:
    """What follows `word` wherever a line begins with it, continued lines joined."""
    text = re.sub(r"\\\n\s*", "", tree.text(FILE))
    return re.findall(rf"^{word} (.*)$", text, re.MULTILINE)


def copied() -> list[str]:
    """Every path of the repository that goes into an image."""
    lines = [line for line in instructions("COPY") if not line.startswith("--from")]
    return [source for line in lines for source in line.split()[:-1]]


def environment() -> dict[str, str]:
    """What every program of the image finds set."""
    [line] = [line for line in instructions("ENV") if "TMPDIR" in line]
    return dict(word.split("=", 1) for word in line.split())
