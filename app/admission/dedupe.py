"""Findings without repetition: each fault is reported once, by the rule that says most about it."""

from collections.abc import Hashable, Iterable

from app.admission.decision import RuleFinding
from app.domain.outcome import Reason
from app.domain.path import ancestors
from app.domain.resource import Resource


def each_fault_once(found: list[RuleFinding], resource: Resource) -> list[RuleFinding]:
    """The findings, each fault reported once.

    A wrong value counts as absent for the other rules, so what they say of its absence goes. What a named rule says of
    a missing field is kept, and `field-type` silent. A pair of members that one rule reports for a field, another one
    does not report again, unless it is stricter.
    """
    pairs: dict[Hashable, bool] = {}
    kept = []
    wrong = {fault.path for fault in resource.faults if fault.lack != "missing"}
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


def without_covered(found: Iterable[RuleFinding]) -> list[RuleFinding]:
    """The findings without those that say no more than another one, which is as strict and as new."""
    found = list(found)
    said: dict[Hashable, bool] = {}
    for each in found:
        if not each.preexisting:
            key = (each.rule, each.finding.path)
            said[key] = each.refuses or said.get(key, False)
    return [each for each in found if each.preexisting or not _is_covered(each, said)]


def _is_covered(found: RuleFinding, said: dict[Hashable, bool]) -> bool:
    return any(by in said and (said[by] or not found.refuses) for by in found.finding.covered_by)
