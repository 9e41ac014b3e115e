"""Promises about the misspelt paths that are forgiven."""

import pytest

from api.paths import spelt_right

RIGHT = "/api/v3/predictions/x/result"


@pytest.mark.parametrize(
    "path",
    [
        RIGHT,
        "/api/v2/predictions/x/result",
        "/api/v3/api/v3/predictions/x/result",
        "/api/v3/api/v2/predictions/x/result",
        "//api/v3//predictions///x/result",
        "/api/v3//api/v3/predictions/x/result/",
    ],
)
def test_every_spelling_of_a_path_is_the_one_right_path(path: str) -> None:
    assert spelt_right(path) == RIGHT


@pytest.mark.parametrize("path", ["/", "/v1/jobs", "/api/v30/x", "/api/v4/x", "/docs", "/x/api/v2/y"])
def test_other_paths_are_left_alone(path: str) -> None:
    assert spelt_right(path) == path
