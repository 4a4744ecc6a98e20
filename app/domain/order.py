"""In which order the members of a batch run."""

from app.domain.invoker import Batch, Invoker, Member

PARALLEL, SEQUENTIAL = "Parallel", "Sequential"
_IN_ORDER = {PARALLEL: False, SEQUENTIAL: True}


def says_in_order(execution_order: str) -> bool | None:
    """What an `executionOrder` says: true for Sequential, false for Parallel, None for anything else."""
    return _IN_ORDER.get(execution_order)


def runs_in_order(invoker: Invoker) -> bool:
    """Whether the members run one after the other. `maintainOrder` says it; where it is absent, `executionOrder`."""
    if not isinstance(invoker, Batch):
        return False
    maintain = invoker.spec.get("maintainOrder")
    return bool(invoker.spec.get("executionOrder") == SEQUENTIAL if maintain is None else maintain)


def waves(invoker: Invoker) -> list[list[Member]]:
    """The members in the order in which they run: those of one wave at once, a wave when the one before has ended.

    A member that fails does not stop the next wave.
    """
    if runs_in_order(invoker):
        return [[member] for member in invoker.members]
    return [invoker.members] if invoker.members else []
