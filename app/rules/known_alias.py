"""The warning `known-alias`."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import partial

from app.domain.cluster_view import ClusterView
from app.domain.hosts import MAX_ALIAS_CHARS, Hosts
from app.domain.invoker import FORBIDDEN_REPOSITORY, Restore, Target
from app.domain.key import Key
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from schemas.target import Rule

_MAX_COMPARED_HOSTS = 200
_MAX_NAMED_HOSTS = 3
_MAX_ADVISED_TARGETS = 10
"""Targets for which the nearest names are looked for, in an object with thousands of wrong ones."""


def known_alias(restore: Restore, cluster: ClusterView) -> Iterator[Finding]:
    """Warn about a restore from hosts under which no backup in the cluster writes.

    Hosts are compared, not aliases: the backup of a StatefulSet with alias `db` writes under `db-0`, `db-1` and so on,
    and a restore from `db` does not find those. There is no warning if no backup uses the Repository, or if the
    target's rules name a `sourceHost` or snapshots.

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
    return (
        f"no backup in this cluster writes to Repository {quoted(repository.path)} under host "
        f"{quoted(str(target.hosts))}{_nearest(target.effective_alias or '', written)}: "
        "write the alias of the backup to restore"
    )


def _nearest(alias: str, written: list[Hosts]) -> str:
    """The hosts whose aliases are most similar to this one, or the first ones; empty if none may be named."""
    if not written:
        return ""
    near = get_close_matches(alias[:MAX_ALIAS_CHARS], {str(hosts.stem) for hosts in written}, n=_MAX_NAMED_HOSTS)
    similar = [hosts for hosts in written if hosts.stem in near]
    return "; there are backups under " + ", ".join(
        quoted(str(hosts)) for hosts in (similar or written)[:_MAX_NAMED_HOSTS]
    )


def _restores_own_hosts(rules: list[Rule] | None) -> bool:
    """Whether a target restores from its own hosts: no rule names a source host, and not every rule snapshots."""
    if not rules:
        return True
    return not any(rule.get("sourceHost") for rule in rules) and not all(rule.get("snapshots") for rule in rules)
