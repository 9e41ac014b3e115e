import ast
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.workers.infinitetalk import rule

CALLS: dict[str, Callable[..., Any]] = {
    "uniform": rule.uniform,
    "weight": rule.weight,
    "signal": rule.signal,
    "picture": rule.picture,
}


@pytest.mark.parametrize("check", rule.cases("rule")["checks"], ids=lambda check: check["call"])
def test_the_rule_makes_the_recorded_values(check: dict[str, Any]) -> None:
    made = _call(check["call"])
    leading = made[::10, ::10] if made.dtype == np.uint8 else made  # of a picture: one pixel of each square

    for recorded in (check.get("values", []), check.get("first", [])):
        assert leading.ravel()[: len(recorded)].tolist() == recorded
    if "sum" in check:
        assert made.sum(dtype=np.float64) == pytest.approx(check["sum"], rel=1e-12, abs=1e-9)
    if "abs_sum" in check:
        assert np.abs(made.astype(np.float64)).sum() == pytest.approx(check["abs_sum"], rel=1e-12)


def _call(written: str) -> Any:  # noqa: ANN401 - an array of any kind
    call = ast.parse(written, mode="eval").body
    assert isinstance(call, ast.Call)
    assert isinstance(call.func, ast.Name)
    return CALLS[call.func.id](*(ast.literal_eval(argument) for argument in call.args))
