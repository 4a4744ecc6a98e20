"""The mutation `sync-order`."""

from collections.abc import Iterator

from app.domain.invoker import Batch
from app.domain.order import PARALLEL, SEQUENTIAL, says_in_order
from app.domain.outcome import Edit
from app.domain.twin import Rewriting

_MAINTAIN = ("spec", "maintainOrder")
_EXECUTION = ("spec", "executionOrder")

_MAINTAIN_CHANGED = "variables.spec.?maintainOrder != variables.stored_spec.?maintainOrder"
_EXECUTION_CHANGED = "variables.spec.?executionOrder != variables.stored_spec.?executionOrder"
TWIN = Rewriting(
    patch=(
        "!has(variables.spec.maintainOrder) ? [] : !has(variables.spec.executionOrder)"
        " ? (variables.spec.maintainOrder"
        f" ? [JSONPatch{{op: 'add', path: '/spec/executionOrder', value: '{SEQUENTIAL}'}}] : [])"
        " : oldObject == null"
        f" || variables.spec.maintainOrder == (variables.spec.executionOrder == '{SEQUENTIAL}') ? []"
        f" : {_MAINTAIN_CHANGED} && !({_EXECUTION_CHANGED})"
        " ? [JSONPatch{op: 'replace', path: '/spec/executionOrder',"
        f" value: variables.spec.maintainOrder ? '{SEQUENTIAL}' : '{PARALLEL}'}}]"
        f" : {_EXECUTION_CHANGED} && !({_MAINTAIN_CHANGED})"
        " ? [JSONPatch{op: 'replace', path: '/spec/maintainOrder',"
        f" value: variables.spec.executionOrder == '{SEQUENTIAL}'}}] : []"
    ),
)


def sync_order(batch: Batch) -> Iterator[Edit]:
    """Make `executionOrder` match `maintainOrder`.

    Both say whether the members of a batch run in order, but the operator reads only `executionOrder`. So that field is
    set if the user wrote only `maintainOrder`. If the two agreed and an update changes one of them, the other follows.
    If both are new and contradict each other, `consistent-order` refuses the object.

    Before:

        kind: BackupBatch
        spec:
          maintainOrder: true
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    After:

        kind: BackupBatch
        spec:
          maintainOrder: true
          executionOrder: Sequential
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    maintain, execution = batch.spec.get("maintainOrder"), batch.spec.get("executionOrder")
    if maintain is None or not batch.subtree_valid(_EXECUTION):
        return
    if execution is None:
        if maintain:
            yield Edit("replace" if "executionOrder" in batch.spec else "add", _EXECUTION, SEQUENTIAL)
        return
    if says_in_order(execution) is maintain or batch.stored is None:
        return
    maintain_changed = maintain != batch.stored.spec.get("maintainOrder")
    execution_changed = execution != batch.stored.spec.get("executionOrder")
    if maintain_changed and not execution_changed:
        yield Edit("replace", _EXECUTION, SEQUENTIAL if maintain else PARALLEL)
    elif execution_changed and not maintain_changed and execution in (PARALLEL, SEQUENTIAL):
        yield Edit("replace", _MAINTAIN, says_in_order(execution))
