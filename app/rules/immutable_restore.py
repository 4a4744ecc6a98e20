"""The rule `immutable-restore`."""

from collections.abc import Iterator

from app.domain.invoker import Restore, same
from app.domain.outcome import Finding, Reason


def immutable_restore(restore: Restore) -> Iterator[Finding]:
    """Refuse a change of the spec of a RestoreSession or RestoreBatch.

    A restore runs once, when it is created. A change would do nothing, or change a restore that is running.

    Bad:

        kind: RestoreSession
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: RestoreSession
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}

    Good:

        kind: RestoreSession
        metadata: {name: restore-web}
        spec:
          target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    if restore.stored is None:
        return
    now, before = restore.spec, restore.stored.spec
    changed = sorted(key for key in now.keys() | before.keys() if not same(now.get(key), before.get(key)))
    message = (
        f"a {restore.kind} runs once and cannot be changed (here: {', '.join(changed)}): "
        "delete it, or create another one under a new name"
    )
    yield Finding(("spec",), Reason.FORBIDDEN, message)
