"""The decision on one request: which rules it concerns, what they change, refuse and warn of.

What is the same for all rules is decided here, once: which requests need no decision, which updates change nothing,
and which faults an update is not refused for, because the stored object has them already.
"""

import json
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from app.admission.budget import RuleBudget
from app.admission.levels import Levels
from app.admission.review import Request
from app.admission.selection import Selection, Validations
from app.domain.cluster_view import ClusterView, Unknown
from app.domain.invoker import GROUP, KINDS, VERSION, Invoker, same
from app.domain.key import Key
from app.domain.outcome import Edit, Finding, Reason, apply
from app.domain.path import ancestors
from app.domain.reading import read
from app.inventory.store import Inventory
from app.rules import MUTATIONS
from app.rules.registry import for_kind, levels

_MOST_FINDINGS = 10_000
"""Of one rule about one object: a hostile list of a million wrong items must not keep the server busy for long."""


@dataclass(frozen=True, slots=True)
class RuleFinding:
    """A finding, the rule that found it, and whether it refuses the object."""

    rule: str
    finding: Finding
    refuses: bool
    stored: bool = False
    """Whether the stored object has the same fault, so that it only warns."""
    last: bool = False
    """Whether it is the last that is looked at: nothing tells whether the stored object has those after it."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a request."""

    edits: tuple[tuple[str, Edit], ...] = ()
    """The changes, each with the rule that makes it."""
    judged: tuple[RuleFinding, ...] = ()
    notes: tuple[str, ...] = ()
    """What else to warn of: that no rule is for the request, or that rules were not checked, and why."""
    unchecked: tuple[str, ...] = ()
    """The rules that were not checked, or could only warn."""

    @property
    def allowed(self) -> bool:
        """Whether no finding refuses the object."""
        return not self.judged or not any(each.refuses for each in self.judged)

    @property
    def outcome(self) -> str:
        """What became of it in one word: refused, mutated or allowed."""
        if not self.allowed:
            return "refused"
        return "mutated" if self.edits else "allowed"


NOTHING = Decision()


class Admission:
    """Decides on requests.

    `chosen` sets levels of rules: by their ids, which raises UnknownLevel, or as Levels, which namespaces may have of
    their own. Without an inventory, the rules that ask about the cluster do not run. `clock` is what deadlines are
    compared with.
    """

    def __init__(
        self,
        chosen: Mapping[str, str] | Levels | None = None,
        inventory: Inventory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._inventory = inventory
        self._clock = clock
        self._mutations = {kind: for_kind(kind, MUTATIONS) for kind in KINDS}
        self.use(chosen if isinstance(chosen, Levels) else Levels(levels(chosen or {})))

    @property
    def others(self) -> ClusterView | None:
        """All objects of the cluster, where they are known."""
        return None if self._inventory is None else self._inventory.others(None)

    def use(self, levels: Levels) -> None:
        """Decide by these levels from now on. A decision under way goes on with those that it began with."""
        self.levels = levels
        self._selection = Selection(levels, knows_cluster=self._inventory is not None)

    def mutate(self, request: Request) -> Decision:
        """What `/mutate` answers: the changes, and warnings of what they did or could not do. It refuses nothing."""
        documents = _documents(request)
        if isinstance(documents, Decision):
            return documents
        document, old = documents
        invoker = read(request.kind, document, request.namespace)
        if old is not None:
            invoker.compare_with(read(request.kind, old, request.namespace))
        edits, announced = tuple(self._edits(request.kind, invoker)), tuple(self._announced(request, invoker))
        return Decision(edits, announced) if edits or announced else NOTHING

    def validate(self, request: Request, deadline: float | None = None) -> Decision:
        """What `/validate` answers: every finding about the object.

        Rules for which no time is left at `deadline`, a time of the clock, are not run; a warning names them.
        """
        documents = _documents(request)
        if isinstance(documents, Decision):
            return documents
        document, old = documents
        kind = request.kind
        rules = self._selection.within(request.namespace).validations[kind]
        invoker = read(kind, document, request.namespace)
        others = None if self._inventory is None else self._inventory.others(_key(request))
        unchecked = RuleBudget(self._clock, deadline)
        if old is None:
            judged = self._judged(rules, invoker, others, unchecked)
        else:
            stored = read(kind, old, request.namespace)
            preexisting = self._mutated(kind, stored, old)
            if same(self._mutated(kind, invoker, document).get("spec"), preexisting.get("spec")):
                return NOTHING
            invoker.compare_with(stored)
            judged = self._judged(rules, invoker, others, unchecked)
            if any(each.refuses for each in judged):
                before = [stored, read(kind, preexisting, request.namespace)]
                judged = list(self._ratcheted(rules, judged, invoker, before, others, unchecked))
        decision = NOTHING
        if judged or unchecked.reasons:
            decision = Decision(judged=tuple(_news(judged)), notes=unchecked.notes, unchecked=tuple(unchecked.reasons))
        if self._inventory is not None and decision.allowed and not request.dry_run:
            self._inventory.admitted(_key(request), invoker)
        return decision

    def _edits(self, kind: str, invoker: Invoker) -> Iterable[tuple[str, Edit]]:
        return ((rule, edit) for rule, function in self._mutations[kind] for edit in function(invoker))

    def _mutated(self, kind: str, invoker: Invoker, document: Mapping[str, Any]) -> dict[str, Any]:
        """The document after all mutations, as if it were new."""
        return apply((edit for _, edit in self._edits(kind, invoker)), document)

    def _announced(self, request: Request, invoker: Invoker) -> Iterable[RuleFinding]:
        for rule, function in self._selection.within(request.namespace).announcements[request.kind]:
            for finding in function(invoker):
                yield RuleFinding(rule, finding, refuses=False)

    def _judged(
        self, rules: Validations, invoker: Invoker, others: ClusterView | None, unchecked: RuleBudget
    ) -> list[RuleFinding]:
        found: list[RuleFinding] = []
        clock, deadline = self._clock, unchecked.deadline
        for rule, function, asks, enforced in rules:
            if clock() >= deadline:
                unchecked.over(rule)
                continue
            if others is None or not asks:
                findings = iter(function(invoker))
                first = next(findings, None)
                if first is not None:  # nearly every rule finds nothing in nearly every object
                    found += _found(rule, chain((first,), findings), enforced, unchecked)
                continue
            others.late = ""
            try:
                mine = list(_found(rule, function(invoker, others), enforced, unchecked))
            except Unknown as unknown:
                unchecked.because(rule, str(unknown))
                continue
            if others.late:
                unchecked.late(rule, others.late)
                mine = [replace(each, refuses=False) for each in mine]
            found += mine
        return _once(found, invoker) if found else found

    def _ratcheted(
        self,
        rules: Validations,
        judged: Iterable[RuleFinding],
        invoker: Invoker,
        before: Iterable[Invoker],
        others: ClusterView | None,
        unchecked: RuleBudget,
    ) -> Iterator[RuleFinding]:
        """The findings, those that the stored object had already as warnings.

        `before` is the stored object, as it is and as its mutated form. A rule that could not be run on it can refuse
        nothing: who knows what the stored object had.
        """
        known: set[Hashable] = set()
        not_run = unchecked.alike()
        for stored in before:
            for each in self._judged(rules, stored, others, not_run):
                known |= _identities(each, stored)
        for each in judged:
            by_value = each.refuses and each.finding.pair is None and not each.last
            if by_value and _identities(each, invoker) & known:
                each = replace(each, refuses=False, stored=True)
            elif by_value and each.rule in not_run.reasons:
                unchecked.reasons[each.rule] = not_run.reasons[each.rule]
                each = replace(each, refuses=False)
            yield each


def _found(rule: str, findings: Iterable[Finding], enforced: bool, unchecked: RuleBudget) -> Iterator[RuleFinding]:
    for number, finding in enumerate(islice(findings, _MOST_FINDINGS), 1):
        last = number == _MOST_FINDINGS
        preexisting = finding.preexisting and not last
        yield RuleFinding(rule, finding, enforced and not preexisting and not finding.advisory, preexisting, last)
        if unchecked.over(rule):
            return


def _key(request: Request) -> Key:
    """Which object it is. A name that the API server generates is in the object only."""
    metadata = (request.object or {}).get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return Key(request.kind, request.namespace, request.name or (name if isinstance(name, str) else ""))


def _documents(request: Request) -> tuple[dict[str, Any], dict[str, Any] | None] | Decision:
    """The object, and on an update the stored one; or the decision on a request that needs none."""
    if request.operation not in ("CREATE", "UPDATE") or request.subresource or request.object is None:
        return NOTHING
    if request.group != GROUP or request.version != VERSION or request.kind not in KINDS:
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


def _identities(judged: RuleFinding, invoker: Invoker) -> set[Hashable]:
    """What makes a finding the same in two versions of an object: rule, field and value, members by their ref.

    Members without ref are known by their index, and by what they hold.

    Not for a finding about two members, which says itself whether it is settled.
    """
    finding, path = judged.finding, judged.finding.path
    value = json.dumps(finding.value, sort_keys=True)
    if path[:2] != ("spec", "members") or len(path) == 2:
        return {(judged.rule, path, value)}
    index, rest = int(path[2]), path[3:]
    return {(judged.rule, member, rest, value) for member in (invoker.keys[index], invoker.contents[index])}


def _once(found: list[RuleFinding], invoker: Invoker) -> list[RuleFinding]:
    """The findings, each fault reported once.

    A wrong value counts as absent for the other rules, so what they say of its absence goes. What a named rule says of
    a missing field is kept, and `field-type` silent. A pair of members that one rule reports for a field, another one
    does not report again, unless it is stricter.
    """
    pairs: dict[Hashable, bool] = {}
    kept = []
    wrong = {fault.path for fault in invoker.faults if fault.lack != "missing"}
    named = {above for each in found if each.rule != "field-type" for above in ancestors(each.finding.path)}
    for each in found:
        path, reason, pair = each.finding.path, each.finding.reason, each.finding.pair
        if each.rule == "field-type":
            if reason is Reason.REQUIRED and path in named:
                continue
        elif not wrong.isdisjoint(ancestors(path)):
            continue  # it only seems absent
        elif pair is not None:
            key = (path, pair)
            if key in pairs and (pairs[key] or not each.refuses):
                continue
            pairs[key] = each.refuses
        kept.append(each)
    return kept


def _news(judged: Iterable[RuleFinding]) -> list[RuleFinding]:
    """The findings without those that say no more than another one, which is as strict and as new."""
    judged = list(judged)
    said: dict[Hashable, bool] = {}
    for each in judged:
        if not each.stored:
            key = (each.rule, each.finding.path)
            said[key] = each.refuses or said.get(key, False)
    return [
        each
        for each in judged
        if each.stored or each.finding.covered_by not in said or (each.refuses and not said[each.finding.covered_by])
    ]
