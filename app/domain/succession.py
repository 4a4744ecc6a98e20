"""Which host took the place of one that nobody writes any more, because an alias was changed."""

from bisect import bisect_left
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import NamedTuple

from app.domain.hosts import ordinal_of
from app.domain.snapshot import History, Paths, Snapshot
from app.domain.writers import Writer, Writers

_LOOKED_AT = 100
"""Hosts of the same paths, the nearest in time."""


class _Heir(NamedTuple):
    """A host that a backup writes, of some paths."""

    begun: datetime
    host: str
    writer: Writer
    tree: str


class Succession:
    """The hosts that backups write, by the paths of their snapshots."""

    def __init__(self, history: History, writers: Writers) -> None:
        self._history = history
        self._heirs: defaultdict[Paths, list[_Heir]] = defaultdict(list)
        ran: set[Writer] = set()
        for host, groups in history.hosts.items():
            found = writers.of(host) or writers.perhaps(host)
            ran.update(found)
            for paths, group in groups.items() if found else ():
                self._heirs[paths].append(_Heir(group[0].time, host, found[0], group[0].tree))
        for heirs in self._heirs.values():
            heirs.sort(key=attrgetter("begun"))
        self.waiting = [each for each in writers.all if each not in ran]
        """The writers of which there is no snapshot yet."""

    def of(self, host: str, snapshots: list[Snapshot]) -> tuple[str, Writer] | None:
        """The host that backs up the same paths, and began when this one ended; of several the nearest."""
        ended = snapshots[-1].time
        trees = {each.tree for each in snapshots[-len(self._history.hosts[host]) :]} - {""}
        found: dict[str, tuple[tuple[bool, bool, timedelta], _Heir]] = {}
        for paths in self._history.hosts[host]:
            heirs = self._heirs.get(paths, [])
            start = bisect_left(heirs, ended, key=attrgetter("begun"))
            for each in heirs[start : start + _LOOKED_AT]:
                stem = each.writer.hosts.stem or ""
                alike = host.endswith(each.host.removeprefix(stem).removeprefix("-"))
                found[each.host] = (each.tree in trees, alike, ended - each.begun), each
        if not found:
            return self._not_begun(host)
        (same, _, before), heir = max(found.values(), key=lambda each: each[0])
        gap = max((after.time - each.time for each, after in pairwise(snapshots)), default=timedelta(days=1))
        return (heir.host, heir.writer) if same or len(found) == 1 or -before <= 3 * gap else None

    def _not_begun(self, host: str) -> tuple[str, Writer] | None:
        """The one that has not run since."""
        gone = list(self._history.hosts[host])
        heirs = [each for each in self.waiting if each.paths and any(each.paths.issuperset(paths) for paths in gone)]
        if len(heirs) != 1:
            return None
        (heir,) = heirs
        return str(heir.hosts).replace("$POD_INDEX", ordinal_of(host) or "0"), heir
