"""The warning `repository-exists`."""

from collections.abc import Iterator
from difflib import get_close_matches

from app.domain.cluster_view import ClusterView
from app.domain.invoker import REPOSITORY, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import NoTwin

_MAX_COMPARED_NAMES = 500

TWIN = NoTwin("A policy cannot say that some object exists, only what all of them must be.")


def repository_exists(invoker: Invoker, cluster: ClusterView) -> Iterator[Finding]:
    """Warn about a Repository that does not exist.

    Nothing is backed up or restored until it does. This is not refused, since it may be created a moment later.

    Bad:

        kind: Repository
        metadata: {name: gcs-repo}
        ---
        kind: BackupConfiguration
        spec:
          repository: {name: gcs-repos}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: Repository
        metadata: {name: gcs-repo}
        ---
        kind: BackupConfiguration
        spec:
          repository: {name: gcs-repo}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    repository = invoker.repository
    if repository is None or cluster.exists(repository):
        return
    names = cluster.repositories(repository.namespace)[:_MAX_COMPARED_NAMES]
    near = get_close_matches(repository.name[:253], names, n=3)
    meant = f", or write the name of an existing one, such as {' or '.join(map(quoted, near))}" if near else ""
    message = f"Repository {quoted(repository.path)} does not exist: create it{meant}"
    yield Finding(REPOSITORY, Reason.INVALID, message, repository.path)
