"""Measures what one claim costs with a million finished and a hundred thousand waiting jobs, and what with none.

`python benchmarks/claiming.py`; three databases of one Postgres (fsync on) are claimed from in turns, by a process that
does nothing else. `--data DIR` keeps them, so that a second run need not fill them; `--plan` prints the claim's plan
instead. The goal is judged by Postgres' own processor time, which other programs disturb least; it ends with 3 if it
is missed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.figures import state, verdict  # noqa: E402 - found once the root is on the path

GOAL: Final = 1.3
ACCOUNTS: Final = 50
CLAIMS: Final = 600
WARM_UP: Final = 50
ENGINE: Final = "preview"


def main() -> int:
    parser = argparse.ArgumentParser(description="Measure the cost of a claim.")
    parser.add_argument("--finished", type=int, default=1_000_000, help="finished jobs in the full database")
    parser.add_argument("--waiting", type=int, default=100_000, help="waiting jobs in it, dealt out to 50 accounts")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured, in turns")
    parser.add_argument("--data", type=Path, help="where the databases are kept for another run")
    parser.add_argument("--plan", action="store_true", help="print the claim's plan in the full database")
    parser.add_argument("--claims", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.claims:
        print(json.dumps(measured()))
        return 0
    with ExitStack() as closing:
        folder = arguments.data or Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="duologue-")))
        return compare(folder, arguments)


def compare(folder: Path, arguments: argparse.Namespace) -> int:
    """Fill what is not filled, claim in turns, print the table; 0 if the goal is reached."""
    from cli import stack

    folder.mkdir(exist_ok=True)
    folder.chmod(0o755)
    with stack.running(folder / "data", parts={"database"}) as running:
        base = running.environment["DUOLOGUE_DATABASE_URL"].rpartition("/")[0]
        cases = {
            "none, one account": made(base, "claiming_one", 0, CLAIMS + WARM_UP, accounts=1),
            "none, fifty accounts": made(base, "claiming_none", 0, CLAIMS + WARM_UP),
            "full, fifty accounts": made(base, "claiming_full", arguments.finished, arguments.waiting),
        }
        if arguments.plan:
            print(plan(cases["full, fifty accounts"]))
            return 0
        found: dict[str, list[dict[str, float]]] = {name: [] for name in cases}
        for _ in range(arguments.rounds):
            for name, url in cases.items():
                put_back(url)
                found[name].append(claims(url))
    return judge(found)


def judge(found: dict[str, list[dict[str, float]]]) -> int:
    names = list(found)
    print(f"{'microseconds':22}  {'median':>9}  {'9 of 10':>9}  {'Postgres':>9}  {'ours':>9}")
    for name in names:
        figures = (statistics.median(one[key] for one in found[name]) for key in FIGURES)
        print(f"{name:22}  {'  '.join(f'{figure:9.0f}' for figure in figures)}")
    full, none = found[names[2]], found[names[1]]
    by_clock, ratio = (
        statistics.median(one[key] / other[key] for one, other in zip(full, none, strict=True))
        for key in ("median_us", "postgres_us")
    )
    print(f"full against none: {ratio:.2f} of the processor time (goal {GOAL:g}), {by_clock:.2f} by the clock")
    is_missed = state(
        "a claim, by Postgres' processor time",
        f"{statistics.median(one['postgres_us'] for one in full):.0f} us",
        reference=f"empty tables: {statistics.median(one['postgres_us'] for one in none):.0f} us",
        compared=f"{ratio:.2f}",
        goal=f"at most {GOAL:g}",
        is_reached=ratio <= GOAL,
    )
    return verdict(is_missed=is_missed)


FIGURES: Final = ("median_us", "late_us", "postgres_us", "ours_us")


def claims(url: str) -> dict[str, float]:
    """Have another process claim from a database; what it says of that."""
    environment = os.environ | {"DUOLOGUE_DATABASE_URL": url, "DUOLOGUE_BROKER_URL": "redis://127.0.0.1:1/0"}
    command = [sys.executable, __file__, "--claims"]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    found: dict[str, float] = json.loads(told)
    return found


def measured() -> dict[str, float]:
    """Claim one job after another. Processor time tells more than the clock where others work too."""
    from jobs import database, lifecycle

    with database.transaction() as session:
        backend = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    for _ in range(WARM_UP):
        lifecycle.claim("bench", ENGINE)
    spent = []
    postgres_before, ours_before = processor_seconds(backend), time.process_time()
    for _ in range(CLAIMS):
        began = time.perf_counter()
        claim = lifecycle.claim("bench", ENGINE)
        spent.append(time.perf_counter() - began)
        assert claim is not None
    return {
        "median_us": 1e6 * statistics.median(spent),
        "late_us": 1e6 * statistics.quantiles(spent, n=10)[-1],
        "postgres_us": 1e6 * (processor_seconds(backend) - postgres_before) / CLAIMS,
        "ours_us": 1e6 * (time.process_time() - ours_before) / CLAIMS,
    }


def processor_seconds(pid: int) -> float:
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def made(base: str, name: str, finished: int, waiting: int, accounts: int = ACCOUNTS) -> str:
    """A database with so many jobs, made if it is not there; its URL."""
    url = f"{base}/{name}"
    with connected(f"{base}/postgres") as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
            return url
        connection.execute(f"CREATE DATABASE {name}")
    code = f"from benchmarks.claiming import fill; fill({finished}, {waiting}, {accounts})"
    environment = os.environ | {"DUOLOGUE_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=environment)
    return url


def fill(finished: int, waiting: int, accounts: int) -> None:
    """Make the schema, accounts with a key each, and jobs."""
    from benchmarks.finished_jobs import add
    from jobs import schema

    schema.upgrade()
    with connected(os.environ["DUOLOGUE_DATABASE_URL"]) as connection:
        for statement in (_ACCOUNTS, _KEYS, _TALLIES):
            connection.execute(statement, {"accounts": accounts})
    if finished:
        add(finished)
    with connected(os.environ["DUOLOGUE_DATABASE_URL"]) as connection:
        connection.execute(_WAITING, {"waiting": waiting})
        connection.execute(_TURNS)
        connection.execute("VACUUM ANALYZE")


def put_back(url: str) -> None:
    """Have what was claimed wait again, and the dead versions of it be gone."""
    with connected(url) as connection:
        connection.execute(
            "UPDATE jobs SET status = 'waiting', lease_until = NULL, stage = '', attempt = 0 WHERE status = 'running'"
        )
        connection.execute("VACUUM (ANALYZE) jobs, turns")
        connection.execute("CHECKPOINT")


def plan(url: str) -> str:
    """The claim's plan, the arguments put into their places."""
    from jobs.tables.claim_jobs import CLAIM

    given = {
        "p_queue": f"'{ENGINE}'::text",
        "p_worker": "'bench'::text",
        "p_lease_seconds": "60",
        "p_models": "'{wavespeed-ai/infinitetalk/multi}'::text[]",
        "p_besides": "'{}'::uuid[]",
        "p_now": "now()",
    }
    statement = CLAIM
    for name, value in given.items():
        statement = statement.replace(name, value)
    with connected(url) as connection, connection.transaction(force_rollback=True):
        for way in ("seqscan", "sort", "hashjoin", "mergejoin"):  # as the function has it
            connection.execute(f"SET LOCAL enable_{way} = off")
        return "\n".join(row[0] for row in connection.execute(f"EXPLAIN (ANALYZE, COSTS OFF, BUFFERS OFF) {statement}"))


def connected(url: str) -> Any:  # noqa: ANN401 - a connection, whatever its rows
    import psycopg

    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


_ACCOUNTS: Final = """
    INSERT INTO accounts (id, name, webhook_secret)
    SELECT gen_random_uuid(), 'account ' || number, '' FROM generate_series(1, %(accounts)s) AS number
"""
_KEYS: Final = """
    INSERT INTO api_keys (id, account_id, name, scopes, digest, hint)
    SELECT gen_random_uuid(), id, 'bench', '{submit,read,manage}', sha256(id::text::bytea), 'abcd' FROM accounts
    WHERE %(accounts)s > 0
"""
_TALLIES: Final = "INSERT INTO tallies (account_id) SELECT id FROM accounts WHERE %(accounts)s > 0"
_WAITING: Final = """
    INSERT INTO jobs (id, account_id, key_id, model, inputs, seed, status, engine_wanted, engine, engine_reason,
        wait_until, run_seconds, finish_until)
    SELECT uuidv7(), account_id, key_id, 'wavespeed-ai/infinitetalk/multi',
        jsonb_build_object('image', 'https://media.example.com/' || number || '/two.png',
            'left_audio', 'https://media.example.com/' || number || '/left.mp3',
            'right_audio', 'https://media.example.com/' || number || '/right.mp3', 'prompt', 'Two people talk'),
        1, 'waiting', 'preview', 'preview', 'preview was asked for',
        now() + interval '7 days', 21600, now() + interval '8 days'
    FROM generate_series(1, %(waiting)s) AS number JOIN (
        SELECT id AS key_id, account_id, row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS owners
        FROM api_keys
    ) AS owner ON place = number %% owners
"""
_TURNS: Final = """
    INSERT INTO turns (queue, account_id) SELECT DISTINCT engine, account_id FROM jobs WHERE status = 'waiting'
"""

if __name__ == "__main__":
    raise SystemExit(main())
