"""Where one can go in the console: the entries of its menu, in their order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from api.console.address import PREFIX
from api.console.visits import Visit


@dataclass(frozen=True)
class Place:
    """One entry of the menu."""

    path: str
    label: str

    def is_here(self, path: str) -> bool:
        """Whether `path` is this place, or lies below it."""
        return path == self.path or (self.path != PREFIX and path.startswith(f"{self.path}/"))


GROUPS: Final[tuple[tuple[str, tuple[Place, ...]], ...]] = (
    (
        "Work",
        (
            Place(PREFIX, "Overview"),
            Place(f"{PREFIX}/jobs", "Jobs"),
            Place(f"{PREFIX}/batches", "Batches"),
            Place(f"{PREFIX}/errands", "Errands"),
            Place(f"{PREFIX}/workers", "Workers"),
        ),
    ),
    (
        "Administration",
        (
            Place(f"{PREFIX}/errors", "Errors"),
            Place(f"{PREFIX}/accounts", "Accounts"),
            Place(f"{PREFIX}/webhooks", "Webhooks"),
            Place(f"{PREFIX}/upstream", "Upstream"),
            Place(f"{PREFIX}/audit", "Audit log"),
            Place(f"{PREFIX}/operators", "Operators"),
        ),
    ),
)


def of(visit: Visit) -> Sequence[tuple[str, Sequence[Place]]]:
    """The menu for whoever is looking; nothing for those who are not signed in."""
    return GROUPS if visit.who else ()
