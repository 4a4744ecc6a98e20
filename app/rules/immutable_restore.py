"""The rule `immutable-restore`."""

from collections.abc import Iterator
from typing import Any

from app.domain.invoker import Restore, same
from app.domain.outcome import Finding, Reason
from app.domain.twin import RULES, Twin, hosts, stored
from schemas.restorebatch import RestoreBatchSpec
from schemas.restoresession import RestoreJob, RestoreSessionSpec
from schemas.target import RestoreTarget

# What `move-rules`, `default-alias` and `sync-order` would make the same counts as the same.
_MOVED = {"target", "rules", "members", "maintainOrder", "executionOrder"}


def _fields(holder: str, *models: Any) -> str:
    names = dict.fromkeys(name for model in models for name in model.__annotations__)
    named = (f"?'{name}': {holder}.?{name}" for name in names if name not in _MOVED | {"alias"})
    return f"{{{', '.join(named)}}}"


_SAME = (
    _fields("variables.spec", RestoreBatchSpec, RestoreSessionSpec),
    f"variables.members.map(m, {_fields('m', RestoreJob)})",
    f"variables.members.map(m, has(m.target) ? {_fields('m.target', RestoreTarget)} : {{}})",
    f"variables.members.map(m, has(m.target) ? [{hosts('m.target')}].map(h, h.shape + ':' + h.stem) : [])",
    f"variables.members.map(m, {RULES})",
    "variables.spec.?maintainOrder.orValue(false)",
    "variables.spec.?executionOrder.orValue(variables.spec.?maintainOrder.orValue(false) ? 'Sequential' : '')",
)
TWIN = Twin(
    holds=f"oldObject == null || ({' && '.join(f'{each} == {stored(each)}' for each in _SAME)})",
    message="a restore runs only once, so its spec cannot be changed: create another one under a new name",
    lacks="a change of a field that this version does not know.",
    ratchets=False,
)


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
