"""Metrics whose labels have values from closed sets, which are known."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

Labels = Mapping[str, Sequence[str]]
_PREFIX = "stash_admission_"
_NONE: Labels = MappingProxyType({})

disable_created_metrics()  # type: ignore[no-untyped-call]


class Registry(CollectorRegistry):
    """Makes and holds the metrics of a server. Their names get the server's prefix."""

    def __init__(self) -> None:
        super().__init__()
        self.labels: dict[str, Labels] = {}
        """All values that the labels of a metric can have, by the metric's name and the label's."""

    def counter(self, name: str, text: str, labels: Labels, series: Iterable[Sequence[str]] | None = None) -> Counter:
        """A counter whose series are all there from the beginning: rate() does not see one that begins with 1.

        `series` are the values of the labels that can come together; without it, all can.
        """
        counter = Counter(f"{_PREFIX}{name}", text, self._closed(name, labels), registry=self)
        _begin(counter, labels, series)
        return counter

    def histogram(self, name: str, text: str, labels: Labels, buckets: Sequence[float]) -> Histogram:
        """A histogram, whose series are there too."""
        histogram = Histogram(f"{_PREFIX}{name}", text, self._closed(name, labels), buckets=buckets, registry=self)
        _begin(histogram, labels, None)
        return histogram

    def gauge(self, name: str, text: str, labels: Labels = _NONE) -> Gauge:
        """A gauge. One with labels has no series before it is set."""
        return Gauge(f"{_PREFIX}{name}", text, self._closed(name, labels), registry=self)

    def _closed(self, name: str, labels: Labels) -> list[str]:
        """The names of the labels, whose values are noted."""
        self.labels[f"{_PREFIX}{name}"] = labels
        return list(labels)


class Series(dict[tuple[str, ...], Any]):
    """The series of a metric by the values of its labels: to ask the metric for one costs eight times as much."""

    def __init__(self, metric: Counter | Histogram) -> None:
        super().__init__()
        self._metric = metric

    def __missing__(self, labels: tuple[str, ...]) -> Any:
        """A series that is used for the first time."""
        series = self[labels] = self._metric.labels(*labels)
        return series


def _begin(metric: Counter | Histogram, labels: Labels, series: Iterable[Sequence[str]] | None) -> None:
    for values in product(*labels.values()) if series is None else series:
        metric.labels(*values)
