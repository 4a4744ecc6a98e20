"""Snapshots of a restic repository: what `restic snapshots --json` says of each, by host and paths."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from app.domain.hosts import Hosts, Shape, split_ordinal

Paths = tuple[str, ...]


class Snapshot(NamedTuple):
    """One snapshot."""

    time: datetime
    """When the backup began, with the offset of the clock where it was made: days and weeks are counted by that."""
    host: str
    paths: Paths
    """Sorted: restic compares them so."""
    id: str
    tree: str
    """What was backed up: equal for equal data. Empty if it is not said."""
    tags: tuple[str, ...] = ()


class History:
    """The snapshots of a repository: of each host, those of the same paths, the oldest first."""

    def __init__(self, snapshots: Iterable[Snapshot]) -> None:
        hosts: defaultdict[str, defaultdict[Paths, list[Snapshot]]] = defaultdict(lambda: defaultdict(list))
        for each in {each.id: each for each in snapshots}.values():
            hosts[each.host][each.paths].append(each)
        for groups in hosts.values():
            for found in groups.values():
                found.sort(key=_time)
        self.hosts: dict[str, dict[Paths, list[Snapshot]]] = {
            host: dict(sorted(groups.items())) for host, groups in sorted(hosts.items())
        }

        self._ids = sorted(each.id for groups in hosts.values() for found in groups.values() for each in found)
        self._by_stem: defaultdict[str, list[str]] = defaultdict(list)
        for host in self.hosts:
            stem, ordinal = split_ordinal(host)
            if ordinal is not None:
                self._by_stem[stem].append(host)

    def has(self, name: str) -> bool:
        """Whether there is a snapshot whose id begins so."""
        at = bisect_left(self._ids, name)
        return at < len(self._ids) and self._ids[at].startswith(name)

    def matching(self, hosts: Hosts) -> list[str]:
        """Those of its hosts that are among these."""
        if hosts.shape is Shape.LITERAL:
            return [str(hosts)] if str(hosts) in self.hosts else []
        if hosts.shape is Shape.INDEXED:
            return self._by_stem.get(str(hosts.stem), [])
        return [host for host in self.hosts if hosts.can_be(host)]

    def of(self, host: str) -> list[Snapshot]:
        """All snapshots of a host, the oldest first."""
        return sorted((each for group in self.hosts.get(host, {}).values() for each in group), key=_time)


def _time(snapshot: Snapshot) -> datetime:
    return snapshot.time
