import pytest

from jobs import settings
from jobs.errors import WrongSetting
from tests.conftest import forget_settings


@pytest.mark.parametrize("url", ["nonsense", "mysql://host/name", "postgresql://host"])
def test_a_database_url_that_cannot_be_one_stops_at_the_door(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("DUOLOGUE_DATABASE_URL", url)
    forget_settings()
    with pytest.raises(WrongSetting, match="DUOLOGUE_DATABASE_URL: must be postgresql://"):
        settings.load()
    monkeypatch.undo()
    forget_settings()
