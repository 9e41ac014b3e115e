import pytest

from tests.deploy import migrations
from tests.house import tree

LATER = "20300101_01"


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("CREATE INDEX ix_made_up ON jobs (seed);", "require-concurrent-index-creation"),
        ("ALTER TABLE jobs ALTER COLUMN seed TYPE text;", "changing-column-type"),
        ("ALTER TABLE jobs ALTER COLUMN seed SET NOT NULL;", "adding-not-nullable-field"),
        ("ALTER TABLE jobs RENAME COLUMN seed TO seeds;", "renaming-column"),
        ("ALTER TABLE jobs DROP COLUMN seed;", "ban-drop-column"),
    ],
)
def test_what_would_stop_or_break_the_release_before_is_found_out(sql: str, rule: str) -> None:
    found = migrations.lint(LATER, f"BEGIN;\n{sql}\nCOMMIT;\n")

    assert [line.split(": ")[1] for line in found] == [rule]


def test_what_is_safe_beside_the_release_before_passes() -> None:
    assert migrations.lint(LATER, "BEGIN;\nALTER TABLE jobs ADD COLUMN made_up text;\nCOMMIT;\n") == []


def test_every_migration_is_read_but_for_those_that_say_why_not() -> None:
    files = {path.name[:11] for path in tree.files() if str(path.parent) == "migrations/versions"}

    assert set(migrations.written()) | migrations.NOT_READ.keys() == files
