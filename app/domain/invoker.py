"""The four kinds that back up or restore, as rules see them, with what all rules need worked out once.

The operator's word for a BackupConfiguration, BackupBatch, RestoreSession or RestoreBatch is invoker: it invokes a
backup or a restore.
"""

import json
from collections.abc import Hashable, Iterator
from functools import cached_property
from typing import Any, NamedTuple, Self

from app.domain.hosts import (
    HOST_WITHOUT_TARGET,
    LEGACY_ALIAS,
    Hosts,
    certain_index_keys,
    possible_index_keys,
    shape_of,
)
from app.domain.key import Key
from app.domain.pace import paced
from app.domain.path import Path
from app.domain.resource import Resource
from schemas.backupbatch import BackupBatchSpec
from schemas.backupconfiguration import BackupConfigurationSpec, BackupJob
from schemas.faults import Checker
from schemas.restorebatch import RestoreBatchSpec
from schemas.restoresession import RestoreJob, RestoreSessionSpec
from schemas.target import BackupTarget, RestoreTarget, Rule, TargetRef

SNAPSHOTTER = "VolumeSnapshotter"
REPOSITORY: Path = ("spec", "repository", "name")
"""Where an object names its Repository."""
FORBIDDEN_REPOSITORY = ("usage-policy", REPOSITORY)
"""Where this rule says that the Repository may not be used, no other one says anything about it."""
_DRIVER: Path = ("spec", "driver")
_IDENTITY: tuple[Path, ...] = (("ref",), ("ref", "kind"), ("ref", "name"), ("ref", "namespace"))
"""The fields of a target that say which one it is."""
_HOSTS: tuple[Path, ...] = (("alias",), ("ref",), ("ref", "kind"), ("replicas",), ("volumeClaimTemplates",))
"""The fields of a target that say which hosts it has."""
_write = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make one for each value

Identity = tuple[str, str, str]
"""Kind, namespace and name of what a target refers to."""


class Target:
    """What a member backs up or restores into."""

    __slots__ = (
        "alias", "body", "effective_alias", "hosts", "identity", "kind", "name", "namespace",
        "path", "replicas", "shape", "task",
    )  # fmt: skip

    def __init__(
        self,
        path: Path,
        body: BackupTarget | RestoreTarget,
        task: str,
        namespace: str,
        identity: Identity | None,
        *,
        restored: bool,
        has_hosts: bool,
    ) -> None:
        ref: TargetRef = body.get("ref") or {}
        self.path = path
        self.body = body
        self.task = task
        """Name of the task, empty if it has none."""
        self.alias = body.get("alias") or None
        """As written; None if it is absent, null or empty."""
        self.kind = ref.get("kind") or ""
        self.name = ref.get("name") or ""
        self.namespace = ref.get("namespace") or namespace
        claims = restored and bool(body.get("volumeClaimTemplates"))
        self.replicas = body.get("replicas") if claims else None
        """How many ordinals a restore target with claim templates has; None for other targets."""
        self.shape = shape_of(self.kind, claims, self.replicas)
        self.identity = identity
        """What the operator tells targets apart by; None where the ref is empty, or a fault leaves it open."""
        self.effective_alias = (self.alias or LEGACY_ALIAS[self.shape]) if has_hosts else None
        """The alias, or the legacy alias that its absence means. None if there is neither, or no host at all."""
        self.hosts = Hosts(self.shape, self.effective_alias) if has_hosts else None
        """Its hosts in restic; None with driver VolumeSnapshotter, and where faults leave it open."""

    @property
    def rules(self) -> list[Rule | None] | None:
        """The restore rules inside it; a backup has none."""
        body: Any = self.body
        rules: list[Rule | None] | None = body.get("rules")
        return rules

    def __str__(self) -> str:
        """For messages: `Deployment web`, `PersistentVolumeClaim`, `target without ref`."""
        return f"{self.kind} {self.name}".strip() or "target without ref"


class Member:
    """A target and how its job runs: a batch's member, or the whole of a BackupConfiguration or RestoreSession."""

    __slots__ = ("body", "index", "path", "target")

    def __init__(self, path: Path, index: int, body: BackupJob | RestoreJob, target: Target | None) -> None:
        self.path = path
        self.index = index
        self.body = body
        self.target = target


class RestoreRule(NamedTuple):
    """A restore rule and where it is written."""

    path: Path
    body: Rule
    hosts: list[tuple[Path, str]]
    """Its target hosts, each with its path."""


class Deprecated(NamedTuple):
    """Restore rules in the deprecated place, and those in the target."""

    path: Path
    rules: list[Rule | None]
    target: Target | None
    kept: list[Rule | None] | None
    """The rules in the target; None if it has no such list."""

    @property
    def conflict(self) -> bool:
        """Whether both places hold rules, and not the same."""
        return bool(self.rules) and bool(self.kept) and not same(self.rules, self.kept)


class Invoker(Resource):
    """An object of one of the four kinds."""

    members: list[Member]

    def _read(self, like: Resource | None) -> None:
        spec, faults = self.spec, self.faults
        self.driver_known = not any(fault.path == _DRIVER and fault.found != "" for fault in faults)
        """Whether the driver is one that there is; the empty one, which the CRD refuses, is Restic to the operator."""
        self.stored_members: list[int | None] = []
        """On an update, which stored member each member is recognised as (`match_members`)."""
        self.snapshotter = spec.get("driver") == SNAPSHOTTER
        """Whether the driver is VolumeSnapshotter, which knows neither hosts nor restic's repositories."""
        known: list[Member] = []
        if isinstance(like, Invoker) and self._reads_as(like):
            known = like.members
        members: list[Member] = [
            known[index] if index < len(known) and known[index].body == body else self._member(path, index, body)
            for path, index, body in self._bodies()
        ]
        self.members = paced(members, self._look)
        self.targets = paced([member.target for member in members if member.target is not None], self._look)

    def _reads_as(self, other: "Invoker") -> bool:
        """Whether an equal member is read alike in both, where nothing has a wrong type: 1 equals true only there."""
        return not (self.faults or other.faults) and (
            (type(self), self.namespace, self.snapshotter, self.driver_known)
            == (type(other), other.namespace, other.snapshotter, other.driver_known)
        )

    def _bodies(self) -> Iterator[tuple[Path, int, Any]]:
        """Path, index and body of each member."""
        yield ("spec",), 0, self.spec

    def _member(self, path: Path, index: int, body: Any) -> Member:
        raw = body.get("target")
        if raw is None:
            return Member(path, index, body, None)
        path_of_target = (*path, "target")
        sound = not self._wrong
        ref = raw.get("ref") or {}
        identity = None
        if (ref.get("kind") or ref.get("name")) and (sound or self.fields_valid(path_of_target, _IDENTITY)):
            identity = (ref.get("kind") or "", ref.get("namespace") or self.namespace, ref.get("name") or "")
        target = Target(
            path_of_target,
            raw,
            (body.get("task") or {}).get("name") or "",
            self.namespace,
            identity,
            restored=isinstance(self, Restore),
            has_hosts=not self.snapshotter
            and (self.driver_known or bool(raw.get("alias")))
            and (sound or self.fields_valid(path_of_target, _HOSTS)),
        )
        return Member(path, index, body, target)

    @cached_property
    def repository(self) -> Key | None:
        """The Repository that it uses: none with driver VolumeSnapshotter, or where faults leave it open."""
        named: Any = self.spec.get("repository") or {}
        name = named.get("name")
        if not name or self.snapshotter or not self.driver_known or not self.subtree_valid(("spec", "repository")):
            return None
        return Key("Repository", named.get("namespace") or self.namespace, name)

    @cached_property
    def taken(self) -> tuple[frozenset[str | None], frozenset[Hashable]]:
        """The aliases of its targets, and the index keys of all hosts that they could have (`app.domain.hosts`)."""
        hosted = [target for target in self.targets if target.hosts is not None]
        keys: set[Hashable] = set()
        for hosts in {target.hosts for target in hosted if target.hosts is not None}:
            keys.update(certain_index_keys(hosts), possible_index_keys(hosts))
        return frozenset(target.effective_alias for target in hosted), frozenset(keys)

    def as_update_of(self, stored: Self) -> Self:
        """The same object, to be judged as an update of the stored one."""
        update = super().as_update_of(stored)
        update.stored_members = match_members(stored, self)
        return update

    def stored_member(self, index: int) -> "Member | None":
        """On an update, the member of the stored object that a member is recognised as; None: it is new."""
        found = self.stored_members[index] if self.stored_members else None
        return None if found is None or self.stored is None else self.stored.members[found]

    def stored_target(self, index: int) -> Target | None:
        """The target of `stored_member`, if it has one."""
        before = self.stored_member(index)
        return None if before is None else before.target

    def stored_path(self, path: Path) -> Path | None:
        """Where a field of this update is in the stored object; None if it is in a member that is new."""
        if path[:2] != ("spec", "members") or len(path) == 2:
            return path
        found = self.stored_members[int(path[2])]
        return None if found is None else (*path[:2], found, *path[3:])


def match_members(stored: Invoker, update: Invoker) -> list[int | None]:
    """For each member of an update, the index of the stored member that it is recognised as; None: it is new.

    Each stored member is recognised at most once. A member is recognised by its ref, those with one ref by their order;
    where the ref is empty, by all that it holds, and otherwise by its index.
    """
    found: list[int | None] = [None] * len(update.members)
    left = {key: member.index for key, member in zip(_keys(stored), stored.members, strict=True)}
    for index, key in enumerate(_keys(update)):
        found[index] = left.pop(key, None)
    nameless = {index for index in left.values() if _ref_of(stored.members[index]) is None}
    for index, member in enumerate(update.members):
        if found[index] is None and _ref_of(member) is None and index in nameless:
            found[index] = index
            nameless.discard(index)
    return found


def _ref_of(member: Member) -> Identity | None:
    return member.target.identity if member.target else None


def _keys(invoker: Invoker) -> Iterator[Hashable]:
    """What each member is recognised by at first sight: its ref, or what it holds, and which one of its like it is."""
    count: dict[Hashable, int] = {}
    for member in invoker.members:
        key: Hashable = _ref_of(member) or _write(member.body)
        count[key] = count.get(key, 0) + 1
        yield key, count[key]


class Backup(Invoker):
    """An object that backs up."""

    @property
    def writers(self) -> Iterator[tuple[Member, Hosts]]:
        """The members that write into the Repository, each with the hosts under which it does."""
        for member in self.members:
            hosts = member.target.hosts if member.target is not None else self._without_target(member)
            if hosts is not None:
                yield member, hosts

    def _without_target(self, member: Member) -> Hosts | None:
        backs_up_the_cluster = not isinstance(self, Batch) and self.fields_valid(member.path, [("target",)])
        return HOST_WITHOUT_TARGET if backs_up_the_cluster else None


class Restore(Invoker):
    """An object that restores."""

    @cached_property
    def deprecated(self) -> list[Deprecated]:
        """All places with restore rules outside a target."""
        found = []
        for member in self.members:
            body: Any = member.body
            if body.get("rules") is not None:
                kept = member.target.rules if member.target else None
                found.append(Deprecated((*member.path, "rules"), body["rules"], member.target, kept))
        return found

    @cached_property
    def rules(self) -> list[tuple[Target | None, list[RestoreRule]]]:
        """The rules of each member that has some, wherever they are written; those in the target win."""
        found = []
        for member in self.members:
            body: Any = member.body
            path: Path = (*member.path, "target", "rules")
            rules = member.target.rules if member.target else None
            if not rules:
                path, rules = (*member.path, "rules"), body.get("rules")
            if rules:
                each = [self._rule((*path, i), rule) for i, rule in enumerate(rules) if rule is not None]
                found.append((member.target, paced(each, self._look)))
        return paced(found, self._look)

    def _rule(self, path: Path, body: Rule) -> RestoreRule:
        listed = enumerate(body.get("targetHosts") or ())
        hosts = [((*path, "targetHosts", i), host) for i, host in listed if host is not None]
        return RestoreRule(path, body, paced(hosts, self._look))


class Batch(Invoker):
    """An object with members."""

    def _bodies(self) -> Iterator[tuple[Path, int, Any]]:
        for index, body in enumerate(self.spec.get("members") or ()):
            yield ("spec", "members", index), index, body or {}

    def label(self, index: int) -> str:
        """A member for messages: `members[1] (Deployment web)`."""
        return f"members[{index}] ({self.members[index].target})"


class BackupConfiguration(Backup):
    """One target, backed up on a schedule."""

    kind = "BackupConfiguration"
    checker = Checker(BackupConfigurationSpec)
    spec: BackupConfigurationSpec


class BackupBatch(Backup, Batch):
    """Several targets, backed up together into one repository."""

    kind = "BackupBatch"
    checker = Checker(BackupBatchSpec)
    spec: BackupBatchSpec


class RestoreSession(Restore):
    """One target, restored once."""

    kind = "RestoreSession"
    checker = Checker(RestoreSessionSpec)
    spec: RestoreSessionSpec


class RestoreBatch(Restore, Batch):
    """Several targets, restored together from one repository, once."""

    kind = "RestoreBatch"
    checker = Checker(RestoreBatchSpec)
    spec: RestoreBatchSpec


INVOKERS: dict[str, type[Invoker]] = {
    each.kind: each for each in (BackupConfiguration, BackupBatch, RestoreSession, RestoreBatch)
}
"""By kind."""
GROUP, VERSION = "stash.appscode.com", "v1beta1"


def same(one: object, other: object) -> bool:
    """Whether two JSON values are equal, where null is the same as absent.

    Unlike Python's `==`, true is not 1.
    """
    if one is other:
        return True
    if isinstance(one, dict) and isinstance(other, dict):
        containers = []  # for later: what differs is mostly a text, and then nobody has to look at thousands of members
        for key, value in one.items():
            its = other.get(key)
            if value is its:
                continue
            if isinstance(value, dict | list):
                containers.append((value, its))
            elif not same(value, its):
                return False
        if not (one.keys() >= other.keys() or all(value is None or key in one for key, value in other.items())):
            return False
        return all(same(value, its) for value, its in containers)
    if isinstance(one, list) and isinstance(other, list):
        # Thousands of members are mostly the same in every respect, which takes no look at each.
        return len(one) == len(other) and ((one == other and repr(one) == repr(other)) or all(map(same, one, other)))
    return one == other and isinstance(one, bool) == isinstance(other, bool)
