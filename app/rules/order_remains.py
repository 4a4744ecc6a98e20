"""The warning `order-remains`."""

from collections.abc import Iterator

from app.domain.invoker import Batch
from app.domain.order import SEQUENTIAL
from app.domain.outcome import Finding, Reason
from app.domain.twin import Twin

TWIN = Twin(
    holds=(
        "!(variables.stored_spec.?maintainOrder.orValue(false) && !has(variables.spec.maintainOrder)"
        f" && variables.spec.?executionOrder.orValue('') == '{SEQUENTIAL}'"
        f" && variables.stored_spec.?executionOrder.orValue('') == '{SEQUENTIAL}')"
    ),
    message=f"maintainOrder was removed, but executionOrder: {SEQUENTIAL} is still there: write Parallel instead",
    ratchets=False,
)


def order_remains(batch: Batch) -> Iterator[Finding]:
    """Warn about an order that remains although `maintainOrder` was removed.

    `executionOrder: Sequential` may have been added only to match `maintainOrder: true`, or written by the user:
    nothing in the object tells which. So removing `maintainOrder` alone changes nothing.

    Bad:

        kind: BackupBatch
        spec:
          maintainOrder: true
          executionOrder: Sequential
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupBatch
        spec:
          executionOrder: Sequential
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupBatch
        spec:
          maintainOrder: true
          executionOrder: Sequential
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
        ---
        kind: BackupBatch
        spec:
          executionOrder: Parallel
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    if batch.stored is None:
        return
    before, now = batch.stored.spec, batch.spec
    removed = before.get("maintainOrder") is True and now.get("maintainOrder") is None
    if removed and before.get("executionOrder") == now.get("executionOrder") == SEQUENTIAL:
        message = (
            "maintainOrder was removed, but executionOrder: Sequential is still there, so the members still run in "
            "order: write executionOrder: Parallel to run them all at once"
        )
        yield Finding(("spec", "executionOrder"), Reason.INVALID, message)
