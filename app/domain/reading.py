"""From JSON to the view that rules get."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from app.domain.invoker import INVOKERS, Invoker
from app.domain.kinds import KINDS
from app.domain.outcome import Edit, apply
from app.domain.path import Path
from app.domain.resource import Resource

_SPEC: Path = ("spec",)
View = TypeVar("View", bound=Resource)


def read(kind: str, document: Mapping[str, Any], namespace: str) -> Resource:
    """The object of a kind (one of KINDS), which need not be valid; the dictionaries inside are the caller's own.

    A value of a wrong type counts as absent, and is told in `faults`, so that rules can say all the rest about the
    object. `namespace` is the object's, empty if unknown.
    """
    return _read(KINDS[kind], document, namespace)


def read_invoker(kind: str, document: Mapping[str, Any], namespace: str) -> Invoker:
    """The same, of one of the kinds that back up or restore (one of INVOKERS)."""
    return _read(INVOKERS[kind], document, namespace)


def _read(view: type[View], document: Mapping[str, Any], namespace: str) -> View:
    spec = document.get("spec")
    spec = {} if spec is None else spec
    faults = [replace(fault, path=_SPEC + fault.path) for fault in view.checker.faults(spec)]
    if faults:
        absent = (Edit("replace", fault.path) for fault in faults)
        spec = apply(absent, {"spec": spec})["spec"] or {}
    return view(spec, namespace, faults)
