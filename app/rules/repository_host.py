"""The rule `repository-host`."""

from collections.abc import Iterator
from functools import partial

from app.domain.cluster_view import ClusterView, Other, Unknown
from app.domain.hosts import Hosts
from app.domain.invoker import FORBIDDEN_REPOSITORY, REPOSITORY, Backup, BackupBatch, Member
from app.domain.key import Key
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions
from app.domain.twin import NoTwin

TWIN = NoTwin("A policy sees one object, and hosts are compared with those of all other backups.")


def repository_host(backup: Backup, cluster: ClusterView) -> Iterator[Finding]:
    """Refuse a backup that writes under the same host as another one to the same Repository.

    Their data would mix: retention deletes the wrong snapshots, and a restore brings back the other's data. This is
    refused if at least one of the two is a BackupBatch, and only a warning if both are BackupConfigurations. A backup
    that is being deleted does not count. Two Repositories that are one place count as one; if they may be one place,
    this warns.

    Bad:

        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: BackupBatch
        metadata: {name: blog}
        spec:
          repository: {name: gcs-repo}
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}
          - target: {alias: db, ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}}

    Good:

        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: BackupBatch
        metadata: {name: blog}
        spec:
          repository: {name: gcs-repo}
          members:
          - target: {alias: blog, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}
          - target: {alias: db, ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}}
    """
    repository = backup.repository
    if repository is None or not cluster.uses(repository):
        return
    suggestions = Suggestions(backup, partial(_is_written, cluster, repository))
    for member, hosts in backup.writers:
        other = cluster.writer(repository, hosts)
        if other is not None:
            yield _finding(backup, member, hosts, cluster, other, suggestions)


def _is_written(cluster: ClusterView, repository: Key, hosts: Hosts) -> bool:
    """Whether another backup has hosts that would be suggested. What nobody knows is no reason to suggest nothing."""
    try:
        return cluster.may_write(repository, hosts)
    except Unknown:
        return False


def _finding(
    backup: Backup, member: Member, hosts: Hosts, cluster: ClusterView, other: Other, suggestions: Suggestions
) -> Finding:
    repository, target = backup.repository, member.target
    assert repository is not None  # noqa: S101  a backup without a repository clashes with none
    batches = [isinstance(backup, BackupBatch), other.key.kind == BackupBatch.kind]
    return Finding(
        REPOSITORY if target is None else (*target.path, "alias"),
        Reason.DUPLICATE,
        partial(_message, backup, member, hosts, cluster.sharing(repository, other), other, suggestions),
        [repository.path, hosts.shape.value, hosts.stem],
        advisory=not (any(batches) and other.certain),
        covered_by=(FORBIDDEN_REPOSITORY, *((("exclusive-repository", REPOSITORY),) if all(batches) else ())),
    )


def _message(backup: Backup, member: Member, hosts: Hosts, where: str, other: Other, suggestions: Suggestions) -> str:
    mixed = f"write under host {quoted(str(hosts))} to {where.removesuffix(',')}, so their data would mix"
    if member.target is None:
        return f"this backup and {other.name} both {mixed}: use another Repository{other.advice}"
    label = backup.label(member.index) if isinstance(backup, BackupBatch) else str(member.target)
    alias = quoted(suggestions.alias(member.target))
    return f"{label} and {other.name} both {mixed}: give {label} another alias, such as {alias}{other.advice}"
