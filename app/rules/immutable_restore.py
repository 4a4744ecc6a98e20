"""The rule `immutable-restore`."""

from collections.abc import Iterator

from app.domain.invoker import Restore, same
from app.domain.outcome import Finding, Reason


def immutable_restore(restore: Restore) -> Iterator[Finding]:
    """Refuse a change to the spec of a RestoreSession or RestoreBatch.

    A restore runs only once, when it is created. A change would do nothing, or change a restore while it is running.

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
        f"a {restore.kind} runs only once, so its spec cannot be changed (changed: {', '.join(changed)}): "
        "create another one under a new name, or delete this one first"
    )
    yield Finding(("spec",), Reason.FORBIDDEN, message)
