"""The rule `usage-policy`."""

from collections.abc import Iterator

from app.domain.cluster_view import ClusterView
from app.domain.invoker import REPOSITORY, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import NoTwin

TWIN = NoTwin("A policy cannot look up the Repository that an object names.")


def usage_policy(invoker: Invoker, cluster: ClusterView) -> Iterator[Finding]:
    """Refuse a Repository whose usage policy does not allow the object's namespace.

    `spec.usagePolicy.allowedNamespaces` of a Repository says who may use it: with `from: All` every namespace, with
    `from: Selector` the namespaces whose labels match the selector, otherwise only its own namespace.

    Bad:

        kind: Repository
        metadata: {name: gcs-repo, namespace: backups}
        ---
        kind: BackupConfiguration
        spec:
          repository: {name: gcs-repo, namespace: backups}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: Repository
        metadata: {name: gcs-repo, namespace: backups}
        spec:
          usagePolicy:
            allowedNamespaces: {from: All}
        ---
        kind: BackupConfiguration
        spec:
          repository: {name: gcs-repo, namespace: backups}
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    repository, namespace = invoker.repository, invoker.namespace
    policy = repository and cluster.policy(repository)
    if repository is None or policy is None:
        return
    labels = cluster.labels(namespace) if policy.needs_labels else {}
    if not policy.allows(namespace, repository.namespace, labels):
        here = quoted(namespace)
        message = (
            f"Repository {quoted(repository.path)} cannot be used in namespace {here}, since its usagePolicy allows "
            f"{policy}: use a Repository in namespace {here}, or have the policy changed"
        )
        yield Finding(REPOSITORY, Reason.FORBIDDEN, message, repository.path)
