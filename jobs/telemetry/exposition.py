"""Writes numbers down in Prometheus' words, or OpenMetrics' where they are asked for."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from jobs.telemetry.metrics import COUNTED, LEVELS, REQUESTS, Metric
from jobs.telemetry.numbers import Figures, Labels, Spread


def write(figures: Figures, accept: str = "") -> tuple[bytes, str]:
    """The page, and its content type."""
    encode, content_type = choose_encoder(accept)
    return encode(_Page(figures)), content_type


class _Page(Collector):
    """Every metric is there, even where there is nothing to say of it yet."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Family]:
        for key, metric in LEVELS.items():
            yield _simple(metric, self._figures.levels.get(key, {}))
        for key, metric in COUNTED.items():
            if metric.kind == "histogram":
                found, sums = self._figures.counted.get(key, {}), self._figures.counted.get(f"{key}.sum", {})
                yield _histogram(metric, _spreads(metric, found, sums))
            else:
                nothing: dict[Labels, float] = {} if metric.labels else {(): 0.0}
                yield _simple(metric, nothing | dict(self._figures.counted.get(key, {})))
        yield _histogram(REQUESTS, self._figures.requests.items())


def _simple(metric: Metric, values: Mapping[Labels, float]) -> Family:
    kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    family: CounterMetricFamily | GaugeMetricFamily = kind(metric.name, metric.says, labels=metric.labels)
    for labels in sorted(values):
        family.add_metric(labels, values[labels])
    return family


def _histogram(metric: Metric, spreads: Iterable[tuple[Labels, Spread]]) -> Family:
    family = HistogramMetricFamily(metric.name, metric.says, labels=metric.labels)
    bounds = [*map(floatToGoString, metric.buckets), "+Inf"]
    for labels, spread in sorted(spreads, key=lambda one: one[0]):
        so_far, buckets = 0.0, list[tuple[str, float]]()
        for bound, count in zip(bounds, spread.counts, strict=True):
            so_far += count
            buckets.append((bound, so_far))
        family.add_metric(labels, buckets, spread.total)
    return family


def _spreads(
    metric: Metric, found: Mapping[Labels, float], sums: Mapping[Labels, float]
) -> Iterator[tuple[Labels, Spread]]:
    """Put together what lies in single buckets: the last label says which; one that is no more joins the next above."""
    buckets: dict[Labels, list[float]] = defaultdict(lambda: [0.0] * (len(metric.buckets) + 1))
    for (*labels, upto), count in found.items():
        place = next((at for at, bound in enumerate(metric.buckets) if float(upto) <= bound), len(metric.buckets))
        buckets[tuple(labels)][place] += count
    for labels_of_one, counts in buckets.items():
        yield labels_of_one, Spread(counts, sums.get(labels_of_one, 0.0))
