"""The promise all embedded servers keep: how one is prepared, started, asked whether it works, and reached."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cli.stack.book import Page


@dataclass(frozen=True)
class Orders:
    """What the keeper of one server is told."""

    command: tuple[str, ...]
    folder: Path  # the working directory; its `server.lock` is held by the server and all its children
    environment: dict[str, str]
    stop: tuple[tuple[int, float], ...]  # signals in turn, with the seconds each is given; SIGKILL follows
    user: tuple[int, int] | None = None  # uid and gid to run as; None: as we are
    leftovers: tuple[str, ...] = ()  # files to remove when the server is gone


class Part(Protocol):
    @property
    def name(self) -> str:
        """Its word in sentences, file names and `parts`: database, broker or bucket."""

    @property
    def setting(self) -> str:
        """The setting whose address replaces this part."""

    def settle(self, data: Path, page: Page) -> None:
        """Write on the page what the first start decides and what this one does: passwords, places, free ports."""

    def prepare(self, data: Path, page: Page) -> Orders:
        """Lay out the server's files and say how to run it."""

    def answers(self, data: Path, page: Page, pid: int) -> bool:
        """True once the server with this pid does its work at the page's port."""

    def environment(self, page: Page) -> dict[str, str]:
        """The settings that lead to it."""
