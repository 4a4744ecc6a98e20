"""The rule `target-namespace`."""

from collections.abc import Iterator

from app.domain.invoker import Invoker
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import Twin

_WORKLOADS = {"Deployment", "StatefulSet", "DaemonSet", "DeploymentConfig"}
_CLUSTER_TASK = "kubedump"
"""Tasks whose names start like this read from the API server, not from the target's volumes."""

TWIN = Twin(
    holds=(
        "variables.members.all(m, !has(m.target) || m.target.?ref.?namespace.orValue('') in ['', request.namespace]"
        f" || m.?task.?name.orValue('').startsWith('{_CLUSTER_TASK}')"
        " || !(m.target.ref.?kind.orValue('') == 'PersistentVolumeClaim' || (m.?task.?name.orValue('') == ''"
        f" && m.target.ref.?kind.orValue('') in {sorted(_WORKLOADS)})))"
    ),
    message="a volume or workload is in another namespace, out of reach: create this object in its namespace",
)


def target_namespace(invoker: Invoker) -> Iterator[Finding]:
    """Refuse a volume or workload that is not in the object's own namespace.

    A job can only mount volumes of its own namespace, and the sidecar of a workload reads its configuration from the
    workload's namespace. What a task reaches over the network, such as a database behind an AppBinding, may be in any
    namespace.

    Bad:

        kind: BackupConfiguration
        metadata: {name: web, namespace: demo}
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: prod}}

    Good:

        kind: BackupConfiguration
        metadata: {name: web, namespace: prod}
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: prod}}
    """
    for target in invoker.targets:
        if target.namespace == invoker.namespace or not invoker.namespace or target.task.startswith(_CLUSTER_TASK):
            continue
        if not invoker.subtree_valid((*target.path[:-1], "task")):
            continue
        if target.kind == "PersistentVolumeClaim" or (target.kind in _WORKLOADS and not target.task):
            message = (
                f"{target} is in namespace {quoted(target.namespace)}, which is out of reach from namespace "
                f"{quoted(invoker.namespace)}: create this object in namespace {quoted(target.namespace)}, or remove "
                "the namespace from ref"
            )
            yield Finding((*target.path, "ref", "namespace"), Reason.INVALID, message, target.namespace)
