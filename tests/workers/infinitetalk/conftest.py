"""Prints, on `pytest -v tests/workers/infinitetalk`, how far every number lies from the recorded one."""

from itertools import groupby

import pytest

from tests.workers.infinitetalk import rule


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not rule.MEASURED or terminalreporter.verbosity < 1:
        return
    terminalreporter.section("parity: largest and relative differences, and what is allowed")
    for test, each in groupby(rule.MEASURED, key=lambda measured: measured.test):
        name = test.partition("::")[2].removesuffix(" (call)")
        for found in each:
            terminalreporter.write_line(
                f"{name:<88} {found.largest:8.1e} /{found.largest_allowed:6.0e}"
                f" {found.relative:10.1e} /{found.relative_allowed:6.0e}"
            )
