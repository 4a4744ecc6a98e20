"""The warning `known-alias`."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial

from app.domain.cluster_view import ClusterView
from app.domain.hosts import MAX_ALIAS_CHARS, Hosts, Shape, ordinal_of
from app.domain.invoker import FORBIDDEN_REPOSITORY, Restore, Target
from app.domain.key import Key
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import NoTwin
from schemas.target import Rule

_MAX_COMPARED_HOSTS = 200
_MAX_NAMED_HOSTS = 3
_MAX_ADVISED_TARGETS = 10
"""Targets for which the nearest names are looked for, in an object with thousands of wrong ones."""
_UNGUIDED = "write the alias of the backup to restore"

TWIN = NoTwin("A policy sees one object, and hosts are compared with those of all backups.")


def known_alias(restore: Restore, cluster: ClusterView) -> Iterator[Finding]:
    """Warn about a restore from hosts under which no backup in the cluster writes.

    Hosts are compared, not aliases: the backup of a StatefulSet with alias `db` writes under `db-0`, `db-1` and so on,
    and a restore from `db` into a volume does not find those: it needs the alias `db-0`, or a rule with that
    `sourceHost`. There is no warning if no backup uses the Repository, or if the target's rules name a `sourceHost` or
    snapshots.

    Bad:

        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: RestoreSession
        spec:
          target: {alias: shp, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}

    Good:

        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: RestoreSession
        spec:
          target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
    """
    repository = restore.repository
    if repository is None or not cluster.uses(repository):
        return
    ruled = {target.path: [rule.body for rule in rules] for target, rules in restore.rules if target is not None}
    found = 0
    for target in restore.targets:
        if target.hosts is None or not _restores_own_hosts(ruled.get(target.path)):
            continue
        if cluster.can_be_restored(repository, target.hosts):
            continue
        compared = _MAX_COMPARED_HOSTS if found < _MAX_ADVISED_TARGETS else _MAX_NAMED_HOSTS
        found += 1
        yield Finding(
            (*target.path, "alias"),
            Reason.INVALID,
            partial(_message, cluster, repository, target, compared),
            target.effective_alias,
            covered_by=(FORBIDDEN_REPOSITORY,),
        )


def _message(cluster: ClusterView, repository: Key, target: Target, compared: int) -> str:
    written = list(dict.fromkeys(cluster.written(repository, compared)))
    nearest = _nearest(target, written)
    named = ", ".join(quoted(str(each)) for each in (nearest or written)[:_MAX_NAMED_HOSTS])
    advice = _advice(target, target.hosts, nearest[0]) if nearest and target.hosts else _UNGUIDED
    return (
        f"no backup in this cluster writes to Repository {quoted(repository.path)} under host "
        f"{quoted(str(target.hosts))}{named and f'; there are backups under {named}'}: {advice}"
    )


def _nearest(target: Target, written: list[Hosts]) -> list[Hosts]:
    """The hosts whose aliases are the target's, its name, or similar, the nearest first; empty if there are none.

    `db-0` may also be meant as a pod of the StatefulSet whose alias is `db`.
    """
    alias = (target.effective_alias or "")[: MAX_ALIAS_CHARS + 1]
    stems = {hosts.stem for hosts in written if hosts.stem is not None}
    similar = get_close_matches(alias, stems)
    meant = dict.fromkeys((alias, alias.removesuffix(f"-{ordinal_of(alias)}"), *similar, target.name))
    return [hosts for stem in meant for hosts in written if hosts.stem == stem]


def _advice(target: Target, wanted: Hosts, nearest: Hosts) -> str:
    """What to write to restore what was backed up under the nearest hosts."""
    if nearest.shape is wanted.shape:
        return f"write alias {quoted(nearest.stem)}"
    one = _one_of(nearest, ordinal_of(wanted.stem or "") or ordinal_of(target.name) or "0")
    if wanted.shape is not Shape.LITERAL:
        return f"write {one} as the sourceHost of a rule"
    alias = f"alias {one}"
    if nearest.shape is Shape.INDEXED and target.body.get("volumeClaimTemplates"):
        alias = f"replicas and alias {quoted(nearest.stem)}"
    return f"write {alias}, or {one} as the sourceHost of a rule"


def _one_of(hosts: Hosts, ordinal: str) -> str:
    """One of these hosts, of the pods of a StatefulSet the one with the ordinal."""
    if hosts.shape is Shape.INDEXED:
        return quoted(f"{hosts.stem}-{ordinal}")
    return f'"{hosts.stem}-NODE" (with the name of the node)' if hosts.shape is Shape.PER_NODE else quoted(hosts.stem)


def _restores_own_hosts(rules: list[Rule] | None) -> bool:
    """Whether a target restores from its own hosts: no rule names a source host, and not every rule snapshots."""
    if not rules:
        return True
    return not any(rule.get("sourceHost") for rule in rules) and not all(rule.get("snapshots") for rule in rules)
