"""What the snapshots of a repository say of data that is mixed, left behind, late, or not to be restored."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Literal

from app.domain.cron import Interval, due_before
from app.domain.hosts import Shape
from app.domain.key import Key
from app.domain.mixing import second_target
from app.domain.outcome import Reason
from app.domain.path import Path
from app.domain.quoting import quoted
from app.domain.removal import Removal, removals
from app.domain.restorable import nothing_found
from app.domain.snapshot import History, Snapshot
from app.domain.succession import Succession
from app.domain.writers import Reader, Writer, Writers

MIXED, UNWRITTEN, LEFT_BEHIND, LATE, EMPTY_RESTORE = (
    "mixed-host", "unwritten-host", "left-behind", "late-backup", "empty-restore",
)  # fmt: skip
FINDINGS = {
    MIXED: "Refuse a host that is fed by two targets: retention and restores take the data of one for the other's.",
    UNWRITTEN: "Warn about a host that no backup writes: its snapshots are kept, and paid for, for ever.",
    LEFT_BEHIND: "Warn about snapshots that stayed under an old host when an alias was changed.",
    LATE: "Warn about a host whose newest snapshot is older than its schedule allows.",
    EMPTY_RESTORE: "Warn about a restore that would find nothing.",
}
"""What is found, and what it means."""
_MAX_IN_COMMAND = 50
"""Snapshots that one command names."""


@dataclass(frozen=True)
class Damage:
    """Something that is wrong with the data."""

    rule: str
    key: Key
    """The object that it is about; the Repository where no other is."""
    path: Path
    message: str
    snapshots: tuple[Snapshot, ...] = ()
    commands: tuple[str, ...] = ()
    """What would mend it, to be run by somebody who has looked."""
    reason: Reason = Reason.INVALID

    @property
    def level(self) -> Literal["error", "warning"]:
        """How bad it is: `error` or `warning`."""
        return "error" if self.rule == MIXED else "warning"


@dataclass
class Place:
    """A repository: what it holds, who writes into it, who restores from it."""

    repository: Key
    history: History
    writers: Writers
    readers: Sequence[Reader]
    now: datetime
    zone: tzinfo = UTC
    new: frozenset[Key] = field(default_factory=frozenset)
    """The backups that were created too lately to have run."""
    whole: bool = True
    """Whether all backups are known. Otherwise nobody can say of a host that none writes it."""

    def removals(self) -> Iterator[Removal]:
        """What retention removes next."""
        return removals(self.history, self.writers, self.now, self.zone)

    def damage(self) -> Iterator[Damage]:
        """All that is wrong, host by host, and then what is not there."""
        unwritten = []
        for host in self.history.hosts:
            writers = self.writers.of(host)
            yield from self._mixed(host, writers)
            if writers:
                yield from self._late(host, writers)
            elif perhaps := self.writers.perhaps(host):
                yield from self._late(host, perhaps)
            elif self.whole:
                unwritten.append(host)
        succession = Succession(self.history, self.writers)
        for host in unwritten:
            yield self._unwritten(host, succession)
        yield from map(self._never, filter(self._is_due, succession.waiting))
        for reader in self.readers:
            yield from self._reads_nothing(reader)

    # One host, two targets.

    def _mixed(self, host: str, writers: list[Writer]) -> Iterator[Damage]:
        found = second_target(self.history.hosts[host], writers, self.zone)
        if found is None:
            return
        why, others = found
        groups = self.history.hosts[host]
        removed = self._removed(host)
        count = sum(map(len, groups.values()))
        message = (
            f"host {quoted(host)} is fed by two targets: {why}; a restore of it takes the newest snapshot, whichever "
            "target made it, and retention counts those of one path together"
            + (f" and would remove {removed} of {count} with its next run" if removed else "")
            + ": give each target an alias of its own"
        )
        known = {each.key for each in writers}
        key, path = (writers[0].key, writers[0].path) if known else (self.repository, ("spec", "backend"))
        name = next((each.target.rpartition(" ")[2] for each in writers[1:]), f"{host}-other")
        name = name if name != host else f"{host}-other"
        commands = [f"restic snapshots --host {shlex.quote(host)}"]
        commands += _moved(name, others)
        fed = tuple(others or self.history.of(host))
        yield Damage(MIXED, key, path, message, fed, tuple(commands), Reason.DUPLICATE)

    # Hosts that are late, and hosts that nobody writes.

    def _late(self, host: str, writers: list[Writer]) -> Iterator[Damage]:
        newest = max(group[-1].time for group in self.history.hosts[host].values())
        active = [each for each in writers if not each.paused and each.schedule is not None]
        missed = [since for each in active if (since := self._expected(each)) is not None and newest < since]
        if not active or len(missed) < len(active):
            return
        writer = active[0]
        gone = {
            Shape.LITERAL: "see why it fails",
            Shape.INDEXED: "see why it fails, or remove the snapshots if the StatefulSet has fewer replicas now",
            Shape.PER_NODE: "see why it fails, or remove the snapshots if the node is gone",
        }[writer.hosts.shape]
        message = (
            f"the newest snapshot of host {quoted(host)} is of {_when(newest)}, and {writer} was due at "
            f"{_when(min(missed))} and later: {gone}"
        )
        group = self.history.of(host)
        commands = _look_after(writer)
        if writer.hosts.shape is not Shape.LITERAL:
            commands += _for_each("restic forget --prune", group)
        yield Damage(LATE, writer.key, writer.path, message, tuple(group[-1:]), tuple(commands))

    def _expected(self, writer: Writer) -> datetime | None:
        """Since when there should be a snapshot: the run before the last, which may not be over; None: never."""
        schedule, until = writer.schedule, self.now - writer.patience
        assert schedule is not None  # noqa: S101  who is asked has one
        if isinstance(schedule, Interval):
            return until - 2 * schedule.step
        due = list(islice(due_before(schedule, until, self.zone), 2))
        return due[1] if len(due) == 2 else None

    def _unwritten(self, host: str, succession: Succession) -> Damage:
        snapshots = self.history.of(host)
        successor = succession.of(host, snapshots)
        look = f"restic snapshots --host {shlex.quote(host)}"
        span = f"{_count(snapshots)}, the newest of {_when(snapshots[-1].time)}"
        remove = _for_each("restic forget --prune", snapshots)
        if successor is None:
            message = (
                f"no backup writes host {quoted(host)} any more ({span}): retention never removes what is there; "
                "remove it if nobody needs it"
            )
            return self._about_repository(UNWRITTEN, message, snapshots, [look, *remove])
        now, writer = successor
        message = (
            f"host {quoted(host)} was left when its alias became {quoted(now)}, which {writer} writes ({span}, of the "
            f"same paths): they are neither removed nor found by a restore of {quoted(now)}; write {quoted(host)} as "
            "the sourceHost of a restore's rule, move them to the new host, or remove them"
        )
        return self._about_repository(LEFT_BEHIND, message, snapshots, [look, *_moved(now, snapshots), *remove])

    def _is_due(self, writer: Writer) -> bool:
        return not writer.paused and writer.schedule is not None and writer.key not in self.new

    def _never(self, writer: Writer) -> Damage:
        message = f"there is no snapshot of host {quoted(str(writer.hosts))}, which {writer} writes: see why it fails"
        return Damage(LATE, writer.key, writer.path, message, (), tuple(_look_after(writer)))

    # Restores.

    def _reads_nothing(self, reader: Reader) -> Iterator[Damage]:
        wrong = nothing_found(reader, self.history)
        if wrong is not None:
            message, look = wrong
            yield Damage(EMPTY_RESTORE, reader.key, reader.path, message, (), (look,))

    def _removed(self, host: str) -> int:
        found = removals(self.history, self.writers, self.now, self.zone, [host])
        return sum(len(each.removed) for each in found)

    def _about_repository(self, rule: str, message: str, snapshots: Sequence[Snapshot], commands: list[str]) -> Damage:
        return Damage(rule, self.repository, ("spec", "backend"), message, tuple(snapshots), tuple(commands))


def _for_each(command: str, snapshots: Sequence[Snapshot]) -> list[str]:
    """The command with the snapshots behind it, in several if there are many."""
    ids = [each.id[:16] for each in snapshots]
    return [
        f"{command} {' '.join(ids[start : start + _MAX_IN_COMMAND])}" for start in range(0, len(ids), _MAX_IN_COMMAND)
    ]


def _moved(host: str, snapshots: Sequence[Snapshot]) -> list[str]:
    """What gives snapshots another host."""
    command = f"restic rewrite --forget --new-host {shlex.quote(host)}"
    return [f"{each}  # restic 0.17 or newer" for each in _for_each(command, snapshots)]


def _look_after(writer: Writer) -> list[str]:
    """What shows how the last runs went, and what starts one by hand."""
    namespace = shlex.quote(writer.key.namespace or "default")
    commands = [f"kubectl get backupsessions -n {namespace}"]
    if writer.key.kind == "BackupConfiguration":
        commands.append(f"kubectl stash trigger {shlex.quote(writer.key.name)} -n {namespace}")
    return commands


def _count(snapshots: Sequence[Snapshot]) -> str:
    return f"{len(snapshots)} snapshot{'' if len(snapshots) == 1 else 's'}"


def _when(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
