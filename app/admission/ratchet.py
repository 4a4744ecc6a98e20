"""What an update is not refused for: faults that the stored object has already."""

import json
from collections.abc import Hashable, Iterable
from dataclasses import replace

from app.admission.decision import RuleFinding
from app.domain.resource import Resource

_write = json.JSONEncoder(sort_keys=True).encode  # json.dumps would make one for each value


def identities(found: Iterable[RuleFinding]) -> set[Hashable]:
    """What the findings of a stored object are recognised by in an update of it: rule, field and value."""
    return {(each.rule, each.finding.path, _value(each)) for each in found}


def is_settled(found: RuleFinding, update: Resource, known: set[Hashable]) -> bool:
    """Whether the stored object, whose findings have the identities `known`, has this fault of its update already.

    Not for a finding about two members, which says itself whether it is preexisting, nor for the last one that was
    looked at.
    """
    path = update.stored_path(found.finding.path)
    return path is not None and (found.rule, path, _value(found)) in known


def can_be_settled(found: RuleFinding) -> bool:
    """Whether a finding may turn out to be one that the stored object has already."""
    return found.refuses and found.finding.pair is None and not found.last


def only_warns(found: RuleFinding) -> RuleFinding:
    """The finding, as one that the stored object has already."""
    return replace(found, refuses=False, preexisting=True)


def _value(found: RuleFinding) -> str:
    return _write(found.finding.value)
