import pytest
from sqlalchemy import text

from benchmarks import finished_jobs
from jobs import paces
from jobs.accounts import Caller
from jobs.database import engine, transaction
from tests import batching, factories
from tests.past import age, execute


def test_what_was_rendered_long_ago_is_not_looked_for_among_all_that_is_finished(caller: Caller) -> None:
    factories.submit(caller, inputs=factories.form(resolution="720p"))
    batching.complete(1)
    age(days=8)
    execute("UPDATE jobs SET engine = 'gpu'")
    finished_jobs.add(2_000)
    with transaction() as session:
        assert paces.measured(session, "gpu", "720p") is None
        assert paces.measured(session, "gpu", "480p") is not None


@pytest.mark.usefixtures("database")
def test_nobody_fails_for_want_of_a_time() -> None:
    with engine().connect().execution_options(isolation_level="AUTOCOMMIT") as habits:
        name = habits.execute(text("SELECT current_database()")).scalar_one()
        habits.execute(text(f"ALTER ROLE CURRENT_USER IN DATABASE {name} SET statement_timeout = '100ms'"))
    engine().dispose()
    with engine().connect() as other, other.begin():
        other.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        assert paces.measured_all([("gpu", "480p")]) == {}


@pytest.mark.usefixtures("database")
def test_an_engine_that_has_rendered_nothing_has_no_pace() -> None:
    assert paces.measured_all([("gpu", None)]) == {("gpu", None): None}
