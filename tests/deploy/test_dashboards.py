import json
import re
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy import text

from jobs.database import engine
from jobs.telemetry.metrics import every
from tests.deploy.compose import SERVICES
from tests.deploy.test_alerts import NAME
from tests.house import tree

FOLDER = "deploy/grafana/provisioning"
NOW, HISTORY = (json.loads(tree.text(f"{FOLDER}/dashboards/{name}.json")) for name in ("now", "history"))
GRAFANAS_OWN = [
    (re.compile(r"\$__timeFilter\((\w+)\)"), r"\1 BETWEEN now() - interval '1 day' AND now()"),
    (re.compile(r"\$__time(From|To)\(\)"), "now()"),
    (re.compile(r"\$\{job\}"), ""),
]
"""What Grafana writes into a query before it asks it."""


def asked(board: dict[str, Any], what: str) -> list[str]:
    return [target[what] for panel in board["panels"] for target in panel["targets"]]


def sources() -> dict[str, dict[str, Any]]:
    files = [path for path in tree.files() if str(path.parent) == f"{FOLDER}/datasources"]
    found = [one for path in files for one in YAML(typ="safe").load(tree.text(path))["datasources"]]
    return {one["uid"]: one for one in found}


def test_dashboards_ask_for_every_metric_and_for_none_that_is_not_there() -> None:
    named = {name for query in asked(NOW, "expr") for name in NAME.findall(query)}

    assert named == {metric.name for metric in every()}


def test_whatever_every_front_door_tells_alike_is_not_added_up() -> None:
    for query in asked(NOW, "expr"):
        assert "http_server" in query or re.search(r"\b(max|min)\b", query), query


@pytest.mark.usefixtures("database")
@pytest.mark.parametrize("query", asked(HISTORY, "rawSql"), ids=[panel["title"] for panel in HISTORY["panels"]])
def test_the_views_answer_what_a_dashboard_asks(query: str) -> None:
    for pattern, said in GRAFANAS_OWN:
        query = pattern.sub(said, query)
    with engine().connect() as connection:
        connection.execute(text("SET ROLE duologue_ops"))
        columns = connection.execute(text(query)).keys()
        connection.rollback()
    assert list(columns)
    assert set(re.findall(r"\bFROM (\w+)\.", query)) == {"ops"}


def test_panels_have_names_of_their_own_and_sources_that_are_provisioned() -> None:
    for board in (NOW, HISTORY):
        titles = [panel["title"] for panel in board["panels"]]
        assert len(set(titles)) == len({panel["id"] for panel in board["panels"]}) == len(titles)
        assert {panel["datasource"]["uid"] for panel in board["panels"]} <= set(sources())
        for panel in board["panels"]:
            assert panel["datasource"]["type"] == sources()[panel["datasource"]["uid"]]["type"]


def test_secrets_that_a_source_reads_are_handed_over() -> None:
    read = set(re.findall(r"/run/secrets/(\w+)", tree.text(f"{FOLDER}/datasources/views.yml")))

    assert read
    assert read <= {one["target"] for one in SERVICES["grafana"]["secrets"] if not isinstance(one, str)}


def test_prometheus_looks_where_front_doors_tell_it() -> None:
    plan = YAML(typ="safe").load(tree.text("deploy/prometheus/prometheus.yml"))
    [looked_at] = plan["scrape_configs"][0]["dns_sd_configs"]

    assert SERVICES["api"]["environment"]["DUOLOGUE_METRICS_PORT"] == str(looked_at["port"])
    assert looked_at["names"] == ["api"]
