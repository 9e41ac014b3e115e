"""Checks of this machine: the settings, the versions installed, and room on the disk."""

import platform
import shutil
from importlib.metadata import version
from pathlib import Path

from cli.doctor.finding import Finding, failure, ok, warning
from jobs import settings
from jobs.errors import WrongSetting

# Before these, a worker may not come back after the broker was away.
OLDEST = {"celery": (5, 7), "kombu": (5, 7)}

LITTLE_BYTES = 5 * 2**30
TOO_LITTLE_BYTES = 2**30


def readable_settings() -> Finding:
    try:
        chosen = settings.load()
    except WrongSetting as error:
        return failure("settings", str(error), "Set them right in the environment.")
    return ok("settings", f"readable; engines {', '.join(chosen.engines)}")


def versions() -> Finding:
    found = {name: version(name) for name in ("duologue", *OLDEST, "sqlalchemy", "av")}
    said = ", ".join(f"{name} {number}" for name, number in found.items()) + f", Python {platform.python_version()}"
    old = [name for name, least in OLDEST.items() if _numbers(found[name]) < least]
    if old:
        return failure("versions", f"{said}: too old is {', '.join(old)}", "Install the versions duologue asks for.")
    return ok("versions", said)


def free_disk(data: Path) -> Finding:
    place = next(folder for folder in (data, *data.parents) if folder.exists())
    free_bytes = shutil.disk_usage(place).free
    said = f"{free_bytes / 2**30:.1f} GiB free where {data} is"
    if free_bytes < TOO_LITTLE_BYTES:
        return failure("disk", said, "Make room: databases stop when the disk is full.")
    if free_bytes < LITTLE_BYTES:
        return warning("disk", said, "Make room soon, or choose another folder with --data.")
    return ok("disk", said)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".")[:2])
