"""Every Celery task, one line each."""

from workers import runner
from workers.app import app


@app.task(name="workers.tasks.wake", ignore_result=True)  # type: ignore[untyped-decorator]  # Celery is untyped
def wake(engine: str) -> None:
    """Somebody rang for `engine`: take its jobs until there are none."""
    runner.work(engine)
