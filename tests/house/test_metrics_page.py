import re

from jobs.telemetry.metrics import COUNTED, LEVELS, LONG, REQUESTS, Metric, every
from tests.house import tree

PAGE = tree.text("docs/metrics.md")
NAME = re.compile(r"[a-z_]+(_total|_seconds|_bytes|_ratio)|[a-z_]+")


def row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.name}` | {metric.kind} | {labels} | {metric.says} |"


def test_every_metric_is_explained_and_every_explained_one_is_there() -> None:
    explained = [line for line in PAGE.splitlines() if line.startswith(("| `duologue_", "| `http_"))]
    wanted = [row(metric) for metric in every()]

    assert [line for line in wanted if line not in explained] == [], "docs/metrics.md lacks these"
    assert sorted(explained) == sorted(wanted)


def test_names_keep_prometheus_customs() -> None:
    for metric in every():
        assert NAME.fullmatch(metric.name), metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total"), metric.name
        assert (metric.kind == "histogram") == bool(metric.buckets), metric.name
        assert list(metric.buckets) == sorted(set(metric.buckets)), metric.name
        assert metric.says.endswith(".")


def test_no_label_can_have_a_value_for_every_job_caller_or_process() -> None:
    bounded = {
        "chore",
        "engine",
        "error_class",
        "from",
        "kind",
        "model",
        "outcome",
        "reason",
        "route",
        "stage",
        "state",
    }

    assert {label for metric in every() for label in metric.labels} <= bounded | {"status", "to"}


def test_renderings_are_spread_from_a_second_to_two_hours() -> None:
    assert (LONG[0], LONG[-1]) == (1, 7200)
    assert REQUESTS not in {*COUNTED.values(), *LEVELS.values()}
