"""The rules as objects of `admissionregistration.k8s.io`: policies, and bindings by level and namespace."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from app.admission.levels import Levels
from app.commands.policies.release import Release
from app.domain.invoker import GROUP
from app.domain.twin import Rewriting, Twin, stored, variables_of
from app.rules.registry import RULES, Level, Rule
from schemas.kinds import KINDS

NAME = "stash-admission"
"""What the name of every policy and binding begins with."""
_API = "admissionregistration.k8s.io/v1"
_NAMESPACE = "kubernetes.io/metadata.name"
CHANGED = """\
request.operation == "CREATE"
|| has(object.spec) != has(oldObject.spec)
|| (has(object.spec) && object.spec != oldObject.spec)"""
NOT_BEING_DELETED = """\
request.operation == "CREATE"
|| !has(oldObject.metadata.deletionTimestamp)"""

Document = dict[str, Any]


class Mode(StrEnum):
    """What the policies do with what they find."""

    WARN = "warn"
    AUDIT = "audit"
    DENY = "deny"


_ACTIONS: dict[Mode, Mapping[Level, str]] = {
    Mode.WARN: {Level.ENFORCE: "Warn", Level.WARN: "Warn"},
    Mode.AUDIT: {Level.ENFORCE: "Audit"},
    Mode.DENY: {Level.ENFORCE: "Deny", Level.WARN: "Warn"},
}
"""What is done about a rule of a level. Where one is missing, nothing is."""


def policies(levels: Levels, mode: Mode, release: Release, own_namespace: str) -> list[Document]:
    """Every policy with its bindings, mutations first. `own_namespace` is the server's, where it judges nothing."""
    found: list[Document] = []
    for rule in RULES.values():
        twin = rule.twin
        if isinstance(twin, Rewriting):
            if mode is Mode.DENY and release.mutates:
                found += [_mutating(rule, twin), _binding("Mutating", rule, "", {}, _outside([own_namespace]))]
        elif isinstance(twin, Twin):
            bindings = list(_bindings(rule, levels, mode, own_namespace))
            if bindings:
                found += [_validating(rule, twin, release, ratchets=_enforced(rule, levels)), *bindings]
    return found


def holds(twin: Twin, release: Release, *, ratchets: bool) -> str:
    """What must be true. `ratchets`: an update may also break what the stored object breaks already."""
    expression = twin.without_maps if twin.without_maps and not release.maps else twin.holds
    if not (ratchets and twin.ratchets):
        return expression
    unchanged = f"{twin.judges} == {stored(twin.judges)} || " if twin.judges else ""  # true || an error is true
    return f"({expression})\n|| (oldObject != null && ({unchanged}!({stored(expression)})))"


def _enforced(rule: Rule, levels: Levels) -> bool:
    """Whether it refuses anywhere. What only warns does so of what is stored as well."""
    return Level.ENFORCE in (levels.everywhere[rule.id], *(own.get(rule.id) for own in levels.namespaces.values()))


def _validating(rule: Rule, twin: Twin, release: Release, *, ratchets: bool) -> Document:
    expression = holds(twin, release, ratchets=ratchets)
    validation = {"expression": expression, "message": f"{twin.message} ({rule.id})", "reason": "Invalid"}
    return _policy("Validating", rule, {"variables": _variables(expression), "validations": [validation]})


def _mutating(rule: Rule, twin: Rewriting) -> Document:
    mutation = {"patchType": "JSONPatch", "jsonPatch": {"expression": twin.patch}}
    said = {"variables": _variables(twin.patch), "mutations": [mutation], "reinvocationPolicy": "IfNeeded"}
    return _policy("Mutating", rule, said)


def _policy(how: str, rule: Rule, said: Document) -> Document:
    kinds = [KINDS[kind] for kind in rule.kinds]
    resources = {
        "apiGroups": [GROUP],
        "apiVersions": sorted({kind.version for kind in kinds}),
        "operations": ["CREATE", "UPDATE"],
        "resources": [kind.plural for kind in kinds],
    }
    conditions = [
        {"name": "created-or-spec-changed", "expression": CHANGED},
        {"name": "not-being-deleted", "expression": NOT_BEING_DELETED},
    ]
    return {
        "apiVersion": _API,
        "kind": f"{how}AdmissionPolicy",
        "metadata": {"name": f"{NAME}-{rule.id}"},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {"resourceRules": [resources]},
            "matchConditions": conditions,
            **said,
        },
    }


def _variables(expression: str) -> list[Document]:
    return [{"name": name, "expression": each} for name, each in variables_of(expression).items()]


def _bindings(rule: Rule, levels: Levels, mode: Mode, own_namespace: str) -> Iterator[Document]:
    everywhere = levels.everywhere[rule.id]
    others = {
        namespace: own[rule.id]
        for namespace, own in sorted(levels.namespaces.items())
        if own.get(rule.id, everywhere) is not everywhere and namespace != own_namespace
    }
    actions = _ACTIONS[mode]
    for level in (each for each in Level if each in actions):
        said = {"validationActions": [actions[level]]}
        if level is everywhere:
            yield _binding("Validating", rule, "", said, _outside([own_namespace, *others]))
        elif names := [namespace for namespace, own in others.items() if own is level]:
            inside = {"key": _NAMESPACE, "operator": "In", "values": names}
            yield _binding("Validating", rule, f"-{level}", said, inside)


def _outside(namespaces: list[str]) -> Document:
    return {"key": _NAMESPACE, "operator": "NotIn", "values": namespaces}


def _binding(how: str, rule: Rule, suffix: str, said: Document, namespaces: Document) -> Document:
    return {
        "apiVersion": _API,
        "kind": f"{how}AdmissionPolicyBinding",
        "metadata": {"name": f"{NAME}-{rule.id}{suffix}"},
        "spec": {
            "policyName": f"{NAME}-{rule.id}",
            **said,
            "matchResources": {"namespaceSelector": {"matchExpressions": [namespaces]}},
        },
    }
