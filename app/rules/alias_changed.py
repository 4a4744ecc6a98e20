"""The warning `alias-changed`."""

from collections.abc import Iterator

from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import MOST_PAIRS, Twin

TWIN = Twin(
    holds=(
        f"size(variables.known) > {MOST_PAIRS} || size(variables.stored_known) > {MOST_PAIRS}"
        " || variables.known.all(a, !variables.known.exists_one(c, c.key == a.key)"
        " || [variables.stored_known.filter(b, b.key == a.key)].all(f, size(f) != 1 || f[0].hosts == a.hosts))"
    ),
    message="a backup will be under other hosts than before: existing snapshots stay under the old ones",
    lacks=f"a target without a ref, one that is in the object twice, and batches of more than {MOST_PAIRS} members.",
    ratchets=False,
)


def alias_changed(backup: Backup) -> Iterator[Finding]:
    """Warn about a backup whose hosts change.

    Snapshots under the old host stay in the repository: retention never prunes them again, and a restore with the new
    alias does not find them. Writing the legacy alias into a target that had none changes nothing.

    Bad:

        kind: BackupConfiguration
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupConfiguration
        spec:
          target: {alias: web, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupConfiguration
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupConfiguration
        spec:
          schedule: "@daily"
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    for member in backup.members:
        target, stored = member.target, backup.stored_target(member.index)
        if target is None or stored is None:
            continue
        before = stored.hosts
        if target.hosts is not None and before is not None and target.hosts != before:
            message = (
                f"{target} was backed up under host {quoted(str(before))} and now will be under "
                f"{quoted(str(target.hosts))}: existing snapshots stay under the old host, where they are neither "
                "pruned nor restored; leave the alias unchanged to keep using them"
            )
            yield Finding((*target.path, "alias"), Reason.INVALID, message)
