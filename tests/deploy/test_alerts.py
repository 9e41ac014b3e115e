import os
import re
from typing import Any

import pytest
from ruamel.yaml import YAML

from jobs.telemetry.metrics import every
from tests.deploy import tools
from tests.house import tree

RULES: dict[str, Any] = YAML(typ="safe").load(tree.text("deploy/prometheus/rules.yml"))
ALERTS: list[dict[str, Any]] = [rule for group in RULES["groups"] for rule in group["rules"]]
PLAYED = YAML(typ="safe").load(tree.text("tests/deploy/alerts.yml"))
NAME = re.compile(r"\b((?:duologue|http_server)_[a-z_]+?)(?:_bucket|_sum|_count)?\b(?=[\s({\[),])")


def promtool(*arguments: str) -> str:
    """What it complains of; CI has it, elsewhere it is in Debian's package `prometheus`."""
    where = tools.path("promtool")
    if where is None and "DUOLOGUE_CI" not in os.environ:
        pytest.skip("promtool is not installed")
    found = tools.run(where or "promtool", *arguments)
    return "" if found.returncode == 0 else found.stdout + found.stderr


def test_prometheus_takes_what_we_give_it() -> None:
    assert promtool("check", "config", "deploy/prometheus/prometheus.yml") == ""


def test_every_alert_is_raised_when_it_should_be_and_not_before() -> None:
    assert promtool("test", "rules", "tests/deploy/alerts.yml") == ""
    played = {case["alertname"] for test in PLAYED["tests"] for case in test["alert_rule_test"] if "exp_alerts" in case}

    assert played == {alert["alert"] for alert in ALERTS}


def test_the_oldest_waiting_job_comes_first() -> None:
    assert ALERTS[0]["alert"] == "JobsWaitTooLong"


def test_every_alert_has_its_entry_in_the_runbook_and_every_entry_its_alert() -> None:
    entries = re.findall(r"^## (\w+)$", tree.text("docs/runbook.md"), re.MULTILINE)

    assert entries == [alert["alert"] for alert in ALERTS]
    for alert in ALERTS:
        assert alert["annotations"]["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"
        assert alert["labels"]["severity"] in {"page", "warn"}


def test_alerts_ask_for_metrics_that_are_there() -> None:
    asked = {name for alert in ALERTS for name in NAME.findall(alert["expr"])}

    assert asked
    assert asked - {metric.name for metric in every()} == set()
