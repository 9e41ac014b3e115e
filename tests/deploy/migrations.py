"""Has squawk read every migration's SQL for locks that would stop those who use a table."""

import io
import json
from concurrent.futures import ThreadPoolExecutor

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from tests.deploy import tools
from tests.house import tree

OLDEST_POSTGRES = "15"

NOT_ASKED = {
    "prefer-bigint-over-int": "whole numbers count what one job, one batch or one second has",
    "require-timeout-settings": "migrations/env.py sets them for all",
}
"""Rules that are asked of no migration, and why."""

NOT_READ = {
    "20261122_01": "it makes the first tables: nobody uses them yet",
    "20261122_02": "it draws a secret for each account it finds, which no SQL written beforehand can",
}
"""Migrations whose SQL is not read, and why."""

BEFORE_THE_FIRST_RELEASE = "20261201"
"""Until then no table is large, and an index may be made or dropped in the transaction of its migration."""
LARGE_TABLES = frozenset({"require-concurrent-index-creation", "require-concurrent-index-deletion"})


def complaints() -> list[str]:
    """A line for each statement of a migration that is not safe beside the release before."""
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda one: lint(*one), written().items())
        return [line for lines in found for line in lines]


def lint(revision: str, sql: str) -> list[str]:
    """What squawk has against the SQL of one migration."""
    excluded = NOT_ASKED.keys() | (LARGE_TABLES if revision < BEFORE_THE_FIRST_RELEASE else set())
    asked = ("--pg-version", OLDEST_POSTGRES, "--exclude", ",".join(sorted(excluded)), "--reporter", "json")
    said = tools.run("squawk", *asked, "--stdin-filepath", revision, given=sql)
    if said.returncode not in {0, 1} or not said.stdout:
        return [f"{revision}: squawk: {said.stderr.strip()}"]
    lines = sql.splitlines()
    return [
        f"{revision}: {one['rule_name']}: {one['message']} {lines[one['line']].strip()}"
        for one in json.loads(said.stdout)
    ]


def written() -> dict[str, str]:
    """The SQL of every migration that is read, by its revision, without a database."""
    found = ScriptDirectory.from_config(_config(io.StringIO())).walk_revisions()
    return {one.revision: _sql(str(one.down_revision), one.revision) for one in found if one.revision not in NOT_READ}


def _sql(since: str, until: str) -> str:
    output = io.StringIO()
    command.upgrade(_config(output), f"{since}:{until}", sql=True)
    return output.getvalue()


def _config(output: io.StringIO) -> Config:
    config = Config(output_buffer=output)
    config.set_main_option("script_location", str(tree.ROOT / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
