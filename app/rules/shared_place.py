"""The warning `shared-place`."""

from collections.abc import Iterator

from app.domain.cluster_view import ClusterView
from app.domain.invoker import FORBIDDEN_REPOSITORY, REPOSITORY, Backup
from app.domain.outcome import Finding, Reason
from app.domain.twin import NoTwin

TWIN = NoTwin("A policy sees one object, and places are compared with those of all Repositories.")


def shared_place(backup: Backup, cluster: ClusterView) -> Iterator[Finding]:
    """Warn about a backup whose Repository is the same place as another one that backups use.

    Two Repositories with one bucket and prefix, one path of an NFS server or one REST URL are one restic repository:
    hosts are compared across both, retention works on both, and whoever deletes one with `wipeOut` deletes the data of
    the other. How a place is spelled does not matter: `/data` and `data/`, or `s3.example` and `https://S3.example:443`,
    are the same.

    For Azure and Swift, only the Secret knows the account, and a `hostPath` is another directory on each node: then the
    message says that the Repositories may be the same place.

    Bad:

        kind: Repository
        metadata: {name: gcs-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: /shop}, storageSecretName: gcs}
        ---
        kind: Repository
        metadata: {name: old-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: shop/}, storageSecretName: gcs}
        ---
        kind: BackupConfiguration
        metadata: {name: blog}
        spec:
          repository: {name: old-repo}
          target: {alias: blog, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}
        ---
        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}

    Good:

        kind: Repository
        metadata: {name: gcs-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: /shop}, storageSecretName: gcs}
        ---
        kind: Repository
        metadata: {name: blog-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: /blog}, storageSecretName: gcs}
        ---
        kind: BackupConfiguration
        metadata: {name: blog}
        spec:
          repository: {name: blog-repo}
          target: {alias: blog, ref: {apiVersion: apps/v1, kind: Deployment, name: blog}}
        ---
        kind: BackupConfiguration
        metadata: {name: shop}
        spec:
          repository: {name: gcs-repo}
          target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
    """
    repository = backup.repository
    other = repository and cluster.neighbour(repository)
    if repository and other:
        message = f"{cluster.sharing(repository, other)} is used by {other.name}: use one Repository for one place"
        yield Finding(
            REPOSITORY,
            Reason.DUPLICATE,
            message,
            repository.path,
            covered_by=(FORBIDDEN_REPOSITORY, ("exclusive-repository", REPOSITORY)),
        )
