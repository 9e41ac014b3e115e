"""What others would build on, doing nothing: raw Celery on Valkey, Procrastinate, and a plain loop with SKIP LOCKED.

Each gets `count` jobs up front and is asked how many it was through with a second, from its first to its last. They run
in as many processes as ours do, on the servers that the benchmark has started.
"""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

QUEUE: Final = "noop"
_LOOPS: Final = 4
"""Threads of one process of the loop, and jobs at once of one of Procrastinate's."""
_PATIENCE_SECONDS: Final = 300.0


def celery_rate(count: int, processes: int) -> float:
    """Raw Celery as it comes, prefork, its tasks doing nothing: acknowledged early, no results."""
    app = celery_app()
    client = app.connection().default_channel.client
    with app.producer_pool.acquire() as producer:
        for _ in range(count):
            app.send_task("noop", queue=QUEUE, producer=producer)
    with _running([[__file__, "celery", str(processes)]]):
        return _drained(count, lambda: int(client.llen(QUEUE)))


def procrastinate_rate(count: int, processes: int) -> float:
    """Procrastinate's asynchronous worker, its task doing nothing."""
    import psycopg

    asyncio.run(_defer(count))
    with psycopg.connect(url(), autocommit=True) as connection:
        began_and_ended = """
            SELECT count(*) FILTER (WHERE type = 'succeeded'), extract(epoch FROM max(at) - min(at))
            FROM procrastinate_events WHERE type IN ('started', 'succeeded')
        """
        with _running([[__file__, "procrastinate"]] * processes):
            return _counted(count, lambda: connection.execute(began_and_ended).fetchone())


def loop_rate(count: int, processes: int) -> float:
    """A queue of one table: claim with SKIP LOCKED, commit, finish, commit."""
    import psycopg

    with psycopg.connect(url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS plain_jobs")
        connection.execute("""
            CREATE TABLE plain_jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, inputs jsonb NOT NULL,
                status text NOT NULL DEFAULT 'waiting', started_at timestamptz, finished_at timestamptz)
        """)
        connection.execute("CREATE INDEX ON plain_jobs (id) WHERE status = 'waiting'")
        connection.execute("INSERT INTO plain_jobs (inputs) SELECT '{}' FROM generate_series(1, %s)", [count])
        connection.execute("ANALYZE plain_jobs")
        began_and_ended = """
            SELECT count(*) FILTER (WHERE status = 'done'), extract(epoch FROM max(finished_at) - min(started_at))
            FROM plain_jobs
        """
        with _running([[__file__, "loop"]] * processes):
            return _counted(count, lambda: connection.execute(began_and_ended).fetchone())


def url() -> str:
    """Where Postgres is, as drivers other than SQLAlchemy are told."""
    return os.environ["DUOLOGUE_DATABASE_URL"].replace("postgresql+psycopg://", "postgresql://")


def celery_app() -> Any:  # noqa: ANN401 - Celery is untyped
    from celery import Celery

    app = Celery("peers", broker=os.environ["DUOLOGUE_BROKER_URL"])
    app.conf.update(task_ignore_result=True, worker_send_task_events=False, worker_enable_remote_control=False)
    app.task(name="noop", ignore_result=True)(_nothing)
    return app


def _nothing() -> None:
    pass


def _procrastinate_app() -> Any:  # noqa: ANN401 - its types are its own affair
    from procrastinate import App, PsycopgConnector

    app = App(connector=PsycopgConnector(conninfo=url()))

    @app.task(name="noop")
    async def noop() -> None:
        pass

    return app


async def _defer(count: int) -> None:
    app = _procrastinate_app()
    async with app.open_async():
        await app.connector.execute_query_async("DROP SCHEMA public CASCADE")
        await app.connector.execute_query_async("CREATE SCHEMA public")
        await app.schema_manager.apply_schema_async()
        await app.tasks["noop"].batch_defer_async(*[{}] * count)


def _work_celery() -> None:
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel=critical"]
    celery_app().worker_main(["worker", "-Q", QUEUE, f"--concurrency={sys.argv[2]}", *quiet])


async def _work_procrastinate() -> None:
    app = _procrastinate_app()
    async with app.open_async():
        await app.run_worker_async(concurrency=_LOOPS, wait=False, install_signal_handlers=False)


def _work_loop() -> None:
    threads = [threading.Thread(target=_loop) for _ in range(_LOOPS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _loop() -> None:
    import psycopg

    claim = """
        UPDATE plain_jobs SET status = 'running', started_at = clock_timestamp() WHERE id = (
            SELECT id FROM plain_jobs WHERE status = 'waiting' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING id
    """
    finish = "UPDATE plain_jobs SET status = 'done', finished_at = clock_timestamp() WHERE id = %s"
    with psycopg.connect(url(), autocommit=True) as connection:
        while (row := connection.execute(claim).fetchone()) is not None:
            connection.execute(finish, row)


@contextmanager
def _running(commands: list[list[str]]) -> Iterator[None]:
    processes = [
        subprocess.Popen([sys.executable, *command], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()


def _drained(count: int, left: Callable[[], int]) -> float:
    """Jobs a second from when the queue first shrank until it was empty."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while left() >= count:
        assert time.monotonic() < until, "the worker does not begin"
        time.sleep(0.001)
    began = time.monotonic()
    while left():
        assert time.monotonic() < until, "the worker does not come to an end"
        time.sleep(0.005)
    return count / (time.monotonic() - began)


def _counted(count: int, ask: Callable[[], Any]) -> float:
    """Jobs a second by the moments that Postgres wrote down."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while (row := ask())[0] < count:
        assert time.monotonic() < until, "the workers do not come to an end"
        time.sleep(0.2)
    return count / float(row[1])


if __name__ == "__main__":
    works = {"celery": _work_celery, "procrastinate": lambda: asyncio.run(_work_procrastinate()), "loop": _work_loop}
    works[sys.argv[1]]()
