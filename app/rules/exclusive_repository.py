"""The rule `exclusive-repository`."""

from collections.abc import Iterator

from app.domain.cluster_view import ClusterView
from app.domain.invoker import REPOSITORY, BackupBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted


def exclusive_repository(batch: BackupBatch, cluster: ClusterView) -> Iterator[Finding]:
    """Refuse a BackupBatch with a Repository that another BackupBatch uses.

    A Repository serves one BackupBatch: the aliases of its members are compared with each other, so nothing else keeps
    its data apart from another batch's. A batch that is being deleted makes no more backups, and does not count.

    Two replicas of the server can each admit one of two such batches in the same moment, before either knows of the
    other's. Either batch is warned of at its next change.

    Bad:

        kind: BackupBatch
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          members:
          - target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: BackupBatch
        metadata: {name: blog}
        spec:
          repository: {name: gcs-repo}
          members:
          - target: {alias: blog, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}

    Good:

        kind: BackupBatch
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          members:
          - target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
        ---
        kind: BackupBatch
        metadata: {name: blog}
        spec:
          repository: {name: gcs-repo-blog}
          members:
          - target: {alias: blog, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}
    """
    repository = batch.repository
    other = repository and cluster.batch(repository)
    if repository and other:
        message = (
            f"Repository {quoted(repository.path)} is used by {other.key}, and a BackupBatch shares none with another: "
            f"name a Repository of its own{other.advice}"
        )
        yield Finding(REPOSITORY, Reason.DUPLICATE, message, repository.path)
