"""The rule `field-type`."""

from collections.abc import Iterator

from app.domain.outcome import Finding, Reason
from app.domain.path import Path, dotted
from app.domain.quoting import quoted
from app.domain.resource import Resource
from app.domain.twin import NoTwin
from schemas.faults import Fault

_REASONS = {
    "missing": Reason.REQUIRED,
    "type": Reason.TYPE_INVALID,
    "enum": Reason.NOT_SUPPORTED,
    "value": Reason.INVALID,
}
_PRIVATE = {"body", "value", "values"}
"""Fields that people write passwords into: their values are never repeated."""

TWIN = NoTwin("The CRD's schema refuses these before anybody else is asked.")


def field_type(resource: Resource) -> Iterator[Finding]:
    """Refuse a field whose value has the wrong type or is not in its enum, and a missing field that the CRD requires.

    The API server refuses these itself where the CRD has the field. If the operator cannot read a value, it silently
    ignores the whole object.

    Bad:

        kind: BackupConfiguration
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            paths: /var/www/html

    Good:

        kind: BackupConfiguration
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            paths: [/var/www/html]
    """
    for fault in resource.faults:
        yield Finding(fault.path, _REASONS[fault.lack], message(fault), fault.found)


def message(fault: Fault, written: str = "") -> str:
    """What is wrong and what to write. `written`: the value as it stands in a file, where that looks different."""
    name = _name(fault.path)
    if fault.lack == "missing":
        return f"{name} is missing, but required: add it"
    return f"{name} is {_found(fault, written)}: {_advice(fault)}"


def _is_private(path: Path) -> bool:
    """Of an item, whether the list that it is in is."""
    return next((part for part in reversed(path) if isinstance(part, str)), "") in _PRIVATE


def _name(path: Path) -> str:
    """The field, or of an item its place in the list: `paths`, `snapshots[2]`."""
    start = next((at for at in range(len(path) - 1, 0, -1) if isinstance(path[at], str)), 0)
    return dotted(path[start:])


def _found(fault: Fault, written: str) -> str:
    kind = _kind_of(fault.found)
    if _is_private(fault.path) or isinstance(fault.found, dict | list):
        return _one(kind)
    if fault.lack != "type":
        return quoted(fault.found)
    if written:
        return f"{written}, which is the {kind} {quoted(fault.found)}"
    return f"{quoted(fault.found)}, {_one(kind)}"


def _advice(fault: Fault) -> str:
    if fault.expected == "a string" and isinstance(fault.found, bool | int | float):
        return "put it in quotes"
    return f"write {fault.expected}"


def _one(kind: str) -> str:
    return f"an {kind}" if kind == "object" else f"a {kind}"


def _kind_of(value: object) -> str:
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "list"
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number"
