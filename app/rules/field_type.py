"""The rule `field-type`."""

from collections.abc import Iterator

from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.resource import Resource
from schemas.faults import Fault

_REASONS = {
    "missing": Reason.REQUIRED,
    "type": Reason.TYPE_INVALID,
    "enum": Reason.NOT_SUPPORTED,
    "value": Reason.INVALID,
}
_PRIVATE = {"body", "value", "values"}
"""Fields that people write passwords into: their values are never repeated."""


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
        yield Finding(fault.path, _REASONS[fault.lack], f"{fault.path[-1]} {_message(fault)}", fault.found)


def _message(fault: Fault) -> str:
    if fault.lack == "missing":
        return "is missing, but required: add it"
    found = _kind_of(fault.found)
    if fault.path[-1] not in _PRIVATE and not isinstance(fault.found, dict | list):
        found = f"{quoted(fault.found)}, {found}" if fault.lack == "type" else quoted(fault.found)
    return f"is {found}: write {fault.expected}"


def _kind_of(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "a boolean"
    return "a string" if isinstance(value, str) else "a number"
