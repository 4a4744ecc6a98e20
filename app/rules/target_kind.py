"""The warning `target-kind`."""

from collections.abc import Iterator

from app.domain.invoker import Invoker
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import Twin

_KINDS = (
    "AppBinding", "DaemonSet", "Deployment", "DeploymentConfig", "PersistentVolumeClaim", "ReplicaSet",
    "ReplicationController", "StatefulSet",
)  # fmt: skip
_SPELLINGS = {spelling: kind for kind in _KINDS for spelling in (kind.lower(), f"{kind.lower()}s")}

TWIN = Twin(
    holds=(
        "variables.targets.all(t, [t.?ref.?kind.orValue('')].all(k,"
        f" k in {list(_KINDS)} || !(k.lowerAscii() in {sorted(_SPELLINGS)})))"
    ),
    message=f"the kind of a target is misspelt: the kinds are {', '.join(_KINDS)}",
)


def target_kind(invoker: Invoker) -> Iterator[Finding]:
    """Warn about a target whose kind differs from that of a workload only by case, or is its plural.

    Stash finds no such target. And as nobody knows a `statefulset`, its Pods count as one host, not each as its own, so
    that what is said of its aliases may be wrong.

    Bad:

        kind: BackupConfiguration
        spec:
          target: {alias: db, ref: {apiVersion: apps/v1, kind: statefulset, name: db}}

    Good:

        kind: BackupConfiguration
        spec:
          target: {alias: db, ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}}
    """
    for target in invoker.targets:
        kind = _SPELLINGS.get(target.kind.lower())
        if kind is not None and kind != target.kind:
            message = f"there is no kind {quoted(target.kind)}: write {kind}"
            yield Finding((*target.path, "ref", "kind"), Reason.NOT_SUPPORTED, message, target.kind)
