"""What retention removes from a repository when its backups have run once more."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo
from typing import NamedTuple

from app.domain.cron import first_after
from app.domain.key import Key
from app.domain.retention import kept
from app.domain.snapshot import History, Paths, Snapshot
from app.domain.writers import Writers


class Removal(NamedTuple):
    """What one backup removes under one host and path."""

    host: str
    paths: Paths
    at: datetime
    """When its next run is due."""
    key: Key
    removed: tuple[Snapshot, ...]
    of: int
    """How many there are now."""


def removals(
    history: History, writers: Writers, now: datetime, zone: tzinfo, hosts: Iterable[str] | None = None
) -> Iterator[Removal]:
    """What each backup removes after its next run, of all hosts or of some: `restic forget` by host and paths."""
    for host in history.hosts if hosts is None else hosts:
        for writer in writers.of(host) or writers.perhaps(host):
            due = None if writer.paused or writer.schedule is None else first_after(writer.schedule, now, zone)
            if due is None or writer.keep.everything:
                continue
            for paths, group in history.hosts[host].items():
                run: list[tuple[datetime, Sequence[str]]] = [(due, ())] if writer.backs_up(paths) else []
                stay = set(kept([*run, *((each.time, each.tags) for each in reversed(group))], writer.keep))
                gone = [each for number, each in enumerate(reversed(group), len(run)) if number not in stay]
                if gone:
                    yield Removal(host, paths, due, writer.key, tuple(gone), len(group))
