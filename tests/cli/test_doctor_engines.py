"""What the doctor says of engines on a machine that cannot render with them."""

import pytest

from cli.doctor import engines
from cli.doctor.finding import Verdict
from jobs import presence
from tests.conftest import set_settings


@pytest.mark.usefixtures("database_of_its_own")
def test_a_front_door_without_a_gpu_is_no_failure_while_workers_elsewhere_have_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_settings(monkeypatch, {"DUOLOGUE_ENGINES": "gpu", "DUOLOGUE_GPU_WEIGHTS": "/nowhere"})
    assert engines.gpu().verdict is Verdict.FAILURE
    presence.beat("elsewhere:7", ["gpu"], slots=1, version="0")
    assert engines.gpu().verdict is Verdict.WARNING
