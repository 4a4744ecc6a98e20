"""The warning `daemonset-alias`."""

from collections.abc import Iterator

from app.domain.hosts import Shape
from app.domain.invoker import Invoker
from app.domain.outcome import Finding, Reason
from app.domain.twin import Twin

TWIN = Twin(
    holds="variables.hosts.all(h, h.shape != 'node' || h.stem != '')",
    message="a DaemonSet has no alias, so its hosts are bare node names, which no alias can reproduce later",
)


def daemonset_alias(invoker: Invoker) -> Iterator[Finding]:
    """Warn about a DaemonSet without an alias.

    Its hosts are bare node names. No alias can reproduce these, so one that is added later starts new hosts. And two
    such DaemonSets in one repository mix their data.

    Bad:

        kind: BackupConfiguration
        spec:
          target: {ref: {apiVersion: apps/v1, kind: DaemonSet, name: collector}}

    Good:

        kind: BackupConfiguration
        spec:
          target: {alias: log, ref: {apiVersion: apps/v1, kind: DaemonSet, name: collector}}
    """
    for target in invoker.targets:
        if target.alias is None and target.hosts is not None and target.shape is Shape.PER_NODE:
            message = (
                f"{target} has no alias, so its hosts are bare node names, which no alias can reproduce later: "
                "write an alias, unless there are already snapshots under these hosts"
            )
            yield Finding((*target.path, "alias"), Reason.REQUIRED, message)
