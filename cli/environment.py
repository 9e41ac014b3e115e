"""The environment this process and its children read their settings from."""

import os
from collections.abc import Mapping
from pathlib import Path

from jobs import settings
from jobs.settings import FILE_SUFFIX, PREFIX

ROOT = Path(__file__).resolve().parent.parent
"""The folder our packages are imported from: the checkout, or where pip put them."""

_SERVERS = (
    "database_url",
    "broker_url",
    "broker_ca_path",
    "broker_sentinel_name",
    "broker_sentinel_password",
    "s3_endpoint_url",
    "s3_public_url",
    "s3_region",
    "s3_bucket",
    "s3_access_key_id",
    "s3_secret_access_key",
)


def adopt(found: Mapping[str, str]) -> None:
    """Take these variables as our own, and read the settings again.

    `DUOLOGUE_X` and `DUOLOGUE_X_FILE` are one setting: what was said of it in the other way no longer counts.
    """
    for variable in found:
        other = variable.removesuffix(FILE_SUFFIX) if variable.endswith(FILE_SUFFIX) else variable + FILE_SUFFIX
        os.environ.pop(other, None)
    os.environ.update(found)
    settings.load.cache_clear()


def of_servers() -> dict[str, str]:
    """The variables that lead another process to the servers we use, secrets included.

    What we read from a file is read there again: a secret may have changed meanwhile.
    """
    chosen = settings.load()
    found: dict[str, str] = {}
    for name in _SERVERS:
        value = getattr(chosen, name)
        if text := value if isinstance(value, str) else value.get_secret_value():
            variable = PREFIX + name.upper()
            path = os.environ.get(variable + FILE_SUFFIX)
            found |= {variable + FILE_SUFFIX: str(Path(path).absolute())} if path else {variable: text}
    return found


def of_children() -> dict[str, str]:
    """Our environment for a child that works in ROOT: relative paths made absolute, output written at once."""
    made = dict(os.environ, PYTHONUNBUFFERED="1")
    for variable, value in os.environ.items():
        if variable.startswith(PREFIX) and variable.endswith((FILE_SUFFIX, "_DIR", "_PATH")) and value:
            made[variable] = str(Path(value).absolute())
    return made
