"""What will happen for an object: its waves, the hosts of each member, and what is restored for each host."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Any, Literal

from app.admission.engine import Admission
from app.admission.offline import ask
from app.domain.cluster_view import ClusterView
from app.domain.cron import cron
from app.domain.forecast import Forecast, forecast
from app.domain.hosts import HOST_WITHOUT_TARGET, Hosts, Shape
from app.domain.invoker import Backup, Batch, Invoker, Member, Restore
from app.domain.key import Key
from app.domain.matching import rule_for, source_of
from app.domain.order import PARALLEL, SEQUENTIAL, runs_in_order, waves
from app.domain.path import dotted
from app.domain.reading import read_invoker
from app.domain.writers import keep_of
from app.manifest.objects import Manifest
from schemas.target import Rule

MAX_NAMED_HOSTS = 1_000
"""Hosts of one target that are named one by one."""

Restores = Literal["everything", "snapshots", "paths", "nothing"]


@dataclass(frozen=True, slots=True)
class HostRestore:
    """What is restored for a host."""

    host: str
    """A host, or the notation for all that are not named."""
    rule: str | None
    """The path of the rule; None without one."""
    restores: Restores
    source: str | None
    """The host whose data it is; None for snapshots, which may carry any, and for nothing."""
    snapshots: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    written: bool | None = None
    """Whether a backup may write the source host into the Repository; None where nobody can know."""


@dataclass(frozen=True, slots=True)
class Step:
    """A member in its wave."""

    number: int
    target: str
    """For people: `Deployment web`."""
    name: str
    """The target's name, empty if it has none."""
    indexed: bool
    """Whether its hosts have ordinals."""
    alias: str | None
    host: str | None
    """In the proposal's notation; None where restic is not involved, or faults leave it open."""
    hosts: tuple[str, ...] | None
    """The real ones, where they are known."""
    fed: tuple[HostRestore, ...]
    """What is restored for them. Nothing for a backup."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will happen for an object, as the server would store it."""

    file: str
    kind: str
    namespace: str
    name: str
    repository: str | None
    order: str
    waves: tuple[tuple[Step, ...], ...]
    refused: bool
    """Whether the server would not store it."""
    schedule: str = ""
    forecast: Forecast | None = None
    """What its schedule and its retention make in time; None if nobody asked, or it has no runs."""


@dataclass(frozen=True)
class Clock:
    """From when on, and in which time zone, runs are foretold."""

    start: datetime
    zone: tzinfo = UTC

    def foretell(self, invoker: Invoker) -> Forecast | None:
        """The runs of a backup, and what retention leaves; None where there are none."""
        if not isinstance(invoker, Backup) or invoker.snapshotter or invoker.spec.get("paused"):
            return None
        schedule = cron(invoker.spec.get("schedule") or "")
        return schedule and forecast(schedule, keep_of(invoker), self.start, self.zone)


@dataclass(frozen=True)
class Cluster:
    """What the user says of the cluster: replicas of workloads by name, and nodes."""

    replicas: Mapping[str, int]
    nodes: Sequence[str]
    cluster: ClusterView | None = None
    """What it holds."""

    def hosts(self, hosts: Hosts, name: str, replicas: int | None) -> tuple[str, ...] | None:
        """The real hosts of a target of a name; None where they are not known, or too many."""
        if hosts.shape is Shape.INDEXED:
            count = self.replicas.get(name, replicas)
            if count is None or not 0 <= count <= MAX_NAMED_HOSTS:
                return None
            return tuple(f"{hosts.stem}-{ordinal}" for ordinal in range(count))
        if hosts.shape is Shape.PER_NODE:
            known = [node if hosts.stem is None else f"{hosts.stem}-{node}" for node in self.nodes]
            return tuple(known) if known else None
        return (str(hosts),)

    def writes(self, repository: Key | None, source: str | None, hosts: Hosts) -> bool | None:
        """Whether a backup may write a source host into a Repository, `hosts` being how a target's are noted."""
        if self.cluster is None or repository is None or source is None:
            return None
        wanted = hosts if source == str(hosts) else Hosts(Shape.LITERAL, source)
        return self.cluster.may_write(repository, wanted)


def plan(
    manifest: Manifest,
    admission: Admission,
    cluster: Cluster,
    old: Mapping[str, Any] | None = None,
    clock: Clock | None = None,
) -> Plan:
    """The plan for an object that the webhooks concern, as new, or as an update of `old`, the stored one."""
    answer = ask(manifest, admission, old)
    invoker = read_invoker(manifest.kind, answer.document, manifest.namespace)
    repository = invoker.spec.get("repository") or {}
    steps = tuple(tuple(_step(member, invoker, cluster) for member in wave) for wave in waves(invoker))
    order = SEQUENTIAL if runs_in_order(invoker) else PARALLEL
    refused = any(each.refuses for each in answer.findings)
    about = manifest.file, manifest.kind, manifest.namespace, manifest.name
    schedule: Any = invoker.spec.get("schedule") or ""
    foretold = None if clock is None else clock.foretell(invoker)
    return Plan(*about, repository.get("name"), order, steps, refused, schedule, foretold)


def _step(member: Member, invoker: Invoker, cluster: Cluster) -> Step:
    target = member.target
    if target is None:
        alone = HOST_WITHOUT_TARGET if not isinstance(invoker, Batch) and not invoker.snapshotter else None
        return _with_hosts(member, invoker, cluster, "no target", alone)
    return _with_hosts(member, invoker, cluster, str(target), target.hosts)


def _with_hosts(member: Member, invoker: Invoker, cluster: Cluster, label: str, hosts: Hosts | None) -> Step:
    target = member.target
    alias, name, replicas = (target.alias, target.name, target.replicas) if target else (None, "", None)
    if hosts is None:
        return Step(member.index, label, name, False, alias, None, None, ())
    real = cluster.hosts(hosts, name, replicas)
    fed: tuple[HostRestore, ...] = ()
    if isinstance(invoker, Restore):
        found = _fed(member, invoker, hosts, real)
        fed = tuple(replace(each, written=cluster.writes(invoker.repository, each.source, hosts)) for each in found)
    return Step(member.index, label, name, hosts.shape is Shape.INDEXED, alias, str(hosts), real, fed)


def _fed(member: Member, restore: Restore, hosts: Hosts, real: tuple[str, ...] | None) -> Iterator[HostRestore]:
    rules = next((rules for target, rules in restore.rules if target is member.target), [])
    bodies = [rule.body for rule in rules]
    if real is None:
        named = dict.fromkeys(host for rule in rules for _, host in rule.hosts)
        real = (*(host for host in named if hosts.can_be(host)), str(hosts))
    for host in real:
        rule = rule_for(host, bodies)
        if rule is None:
            yield HostRestore(host, None, "nothing", None)
        else:
            path = next((dotted(each.path) for each in rules if each.body is rule), None)
            yield _by_rule(host, path, rule)


def _by_rule(host: str, path: str | None, rule: Rule) -> HostRestore:
    snapshots = tuple(each for each in rule.get("snapshots") or () if each)
    if snapshots:
        return HostRestore(host, path, "snapshots", None, snapshots=snapshots)
    paths = tuple(each for each in rule.get("paths") or () if each)
    return HostRestore(host, path, "paths" if paths else "everything", source_of(host, rule), paths=paths)
