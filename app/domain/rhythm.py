"""Whether snapshots under one host come from two targets: by their paths, by their times, by what is in them."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from itertools import islice, pairwise
from operator import itemgetter

from app.domain.cron import Calendar, Cron, Interval, due_before
from app.domain.snapshot import Snapshot

_LOOKED_AT = 500
"""The newest snapshots of a host: how it was fed long ago says nothing about today."""
_CHANGES = 3
"""One target whose paths were changed, and changed back, changes twice."""
_ONE_RUN = timedelta(minutes=10)
"""What one run backs up, path by path, it begins within this time, or within a quarter of the time between runs."""
_CONSTANT = timedelta(minutes=1)
"""How far apart two schedules' times are varies by less; how long a backup takes does not."""
_SAME_PHASE = timedelta(minutes=10)
_MAX_RUNS = 10_000
_FLIPS = 3
"""In a row that data is what it was two snapshots ago, and not what it was in the last one."""


def alternate(own: Sequence[Snapshot], foreign: Sequence[Snapshot]) -> bool:
    """Whether snapshots of two groups take turns, or the foreign ones came last."""
    return foreign[-1].time > own[-1].time or _changes(own, foreign) >= _CHANGES


def two_schedules(one: Sequence[Snapshot], other: Sequence[Snapshot]) -> bool:
    """Whether two groups, the larger first, take turns, and not because each run backs up both."""
    one, other = one[-_LOOKED_AT:], other[-_LOOKED_AT:]
    if _changes(one, other) < _CHANGES:
        return False
    gap = _middle(after.time - before.time for before, after in pairwise(one))
    apart = _nearest(other, one)
    near = min(_ONE_RUN, gap / 4)
    if 2 * sum(each <= near for each in apart) < len(apart):
        return True
    return len(apart) >= _CHANGES and _middle(apart) > _ONE_RUN / 2 and max(apart) - min(apart) <= _CONSTANT


def _nearest(these: Sequence[Snapshot], others: Sequence[Snapshot]) -> list[timedelta]:
    """How far each is from the nearest of the others, both sorted."""
    found, at = [], 0
    for each in these:
        while at + 1 < len(others) and abs(others[at + 1].time - each.time) <= abs(others[at].time - each.time):
            at += 1
        found.append(abs(others[at].time - each.time))
    return found


def _middle(times: Iterable[timedelta]) -> timedelta:
    found = sorted(times)
    return found[len(found) // 2]


def _changes(one: Sequence[Snapshot], other: Sequence[Snapshot]) -> int:
    """How often it changes, in time, whose turn it is."""
    turns = sorted([(each.time, 0) for each in one] + [(each.time, 1) for each in other])
    return sum(before[1] != after[1] for before, after in pairwise(turns))


def flips(group: Sequence[Snapshot]) -> bool:
    """Whether what is backed up is one thing and another in turns: two targets whose data does not change."""
    row = 0
    for before, last, now in zip(group, group[1:], group[2:], strict=False):
        row = row + 1 if now.tree and now.tree == before.tree != last.tree else 0
        if row == _FLIPS:
            return True
    return False


def surplus(group: Sequence[Snapshot], schedule: Cron, zone: tzinfo) -> list[Snapshot]:
    """The snapshots of one group that a second rhythm makes beside that of the schedule; empty: there is none.

    Between two runs of a schedule is one backup. Two, again and again as long after the run: another target's. A retry
    or a backup by hand is at another time each day, and what an earlier schedule has left is older than the last runs.
    """
    recent = group[-_LOOKED_AT:]
    if isinstance(schedule, Calendar) and not _twice(recent, schedule, zone):
        return []
    runs = _runs(recent[0].time, recent[-1].time, schedule, zone)
    extra: list[tuple[int, timedelta, Snapshot]] = []
    filled = set()
    for each in recent:
        run = bisect_right(runs, each.time)
        if run in filled:
            extra.append((run, each.time - runs[run - 1] if run else timedelta(0), each))
        filled.add(run)
    doubled = sorted({run for run, _, _ in extra})
    if len(doubled) < 2 or (len(doubled) < _CHANGES and 2 * len(doubled) < len(filled)):
        return []
    if len(runs) - doubled[-1] > 2 * max(after - before for before, after in pairwise(doubled)):
        return []  # it was so, and is no more
    empty = doubled[-1] - doubled[0] + 1 - sum(doubled[0] <= run <= doubled[-1] for run in filled)
    if 2 * (len(extra) - empty) <= len(extra):
        return []  # late ones, which were counted with the next run
    extra.sort(key=itemgetter(1))
    near = [after[1] - before[1] <= _SAME_PHASE for before, after in pairwise(extra)]
    again = [one or other for one, other in zip([False, *near], [*near, False], strict=True)]
    steady = sorted(each for (_, _, each), seen in zip(extra, again, strict=True) if seen)
    return steady if 2 * len(steady) >= len(extra) else []


def _twice(recent: Sequence[Snapshot], schedule: Calendar, zone: tzinfo) -> bool:
    """Whether it happens twice that no run lies between a snapshot and the next. All runs are many more to look at."""
    doubled = 0
    for before, after in pairwise(recent):
        last = next(due_before(schedule, after.time, zone), None)
        doubled += last is None or last <= before.time
        if doubled == 2:
            return True
    return False


def _runs(first: datetime, last: datetime, schedule: Cron, zone: tzinfo) -> list[datetime]:
    """The times from `first` to `last` at which the schedule was due, and the one before; of very many the latest."""
    if isinstance(schedule, Interval):
        count = min((last - first) // schedule.step + 1, _MAX_RUNS)
        return [last - (number + 0.5) * schedule.step for number in reversed(range(count))]
    found: list[datetime] = []
    for due in islice(due_before(schedule, last, zone), _MAX_RUNS):
        found.append(due)
        if due <= first:
            break
    return found[::-1]
