"""The warning `defaulted-restore-alias`."""

from collections.abc import Iterator

from app.domain.hosts import LEGACY_ALIAS
from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import Twin, hosts

TWIN = Twin(
    holds=(
        "!variables.restic || variables.members.all(m, !has(m.target) || m.?task.?name.orValue('') == ''"
        f" || [{hosts('m.target')}].all(h, h.shape == 'node' || h.stem != (h.shape == 'indexed' ? 'host' : 'host-0')))"
    ),
    message="a target is restored from what was backed up without an alias: if its backup has one, write it here",
)


def defaulted_restore_alias(restore: Restore) -> Iterator[Finding]:
    """Warn about a restore with a task that reads from the legacy host.

    Without an alias, such a restore once took the latest snapshot of any host. Now it takes what was backed up under
    the legacy host. That is right if the backup has no alias. If the backup has one, the restore finds nothing.

    Bad:

        kind: RestoreSession
        spec:
          task: {name: mysql-restore-8.0.14}
          target: {ref: {apiVersion: appcatalog.appscode.com/v1alpha1, kind: AppBinding, name: mysql}}

    Good:

        kind: RestoreSession
        spec:
          task: {name: mysql-restore-8.0.14}
          target: {alias: db, ref: {apiVersion: appcatalog.appscode.com/v1alpha1, kind: AppBinding, name: mysql}}
    """
    for target in restore.targets:
        if target.task and target.effective_alias is not None and target.effective_alias == LEGACY_ALIAS[target.shape]:
            message = (
                f"{target} is restored from host {quoted(str(target.hosts))}, under which a backup without an alias "
                "writes: if the backup has an alias, write the same one here"
            )
            path = (*target.path, "alias")
            yield Finding(path, Reason.INVALID, message, target.effective_alias, covered_by=(("known-alias", path),))
