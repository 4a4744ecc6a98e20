"""The rule `exclusive-repository`."""

from collections.abc import Iterator

from app.domain.cluster_view import ClusterView
from app.domain.invoker import FORBIDDEN_REPOSITORY, REPOSITORY, BackupBatch
from app.domain.outcome import Finding, Reason
from app.domain.twin import NoTwin

TWIN = NoTwin(
    "A policy sees one object. What else the cluster holds comes to it from a cache, so two batches that "
    "are created in one moment would both be admitted."
)


def exclusive_repository(batch: BackupBatch, cluster: ClusterView) -> Iterator[Finding]:
    """Refuse a BackupBatch with a Repository that another BackupBatch already uses.

    A Repository serves one BackupBatch. Aliases are only compared within a batch, so nothing would keep its data apart
    from another batch's. A batch that is being deleted makes no more backups, and does not count.

    Two Repositories whose backends are one place, such as one bucket and prefix, count as one Repository. If they may
    be one place, which only a Secret or a node could tell, this warns.

    Of two such batches that are created in the same moment, the server admits one, whichever of its replicas are asked.

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
            f"{cluster.sharing(repository, other)} is already used by {other.name}, and BackupBatches cannot share a "
            f"Repository: use another one{other.advice}"
        )
        yield Finding(
            REPOSITORY,
            Reason.DUPLICATE,
            message,
            repository.path,
            advisory=not other.certain,
            covered_by=(FORBIDDEN_REPOSITORY,),
        )
