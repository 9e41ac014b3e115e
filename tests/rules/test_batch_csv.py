"""Promises about a table's row as a batch's line."""

import pytest

from jobs.errors import WrongInput
from jobs.rules import batch_csv
from tests import factories


def test_a_row_becomes_a_line_and_empty_cells_say_nothing() -> None:
    row = {"custom_id": "a", "image": "two.png", "audio": "", "seed": "7", "tags": "x y", "metadata.scene": "4"}
    assert batch_csv.line(row | {"duration_seconds": "7.5"}, 1, factories.MULTI) == {
        "custom_id": "a",
        "model": factories.MULTI,
        "inputs": {"image": "two.png", "seed": 7},
        "options": {"duration_seconds": 7.5, "tags": ["x", "y"], "metadata": {"scene": "4"}},
    }


def test_a_row_without_a_name_is_named_by_its_number() -> None:
    assert batch_csv.line({"model": "m"}, 12)["custom_id"] == "row-12"


@pytest.mark.parametrize("columns", [["model", "colour"], ["model", "model"]])
def test_a_column_nobody_knows_or_that_is_there_twice_is_refused(columns: list[str]) -> None:
    with pytest.raises(WrongInput):
        batch_csv.check_columns(columns)


def test_a_number_that_is_none_is_refused_with_its_row() -> None:
    with pytest.raises(WrongInput, match="Row 3: seed must be a number"):
        batch_csv.line({"seed": "many"}, 3)


def test_more_cells_than_columns_are_refused() -> None:
    with pytest.raises(WrongInput, match="more cells"):
        batch_csv.line({"model": "m", None: "x"}, 3)  # type: ignore[dict-item]  # as csv.DictReader has it
