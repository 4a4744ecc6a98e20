"""The targets as ratios of figures of one run, and their comparison with those of a run before."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from bench.load import WEBHOOKS, Cell
from bench.result import Figures
from bench.servers import CONTROLLER_RUNTIME, FLOOR, KOPF, NET_HTTP, OURS, USUAL
from bench.throughput import COMPARED

STORED = Path(__file__).parents[1] / "docs" / "benchmarks" / "ratios.json"
TOLERANCE = 0.15
"""How much worse than the stored one a ratio may be."""
_SIZES = (2, 50, 500)


@dataclass(frozen=True)
class Target:
    """A bound on a ratio of two figures, or on one figure where there is no second."""

    name: str
    above: str
    below: str | None
    bound: float
    at_least: bool = True

    def holds(self, seen: float) -> bool:
        """Whether a value is within the bound."""
        return seen >= self.bound if self.at_least else seen <= self.bound

    @property
    def wanted(self) -> str:
        """The bound in words."""
        return f"at {'least' if self.at_least else 'most'} {self.bound:g}"

    def worse(self, seen: float, before: float) -> float:
        """How much worse a value is than the one before, as a part of that one; negative if it is better."""
        return (before - seen if self.at_least else seen - before) / before

    def value(self, figures: Figures) -> float | None:
        """The median of the rounds' ratios; None where the figures were not measured.

        What was measured in the same round is divided, so that a slow minute of the machine counts on both sides.
        """
        above = figures.get(self.above)
        below = [1.0] if self.below is None else figures.get(self.below)
        if not above or not below:
            return None
        if len(above) == len(below):
            return statistics.median(one / other for one, other in zip(above, below, strict=True))
        return statistics.median(above) / statistics.median(below)

    @property
    def part(self) -> str:
        """The part of the measurements that it is made of."""
        first = self.above.partition("/")[0]
        return "throughput" if first in ("rate", "cpu", "p50", "p99") else first

    @property
    def by_cpu(self) -> Target | None:
        """The same in CPU of a call, where it is about calls a second: on one core, one is the other's inverse."""
        if self.below is None or not self.above.startswith("rate/"):
            return None
        above, below = (f"cpu{name.removeprefix('rate')}" for name in (self.below, self.above))
        return replace(self, above=above, below=below)


def _throughput() -> Iterator[Target]:
    against = (
        (CONTROLLER_RUNTIME, (1.2, 2.0, 2.0)),
        (NET_HTTP, (1.0, 1.5, 1.5)),
        (KOPF, (6, 10, 10)),
        (USUAL, (6, 10, 10)),
    )
    for peer, bounds in against:
        for members, bound in zip(_SIZES, bounds, strict=True):
            for cell in _cells(members):
                what = f"calls/s against {peer.title}: {_said(cell)}"
                yield Target(what, f"rate/{cell.name}/{OURS.key}", f"rate/{cell.name}/{peer.key}", bound)
    for cell in _cells(2):
        what = f"calls/s against {FLOOR.title}: {_said(cell)}"
        yield Target(what, f"rate/{cell.name}/{OURS.key}", f"rate/{cell.name}/{FLOOR.key}", 0.4)


def _evenness() -> Iterator[Target]:
    for members in _SIZES:
        for cell in _cells(members):
            name = f"{cell.name}/{OURS.key}"
            yield Target(f"p99 against p50: {_said(cell)}", f"p99/{name}", f"p50/{name}", 4, at_least=False)
    for webhook in WEBHOOKS:
        large, small = (f"cpu/{Cell(webhook, members, COMPARED).name}/{OURS.key}" for members in (500, 50))
        yield Target(f"CPU of a call with 500 members against 50: /{webhook}", large, small, 11, at_least=False)


def _cells(members: int) -> list[Cell]:
    return [Cell(webhook, members, COMPARED) for webhook in WEBHOOKS]


def _said(cell: Cell) -> str:
    return f"/{cell.webhook}, {cell.members} members"


_KNOWN = "a decision with 100,000 objects in the inventory against none"
TARGETS = (
    *_throughput(),
    *_evenness(),
    *(
        Target(f"{_KNOWN}: {kind}", f"inventory/{kind}/100000", f"inventory/{kind}/0", 1.2, at_least=False)
        for kind in ("BackupBatch", "RestoreBatch")
    ),
    Target(
        "memory of an inventory of 100,000 objects with places against without",
        "inventory/mb/with places/100000",
        "inventory/mb/without/100000",
        1.1,
        at_least=False,
    ),
    Target(
        "creates/s through the API server, 16 clients: with this server against the Go peer",
        f"creates/16/{OURS.key}",
        f"creates/16/{CONTROLLER_RUNTIME.key}",
        0.95,
    ),
    Target("MB of memory at the start", f"memory/start/{OURS.key}", None, 90, at_least=False),
    Target(
        "memory after 100,000 calls against the start",
        f"memory/end/{OURS.key}",
        f"memory/start/{OURS.key}",
        1.1,
        at_least=False,
    ),
    Target(
        "cold start to the first answer against importing fastapi and uvicorn",
        f"start/{OURS.key}",
        "start/import",
        3,
        at_least=False,
    ),
)
"""What is wanted, in the order of the page."""


def values(figures: Figures) -> dict[str, float]:
    """The ratios that were measured, by the names of their targets."""
    found = {target.name: target.value(figures) for target in TARGETS}
    return {name: value for name, value in found.items() if value is not None}


def values_by_cpu(figures: Figures) -> dict[str, float]:
    """The ratios of calls a second made of CPU, by the names of their targets: what else runs spoils them less."""
    found = {target.name: target.by_cpu.value(figures) for target in TARGETS if target.by_cpu}
    return {name: value for name, value in found.items() if value is not None}


def missed(seen: Mapping[str, float]) -> list[str]:
    """The targets that do not hold, a line each."""
    return [
        f"{target.name}: {seen[target.name]:.2f}, wanted {target.wanted}"
        for target in TARGETS
        if target.name in seen and not target.holds(seen[target.name])
    ]


def worsened(seen: Mapping[str, float], before: Mapping[str, float]) -> dict[Target, str]:
    """What got worse by more than the tolerance, a line each; what only one of the two has is not compared."""
    both = [target for target in TARGETS if target.name in seen and target.name in before]
    return {
        target: f"{target.name}: {seen[target.name]:.2f}, was {before[target.name]:.2f}, worse by {loss:.0%}"
        for target in both
        if (loss := target.worse(seen[target.name], before[target.name])) > TOLERANCE
    }


def store(seen: Mapping[str, float], facts: list[tuple[str, str]], path: Path = STORED) -> None:
    """Write the ratios, with what they were measured on."""
    path.parent.mkdir(exist_ok=True)
    rounded = {name: float(f"{value:.4g}") for name, value in seen.items()}
    path.write_text(json.dumps({"measured on": dict(facts), "ratios": rounded}, indent=2) + "\n")


class NoRatios(Exception):
    """There is nothing to compare with. The message says what to do."""


def stored(path: Path = STORED) -> dict[str, float]:
    """The ratios of the run that was stored. Raises NoRatios."""
    try:
        found = json.loads(path.read_text())["ratios"]
        return {str(name): float(value) for name, value in found.items()}
    except FileNotFoundError:
        raise NoRatios(f"{path.name} is not there: `make bench` writes it") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoRatios(f"{path.name} is not what `make bench` writes: run that again") from None
