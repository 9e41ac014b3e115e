import re

import pytest
from pydantic import SecretStr

from jobs.settings import PREFIX, Settings
from tests.house import tree

FIELDS = sorted(Settings.model_fields)
VARIABLE = re.compile(rf"\b{PREFIX}[A-Z0-9_]+\b")
OF_CLIENTS = {PREFIX + "API_URL", PREFIX + "API_KEY"}
EXAMPLE = {PREFIX + "X"}


def default(name: str) -> str:
    """The default as one writes it in the environment."""
    value = Settings.model_fields[name].default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def variable(name: str) -> str:
    return PREFIX + name.upper()


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_in_the_table(name: str) -> None:
    shown = f"`{default(name)}`" if default(name) else ""
    row = f"| `{variable(name)}` | {shown} | {Settings.model_fields[name].description} |"

    assert row in tree.text("docs/settings.md").splitlines(), f"docs/settings.md lacks:\n{row}"


@pytest.mark.parametrize("name", FIELDS)
def test_every_setting_is_in_the_example(name: str) -> None:
    lines = f"# {Settings.model_fields[name].description}\n#{variable(name)}={default(name)}\n"

    assert lines in tree.text(".env.example"), f".env.example lacks:\n{lines}"


DEPLOYED_BY = [str(path) for path in tree.files() if path.parts[0] == "deploy" and path.suffix != ".json"]


@pytest.mark.parametrize("page", [*map(str, tree.documents()), ".env.example", "docker-compose.yml", *DEPLOYED_BY])
def test_no_page_names_a_setting_that_is_not_there(page: str) -> None:
    known = {variable(name) for name in FIELDS}
    named = {found.removesuffix("_FILE") for found in VARIABLE.findall(tree.text(page))}

    assert named - known - OF_CLIENTS - EXAMPLE == set()
