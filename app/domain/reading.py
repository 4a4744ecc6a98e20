"""From JSON to the view that rules get."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.domain.invoker import KINDS, Invoker
from app.domain.outcome import Edit, apply
from app.domain.path import Path

_SPEC: Path = ("spec",)


def read(kind: str, document: Mapping[str, Any], namespace: str) -> Invoker:
    """The object of a kind (one of KINDS), which need not be valid; the dictionaries inside are the caller's own.

    A value of a wrong type counts as absent, and is told in `faults`, so that rules can say all the rest about the
    object. `namespace` is the object's, empty if unknown.
    """
    view = KINDS[kind]
    spec = document.get("spec")
    spec = {} if spec is None else spec
    faults = [replace(fault, path=_SPEC + fault.path) for fault in view.checker.faults(spec)]
    if faults:
        absent = (Edit("replace", fault.path) for fault in faults)
        spec = apply(absent, {"spec": spec})["spec"] or {}
    return view(spec, namespace, faults)
