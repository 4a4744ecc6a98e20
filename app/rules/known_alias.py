"""The warning `known-alias`."""

from collections.abc import Iterator
from difflib import get_close_matches

from app.domain.cluster_view import ClusterView
from app.domain.hosts import LONGEST_ALIAS, Hosts
from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from schemas.target import Rule

_MOST_COMPARED = 200
_MOST_ADVISED = 10
"""Targets for which the nearest names are looked for, in an object with thousands of wrong ones."""


def known_alias(restore: Restore, cluster: ClusterView) -> Iterator[Finding]:
    """Warn of a restore from hosts under which no backup of the cluster writes.

    What is compared is hosts: the backup of a StatefulSet with alias `db` writes `db-0`, `db-1` and so on, and a
    restore of `db` does not find those. Nothing is said where no backup uses the Repository, and of a target whose
    rules name a `sourceHost` or snapshots.

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
    advised = 0
    for target in restore.targets:
        if target.hosts is None or not _reads_its_own(ruled.get(target.path)):
            continue
        if cluster.can_be_restored(repository, target.hosts):
            continue
        written = list(dict.fromkeys(cluster.written(repository, _MOST_COMPARED if advised < _MOST_ADVISED else 3)))
        advised += 1
        message = (
            f"no backup of this cluster writes under host {quoted(str(target.hosts))} into Repository "
            f"{quoted(repository.path)}, but under {_nearest(target.effective_alias or '', written)}: "
            "write the alias of the backup that is wanted"
        )
        yield Finding((*target.path, "alias"), Reason.INVALID, message, target.effective_alias)


def _nearest(alias: str, written: list[Hosts]) -> str:
    """Those of the hosts whose aliases look most like this one; if none does, the first."""
    near = get_close_matches(alias[:LONGEST_ALIAS], {str(hosts.stem) for hosts in written}, n=3)
    return ", ".join(quoted(str(hosts)) for hosts in ([each for each in written if each.stem in near] or written)[:3])


def _reads_its_own(rules: list[Rule] | None) -> bool:
    """Whether a target restores from hosts of its own: no rule names a host, and not every rule names snapshots."""
    if not rules:
        return True
    return not any(rule.get("sourceHost") for rule in rules) and not all(rule.get("snapshots") for rule in rules)
