"""What a repository will hold: the runs of a schedule from now on, and what retention leaves of them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import islice, takewhile
from typing import NamedTuple

from app.domain.cron import Cron, Interval, due_after, due_before
from app.domain.retention import Keep, kept

HORIZONS = (7, 30, 365)
"""Days after which it is looked at."""
WEEKS = 52
_NEXT_RUNS = 3
_SHORTEST = timedelta(minutes=1)
"""Between two runs. An interval may be shorter; how many snapshots that makes in a year nobody wants to wait for."""


class Horizon(NamedTuple):
    """What each host has of each path after so many days, if it began empty and no run fails."""

    days: int
    snapshots: int
    oldest: datetime | None
    """The oldest point that can be restored; None: there is no snapshot yet."""
    weeks: tuple[int, ...]
    """Snapshots in each of the last weeks, the latest last."""


class Forecast(NamedTuple):
    """What a schedule and a retention policy make."""

    next_runs: tuple[datetime, ...]
    horizons: tuple[Horizon, ...]


@lru_cache(256)
def forecast(schedule: Cron, keep: Keep, start: datetime, zone: tzinfo = UTC) -> Forecast:
    """From a moment on. Retention runs after every backup, which leaves the same as if it ran once in the end.

    Days and weeks of retention are those of UTC, the clock of a container.
    """
    runs = tuple(islice(due_after(schedule, start, zone), _NEXT_RUNS))
    if isinstance(schedule, Interval) and schedule.step < _SHORTEST:
        return Forecast(runs, ())
    return Forecast(runs, tuple(_after(days, schedule, keep, start, zone) for days in HORIZONS))


def _after(days: int, schedule: Cron, keep: Keep, start: datetime, zone: tzinfo) -> Horizon:
    end = start + timedelta(days=days)
    asked: list[datetime] = []

    def newest_first() -> Iterator[tuple[datetime, Sequence[str]]]:
        for due in _runs(schedule, start, end, zone):
            asked.append(due)
            yield due, ()

    left = [asked[number] for number in kept(newest_first(), keep)]
    weeks = [0] * WEEKS
    for each in left:
        weeks[min((end - each) // timedelta(weeks=1), WEEKS - 1)] += 1
    return Horizon(days, len(left), left[-1] if left else None, tuple(reversed(weeks)))


def _runs(schedule: Cron, start: datetime, end: datetime, zone: tzinfo) -> Iterator[datetime]:
    """The runs after `start` up to `end`, the latest first."""
    if isinstance(schedule, Interval):
        first = start.astimezone(UTC).replace(microsecond=0)
        return (first + number * schedule.step for number in range((end - first) // schedule.step, 0, -1))
    return takewhile(lambda due: due > start, due_before(schedule, end, zone))
