"""What is decided before the first call."""

from app.admission.decision import Decision
from app.admission.engine import Admission
from app.admission.review import Request
from app.domain.invoker import INVOKERS
from app.domain.kinds import KINDS
from app.inventory.store import Inventory
from app.server.warmup import warm_up


class Noted(Admission):
    """Notes what it is asked, and what it says."""

    def __init__(self, inventory: Inventory) -> None:
        super().__init__(inventory=inventory)
        self.decided: list[tuple[str, str, Decision]] = []

    def mutate(self, request: Request, deadline: float | None = None) -> Decision:
        decision = super().mutate(request, deadline)
        self.decided.append(("mutate", request.kind, decision))
        return decision

    def validate(self, request: Request, deadline: float | None = None) -> Decision:
        decision = super().validate(request, deadline)
        self.decided.append(("validate", request.kind, decision))
        return decision


def test_both_webhooks_are_warm_for_all_kinds_and_nothing_is_remembered() -> None:
    inventory = Inventory(stale_after=None)
    admission = Noted(inventory)
    warm_up(admission)
    assert {(webhook, kind) for webhook, kind, _ in admission.decided} == {
        *(("mutate", kind) for kind in INVOKERS),
        *(("validate", kind) for kind in KINDS),
    }
    assert all(decision.edits for webhook, _, decision in admission.decided if webhook == "mutate")
    assert all(decision.allowed for _, _, decision in admission.decided)
    assert sum(inventory.recent.count(kind) for kind in KINDS) == 0
