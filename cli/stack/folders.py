"""The folders of the embedded servers: private, and where the user a server runs as may enter them."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from jobs.errors import WrongSetting


@dataclass(frozen=True)
class User:
    """Whom PostgreSQL runs as when we are root, which it refuses to be."""

    uid: int
    gid: int


def open_up(data: Path) -> Path:
    """The data folder, made when it is not there, with room for locks and logs; an absolute path.

    Made by us it is closed to everybody (0700), or, for root, open only for the database's user to walk through
    (0710). One that was there keeps its mode: it may be anybody's folder.
    """
    data = data.expanduser().absolute()
    if not data.exists():
        data.mkdir(parents=True, mode=0o700, exist_ok=True)
        if user := database_user():
            os.chown(data, os.geteuid(), user.gid)
            data.chmod(0o710)
    private(data / "run")
    private(data / "logs")
    return data


def private(folder: Path, owner: User | None = None) -> Path:
    folder.mkdir(mode=0o700, exist_ok=True)
    if owner:
        os.chown(folder, owner.uid, owner.gid)
    return folder


def database_user() -> User | None:
    """None for an ordinary user, who runs everything alone."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "_postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return User(entry.pw_uid, entry.pw_gid)
    raise WrongSetting(
        "PostgreSQL does not run as root and there is no user `postgres` or `nobody` to run it as: "
        "add one, run duologue as an ordinary user, or set DUOLOGUE_DATABASE_URL to a database of your own."
    )


def owner_of(folder: Path) -> User | None:
    """Whom the server of this folder runs as: its owner when we are root, else ourselves (None)."""
    there = folder.stat()
    return User(there.st_uid, there.st_gid) if os.geteuid() == 0 else None


def may_enter(user: User, path: Path) -> bool:
    """The user may walk to this folder, or run this program; asked of the kernel, which knows more than mode bits."""
    ask = ["test", "-x", str(path)]
    return subprocess.run(ask, user=user.uid, group=user.gid, extra_groups=[], check=False).returncode == 0


def bare_environment() -> dict[str, str]:
    """What a server needs of our environment, and none of our secrets; its messages in English, its clock in UTC."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
