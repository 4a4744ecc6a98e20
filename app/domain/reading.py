"""From JSON to the view that rules get."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from app.domain.invoker import INVOKERS, Invoker
from app.domain.kinds import KINDS
from app.domain.outcome import Edit, apply
from app.domain.pace import unhurried
from app.domain.path import Path
from app.domain.resource import Resource
from schemas.faults import MAX_VALUES, has_many

MAX_MEMBERS = 50_000
"""Members of a batch. What etcd takes has less than 30,000 that have a name."""

_SPEC: Path = ("spec",)
View = TypeVar("View", bound=Resource)


def read(
    kind: str,
    document: Mapping[str, Any],
    namespace: str,
    look: Callable[[], None] = unhurried,
    like: Resource | None = None,
) -> Resource:
    """The object of a kind (one of KINDS), which need not be valid; the dictionaries inside are the caller's own.

    A value of a wrong type counts as absent, and is told in `faults`, so that rules can say all the rest about the
    object. What is too large for that is not read at all, and `unread` says why. `namespace` is the object's, empty if
    unknown. `look` is called now and then by loops over parts of the object, which end with what it raises.
    `like` is another form of the object, which most of it is equal to: reading that again would cost as much.
    """
    return _read(KINDS[kind], document, namespace, look, like)


def read_invoker(kind: str, document: Mapping[str, Any], namespace: str) -> Invoker:
    """The same, of one of the kinds that back up or restore (one of INVOKERS)."""
    return _read(INVOKERS[kind], document, namespace, unhurried, None)


def _read(
    view: type[View],
    document: Mapping[str, Any],
    namespace: str,
    look: Callable[[], None],
    like: Resource | None,
) -> View:
    spec = document.get("spec")
    spec = {} if spec is None else spec
    members = spec.get("members") if isinstance(spec, dict) else None
    if isinstance(members, list) and len(members) > MAX_MEMBERS:
        return view(
            {}, namespace, unread=f"it has {len(members)} members: write several objects with at most {MAX_MEMBERS}"
        )
    faults = [replace(fault, path=_SPEC + fault.path) for fault in view.checker.faults(spec)]
    if faults:
        if has_many(spec):
            return view({}, namespace, faults, unread=f"it has more than {MAX_VALUES} values, some of a wrong type")
        absent = (Edit("replace", fault.path) for fault in faults)
        spec = apply(absent, {"spec": spec})["spec"] or {}
    return view(spec, namespace, faults, look, like=like)
