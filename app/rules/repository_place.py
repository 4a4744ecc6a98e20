"""The warning `repository-place`."""

from collections.abc import Iterator

from app.domain.cluster_view import ClusterView
from app.domain.outcome import Finding, Reason
from app.domain.repository import BACKEND, Repository
from app.domain.twin import NoTwin

TWIN = NoTwin("A policy sees one object, and places are compared with those of all Repositories.")


def repository_place(repository: Repository, cluster: ClusterView) -> Iterator[Finding]:
    """Warn about a Repository whose backend means the place of another Repository.

    Both are one restic repository, as [shared-place](#shared-place) says, which warns about the backups. That is no
    harm as long as only one of them is backed up to. If backups use both, also because one of them changed its backend,
    the message names a backup of each.

    Bad:

        kind: Repository
        metadata: {name: old-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: shop/}, storageSecretName: gcs}
        ---
        kind: Repository
        metadata: {name: gcs-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: /shop}, storageSecretName: gcs}

    Good:

        kind: Repository
        metadata: {name: old-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: shop/}, storageSecretName: gcs}
        ---
        kind: Repository
        metadata: {name: gcs-repo}
        spec:
          backend: {gcs: {bucket: backups, prefix: /shop-2}, storageSecretName: gcs}
    """
    backend = repository.spec.get("backend")
    if backend is None or not repository.subtree_valid(BACKEND):
        return
    found = cluster.encounter(backend)
    if found is not None:
        is_one = "is" if found.certain else "may be"
        use = ""
        if found.users is not None:
            use = f", and {found.users[0]} uses the one, {found.users[1]} the other"
        message = (
            f"{found.judged} {is_one} the same place as {found.other} ({found.place}){use}: write a bucket, prefix or "
            "path of its own, or use only one of both"
        )
        yield Finding(BACKEND, Reason.DUPLICATE, message, [found.other, found.place])
