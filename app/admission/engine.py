"""The decision on one request: which rules it concerns, what they change, refuse and warn of.

What is the same for all rules is decided here, once: which requests need no decision, which updates change nothing,
and which faults an update is not refused for, because the stored object has them already.
"""

import time
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Any

from app.admission.budget import OUT_OF_TIME, RuleBudget, Undecided
from app.admission.decision import NOTHING, Decision, RuleFinding
from app.admission.dedupe import each_fault_once, without_covered
from app.admission.levels import Levels
from app.admission.ratchet import can_be_settled, identities, is_settled, only_warns
from app.admission.review import Request
from app.admission.selection import Selection, Validations
from app.domain.cluster_view import ClusterView, Unknown
from app.domain.invoker import GROUP, INVOKERS, Invoker, same
from app.domain.key import Key
from app.domain.kinds import KINDS
from app.domain.outcome import Edit, Finding, Reason, apply
from app.domain.pace import OutOfTime
from app.domain.reading import read, read_invoker
from app.domain.repository_index import Use, use_of
from app.domain.resource import Resource
from app.inventory.store import Inventory
from app.rules import MUTATIONS
from app.rules.alias_written import alias_written
from app.rules.field_type import field_type
from app.rules.registry import for_kind, levels
from schemas.kinds import KINDS as DEFINED

_MAX_NEW = 1_000
"""Findings of one rule about one object that no stored object can excuse: as many as an answer has causes."""
_MAX_FINDINGS = 2_000
"""Findings of one rule in all: a hostile list of a million wrong items must not keep the server busy for long."""


class Admission:
    """Decides on requests.

    `chosen` sets levels of rules: by their ids, which raises UnknownLevel, or as Levels, which namespaces may have of
    their own. Without an inventory, the rules that ask about the cluster do not run. `clock` is what deadlines are
    compared with. `needs_inventory`: what an inventory lacks, so that an enforced rule cannot be run, is not only
    warned of, but leaves a review undecided.
    """

    def __init__(
        self,
        chosen: Mapping[str, str] | Levels | None = None,
        inventory: Inventory | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        needs_inventory: bool = False,
    ) -> None:
        self.inventory = inventory
        """What is known of the cluster; None: nothing."""
        self._clock = clock
        self._needs_inventory = needs_inventory
        self._mutations = {kind: for_kind(kind, MUTATIONS) for kind in KINDS}
        self.use(chosen if isinstance(chosen, Levels) else Levels(levels(chosen or {})))

    @property
    def cluster(self) -> ClusterView | None:
        """All objects of the cluster, where they are known."""
        return None if self.inventory is None else self.inventory.view(None)

    def use(self, levels: Levels) -> None:
        """Decide by these levels from now on. A decision under way goes on with those that it began with."""
        self.levels = levels
        self._selection = Selection(levels, knows_cluster=self.inventory is not None)

    def mutate(self, request: Request, deadline: float | None = None) -> Decision:
        """What `/mutate` answers: the changes, and warnings of what they did or could not do. It refuses nothing.

        Warnings for which no time is left at `deadline`, a time of the clock, are not looked for. A change is never
        left out, since `/validate` judges the object by it.
        """
        documents = _documents(request, INVOKERS)
        if isinstance(documents, Decision):
            return documents
        document, old = documents
        invoker = read_invoker(request.kind, document, request.namespace)
        if invoker.unread:
            return NOTHING  # `/validate` refuses it
        if old is not None:
            invoker = invoker.as_update_of(read_invoker(request.kind, old, request.namespace))
        mutations = self._mutations[request.kind]
        edits = tuple((rule, edit) for rule, function in mutations for edit in function(invoker))
        budget = RuleBudget(self._clock, deadline)
        announced = tuple(self._announced(request, invoker, budget))
        if not (edits or announced or budget.unchecked):
            return NOTHING
        return Decision(edits, announced, budget.notes, budget.unchecked)

    def validate(self, request: Request, deadline: float | None = None) -> Decision:
        """What `/validate` answers: every finding about the object.

        Rules for which no time is left at `deadline`, a time of the clock, are not run; a warning names them. Raises
        Undecided where one of them is enforced, unless another one refuses the object: time never admits.
        """
        try:
            return self._validated(request, deadline)
        except OutOfTime:  # before or between the rules
            raise Undecided(f"any rule: {OUT_OF_TIME}") from None

    def _validated(self, request: Request, deadline: float | None) -> Decision:
        documents = _documents(request, KINDS)
        if isinstance(documents, Decision):
            return documents
        document, old = documents
        kind, key = request.kind, _key(request)
        rules = self._selection.within(request.namespace).validations[kind]
        budget = RuleBudget(self._clock, deadline, needs_inventory=self._needs_inventory)
        resource = read(kind, document, request.namespace, budget.look)
        if resource.unread:
            return Decision(findings=tuple(_too_large(resource)))
        stored = None
        if old is None:
            found = self._findings(rules, resource, key, budget, excusable=False)
        else:
            stored = read(kind, old, request.namespace, budget.look, resource)
            mine, its = self._edits(kind, resource), self._edits(kind, stored)
            if _same_when_edited(document, mine, old, its):
                # What it means stays the same: only that it is spelled out now can be news.
                rules = tuple(each for each in rules if each[1] is alias_written)
            resource = resource.as_update_of(stored)
            found = self._findings(rules, resource, key, budget, excusable=True)
            doubtful = {each.rule for each in found if can_be_settled(each)}
            if doubtful and not stored.unread:
                forms = [stored]
                if its:
                    forms.append(read(kind, apply(its, old), request.namespace, budget.look, stored))
                rules = tuple(each for each in rules if each[0] in doubtful)
                found = list(self._ratcheted(rules, found, resource, forms, key, budget))
        budget.decided()
        if not any(each.refuses for each in found):
            budget.raise_undecided()
        decision = NOTHING
        if found or budget.unchecked:
            decision = Decision(findings=tuple(without_covered(found)), notes=budget.notes, unchecked=budget.unchecked)
        if self.inventory is not None and not request.dry_run and decision.allowed:
            use = use_of(key, resource)
            if use is not None:
                before = None if stored is None else use_of(key, stored)
                return replace(decision, use=use, adds_hosts=self._adds_hosts(use, before))
        return decision

    def _adds_hosts(self, use: Use, before: Use | None) -> bool:
        if before is None or not (use.complete and before.complete and set(use.hosts) <= set(before.hosts)):
            return True
        places = (self.inventory.stored.place(each.repository) for each in (use, before)) if self.inventory else ()
        return len({place.certain for place in places}) > 1

    def _edits(self, kind: str, resource: Resource) -> list[Edit]:
        """All mutations of an object, as if it were new."""
        return [edit for _, function in self._mutations[kind] for edit in function(resource)]

    def _announced(self, request: Request, invoker: Invoker, budget: RuleBudget) -> Iterable[RuleFinding]:
        for rule, function in self._selection.within(request.namespace).announcements[request.kind]:
            if budget.over(rule, enforced=False):
                continue
            for finding in function(invoker):
                yield RuleFinding(rule, finding, refuses=False)

    def _findings(
        self, rules: Validations, resource: Resource, key: Key, budget: RuleBudget, *, excusable: bool
    ) -> list[RuleFinding]:
        """What the rules say. `excusable`: a fault of one member may be one that the stored object has already."""
        found: list[RuleFinding] = []
        clock, deadline = self._clock, budget.deadline
        for rule, function, asks, enforced in rules:
            if clock() >= deadline:
                budget.over(rule, enforced=enforced)
                continue
            cluster = self.inventory.view(key) if asks and self.inventory is not None else None
            before = len(found)
            try:
                findings = iter(function(resource) if cluster is None else function(resource, cluster))
                first = next(findings, None)
                if first is not None:  # nearly every rule finds nothing in nearly every object
                    for each in _of_rule(rule, chain((first,), findings), enforced, excusable, budget):
                        found.append(each)  # noqa: PERF402  those before an exception count
            except OutOfTime:
                budget.over(rule, enforced=enforced)
            except Unknown as unknown:
                budget.because(rule, str(unknown), enforced=enforced)
                del found[before:]
            if cluster is not None and cluster.late:
                budget.late(rule, cluster.late, enforced=enforced)
                found[before:] = [replace(each, refuses=False) for each in found[before:]]
            if cluster is not None and cluster.partial:
                budget.partly(rule, cluster.partial, enforced=enforced)
        return each_fault_once(found, resource) if found else found

    def _ratcheted(
        self,
        rules: Validations,
        found: Iterable[RuleFinding],
        resource: Resource,
        before: Iterable[Resource],
        key: Key,
        budget: RuleBudget,
    ) -> Iterator[RuleFinding]:
        """The findings, those that the stored object had already as warnings.

        `before` is the stored object, as it is and as its mutated form. A rule that could not be run on it can refuse
        nothing: nobody knows what the stored object had.
        """
        known: set[Hashable] = set()
        not_run = budget.alike()
        for stored in before:
            known |= identities(self._findings(rules, stored, key, not_run, excusable=True))
        for each in found:
            if can_be_settled(each):
                if is_settled(each, resource, known):
                    each = only_warns(each)
                elif each.rule in not_run.reasons:
                    budget.not_settled(each.rule, not_run.reasons[each.rule])
                    each = replace(each, refuses=False)
            yield each


def _same_when_edited(one: dict[str, Any], mine: list[Edit], other: dict[str, Any], its: list[Edit]) -> bool:
    """Whether two objects have the same spec once they are edited, and only then."""
    if not (mine or its):
        return False
    touched = {place[1] for edit in chain(mine, its) for place in (edit.path, edit.source) if len(place) > 1}
    # What no edit touches has to be the same already: mostly it tells, and nothing has to be edited.
    if not same(_without(touched, one), _without(touched, other)):
        return False
    return same(*(apply(edits, each).get("spec") for edits, each in ((mine, one), (its, other))))


def _without(names: Container[str | int], document: dict[str, Any]) -> object:
    """The spec without some of its fields."""
    spec = document.get("spec")
    return {name: value for name, value in spec.items() if name not in names} if isinstance(spec, dict) else spec


def _too_large(resource: Resource) -> Iterator[RuleFinding]:
    """What is said of an object that was not read. No level changes it, since no rule judges such an object."""
    message = f"the object is too large to be judged: {resource.unread}"
    for finding in (Finding(("spec",), Reason.INVALID, message), *field_type(resource)):
        yield RuleFinding("field-type", finding, refuses=True)


def _of_rule(
    rule: str, findings: Iterable[Finding], enforced: bool, excusable: bool, budget: RuleBudget
) -> Iterator[RuleFinding]:
    new = 0
    for number, finding in enumerate(findings, 1):
        refuses = enforced and not finding.preexisting and not finding.advisory
        if not finding.preexisting and not (excusable and refuses and finding.pair is None):
            new += 1
        last = number == _MAX_FINDINGS or new == _MAX_NEW
        if last:
            refuses = enforced and not finding.advisory
        yield RuleFinding(rule, finding, refuses, finding.preexisting and not last, last)
        if last or budget.over(rule, enforced=enforced):
            return


def _key(request: Request) -> Key:
    """Which object it is. A name that the API server generates is in the object only."""
    metadata = (request.object or {}).get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return Key(request.kind, request.namespace, request.name or (name if isinstance(name, str) else ""))


def _documents(request: Request, kinds: Container[str]) -> tuple[dict[str, Any], dict[str, Any] | None] | Decision:
    """The object, and on an update the stored one; or the decision on a request that needs none.

    `kinds`: those that the webhook decides on.
    """
    if request.operation not in ("CREATE", "UPDATE") or request.subresource or request.object is None:
        return NOTHING
    if request.kind not in kinds or (request.group, request.version) != (GROUP, DEFINED[request.kind].version):
        kind = f"{request.kind}.{request.version}.{request.group}"
        return Decision(notes=(f"stash-admission knows no rules for {kind}: it should not be asked about it",))
    if _deleted(request.object):
        return NOTHING
    if request.operation == "CREATE":
        return request.object, None
    old = request.old_object or {}
    if same(request.object.get("spec"), old.get("spec")):
        return NOTHING
    return request.object, old


def _deleted(document: Mapping[str, Any]) -> bool:
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and metadata.get("deletionTimestamp") is not None
