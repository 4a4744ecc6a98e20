"""The rule `consistent-order`."""

from collections.abc import Iterator

from app.domain.invoker import Batch
from app.domain.order import PARALLEL, SEQUENTIAL, says_in_order
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import Twin

TWIN = Twin(
    holds=(
        f"!has(variables.spec.executionOrder) || (variables.spec.executionOrder in ['{SEQUENTIAL}', '{PARALLEL}']"
        " && (!has(variables.spec.maintainOrder)"
        f" || variables.spec.maintainOrder == (variables.spec.executionOrder == '{SEQUENTIAL}')))"
    ),
    message=f"maintainOrder and executionOrder contradict each other: remove one, or write {SEQUENTIAL} for true",
)


def consistent_order(batch: Batch) -> Iterator[Finding]:
    """Refuse `maintainOrder` and `executionOrder` that contradict each other, and an unsupported `executionOrder`.

    Both say whether the members run in order. The operator reads only `executionOrder`, and treats anything but
    `Sequential` as `Parallel`.

    Bad:

        kind: BackupBatch
        spec:
          maintainOrder: true
          executionOrder: Parallel
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupBatch
        spec:
          maintainOrder: true
          executionOrder: Sequential
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    maintain, execution = batch.spec.get("maintainOrder"), batch.spec.get("executionOrder")
    if execution is None:
        return
    path = ("spec", "executionOrder")
    in_order = says_in_order(execution)
    if in_order is None:
        message = f"executionOrder {quoted(execution)} is not supported: write {SEQUENTIAL} or {PARALLEL}"
        yield Finding(path, Reason.NOT_SUPPORTED, message, execution)
    elif maintain is not None and maintain is not in_order:
        message = (
            f"executionOrder: {execution} contradicts maintainOrder: {quoted(maintain)}: "
            f"remove one of them, or write executionOrder: {SEQUENTIAL if maintain else PARALLEL}"
        )
        yield Finding(path, Reason.INVALID, message, (maintain, execution))
