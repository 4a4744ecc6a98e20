"""Who writes the hosts of a place, and who restores from them, as the objects of a cluster say it."""

import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from app.domain.cron import Cron, cron
from app.domain.duration import parse_duration
from app.domain.hosts import Hosts, Shape, ancestors, split_ordinal
from app.domain.invoker import Backup, Member, Restore, Target
from app.domain.key import Key
from app.domain.matching import rule_for, source_of
from app.domain.path import Path
from app.domain.retention import EVERYTHING, Keep
from schemas.job import RetentionPolicy
from schemas.target import Rule


@dataclass(frozen=True, eq=False)
class Writer:
    """A member of a backup."""

    key: Key
    """The object that it is of."""
    path: Path
    """Where its alias is written in there."""
    target: str
    """For people: `Deployment web`."""
    hosts: Hosts
    paths: frozenset[str] | None
    """What it backs up; None where only its task knows."""
    schedule: Cron | None
    """None: there is none, or none that a CronJob takes."""
    paused: bool
    keep: Keep
    """What retention keeps; everything, where it is a dry run."""
    patience: timedelta
    """How long a run may take, with all its retries."""

    def backs_up(self, paths: Iterable[str]) -> bool:
        """Whether it may make snapshots of these paths."""
        return self.paths is None or self.paths.issuperset(paths)

    def __str__(self) -> str:
        """For messages: `BackupBatch demo/shop (Deployment web)`."""
        return f"{self.key} ({self.target})"


@dataclass(frozen=True, eq=False)
class Reader:
    """What a member of a restore reads for one of its hosts, or all those that it does not name."""

    key: Key
    path: Path
    sources: Hosts
    """The hosts whose data it restores."""
    snapshots: tuple[str, ...]
    """Those that it names; then hosts and paths do not matter."""
    paths: tuple[str, ...]


_DEFAULT_PATIENCE = timedelta(hours=1)
_MAX_RETRIES, _MAX_PATIENCE = 1_000, timedelta(days=36_500)
"""Beyond which it makes no difference, and the calendar ends."""


def writers_of(key: Key, backup: Backup) -> Iterator[Writer]:
    """The members of a backup that write hosts."""
    spec = backup.spec
    retries = spec.get("retryConfig") or {}
    again = min(max(retries.get("maxRetry") or 0, 0), _MAX_RETRIES)
    patience = (_time(spec.get("timeOut")) or _DEFAULT_PATIENCE) * (1 + again) + _time(retries.get("delay")) * again
    for member, hosts in backup.writers:
        target = member.target
        yield Writer(
            key,
            (*member.path, "target", "alias") if target else (*member.path,),
            str(target) if target else "no target",
            hosts,
            _paths(member, target),
            cron(spec.get("schedule") or ""),
            bool(spec.get("paused")),
            keep_of(backup),
            min(patience, _MAX_PATIENCE),
        )


def keep_of(backup: Backup) -> Keep:
    """What retention keeps of the snapshots of a backup; everything, where it is a dry run."""
    policy: RetentionPolicy | None = backup.spec.get("retentionPolicy")
    return EVERYTHING if not policy or policy.get("dryRun") else Keep.of(policy)


def _paths(member: Member, target: Target | None) -> frozenset[str] | None:
    """What a target backs up; a task may back up something else, and a variable stands for a path nobody knows."""
    if target is None or target.task:
        return None
    body: dict[str, list[str | None] | None] = member.body.get("target") or {}  # type: ignore[assignment]
    paths = [posixpath.normpath(each) for each in body.get("paths") or () if each]
    return frozenset(paths) if paths and not any("$" in each for each in paths) else None


def _time(text: str | None) -> timedelta:
    try:
        return timedelta(microseconds=max(parse_duration(text or "0"), 0) // 1000)
    except ValueError:
        return timedelta(0)


def readers_of(key: Key, restore: Restore) -> Iterator[Reader]:
    """What a restore reads: of each target, for each host that its rules name, and for all others."""
    ruled = {target.path: [rule.body for rule in rules] for target, rules in restore.rules if target is not None}
    for target in restore.targets:
        if target.hosts is None:
            continue
        rules = ruled.get(target.path, [])
        path = (*target.path, "alias")
        named = dict.fromkeys(host for rule in rules for host in rule.get("targetHosts") or () if host)
        for host in named:
            rule = rule_for(host, rules)
            if rule is not None and target.hosts.can_be(host, target.replicas):
                yield _reader(key, path, rule, Hosts(Shape.LITERAL, source_of(host, rule)))
        rule = rule_for("", rules)
        if rule is not None:
            source = rule.get("sourceHost")
            yield _reader(key, path, rule, Hosts(Shape.LITERAL, source) if source else target.hosts)


def _reader(key: Key, path: Path, rule: Rule, sources: Hosts) -> Reader:
    snapshots = tuple(each for each in rule.get("snapshots") or () if each)
    paths = tuple(posixpath.normpath(each) for each in rule.get("paths") or () if each)
    return Reader(key, path, sources, snapshots, () if snapshots else paths)


class Writers:
    """The writers of a place, found by host."""

    def __init__(self, writers: Iterable[Writer]) -> None:
        self.all = list(writers)
        self._by_hosts: defaultdict[Hosts, list[Writer]] = defaultdict(list)
        for each in self.all:
            self._by_hosts[each.hosts].append(each)

    def of(self, host: str) -> list[Writer]:
        """Those that certainly write a host."""
        stem, ordinal = split_ordinal(host)
        found = list(self._by_hosts.get(Hosts(Shape.LITERAL, host), ()))
        if ordinal is not None:
            found += self._by_hosts.get(Hosts(Shape.INDEXED, stem), ())
        return found

    def perhaps(self, host: str) -> list[Writer]:
        """Those that write it if there is a node of some name."""
        stems: list[str | None] = [*ancestors(host), None]
        return [each for stem in stems for each in self._by_hosts.get(Hosts(Shape.PER_NODE, stem), ())]
