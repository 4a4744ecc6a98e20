"""The warning `alias-written`."""

from collections.abc import Iterator

from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import MOST_PAIRS, Twin

TWIN = Twin(
    holds=(
        f"size(variables.known) > {MOST_PAIRS} || size(variables.stored_known) > {MOST_PAIRS}"
        " || variables.known.all(a, !variables.known.exists_one(c, c.key == a.key)"
        " || [variables.stored_known.filter(b, b.key == a.key)].all(f, size(f) != 1 || a.alias == ''"
        " || f[0].alias != '' || f[0].hosts != a.hosts))"
    ),
    message="an alias is written for a target that is stored without one: its hosts stay, but its sidecars restart",
    lacks=f"a target without a ref, one that is in the object twice, and batches of more than {MOST_PAIRS} members.",
    ratchets=False,
)


def alias_written(backup: Backup) -> Iterator[Finding]:
    """Warn about an alias for a target that is stored without one and keeps its hosts.

    Nothing changes for the data. But the stored spec changes: the operator restarts the sidecars of the workload, with
    its Pods, and as it is shipped it refuses a change of the target of a backup that is Ready. `stash-admission
    backfill` writes such aliases at a time of your choice.

    Bad:

        kind: BackupConfiguration
        spec:
          target: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupConfiguration
        spec:
          target: {alias: host-0, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupConfiguration
        spec:
          target: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupConfiguration
        spec:
          schedule: "@daily"
          target: {ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    for member in backup.members:
        target, stored = member.target, backup.stored_target(member.index)
        if target is None or stored is None or stored.alias is not None or target.alias is None:
            continue
        if target.hosts is not None and target.hosts == stored.hosts:
            message = (
                f"alias {quoted(target.alias)} is written for {target}, which is stored without one: its hosts stay "
                "the same, but the spec changes, so its sidecars restart, and Stash's operator refuses the change "
                "while the backup is Ready; leave the alias out to change nothing"
            )
            yield Finding((*target.path, "alias"), Reason.INVALID, message)
