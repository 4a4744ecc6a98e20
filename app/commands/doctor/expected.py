"""What an installation is compared with: what the manifests ship, and what the webhooks are asked about in the end.

A test compares this with the manifests.
"""

from collections.abc import Iterable
from typing import Any

from app.domain.invoker import GROUP, INVOKERS
from app.domain.kinds import KINDS
from app.domain.repository import Repository
from certs.state import Target
from schemas.kinds import KINDS as DEFINED

RESOURCES = tuple(DEFINED[kind].plural for kind in INVOKERS)
"""What must be asked about, or nothing is kept apart: `backupconfigurations` and so on."""
ASKED = {
    Target.MUTATING: {DEFINED[kind].plural: DEFINED[kind].version for kind in INVOKERS},
    Target.VALIDATING: {DEFINED[kind].plural: DEFINED[kind].version for kind in (*INVOKERS, Repository.kind)},
}
"""All that each configuration asks about, and in which version."""
DEFINED_RESOURCES = tuple(DEFINED[kind].plural for kind in KINDS)
"""Whose CRDs are needed."""
OPERATIONS = ("CREATE", "UPDATE")
PATHS = {Target.MUTATING: "/mutate", Target.VALIDATING: "/validate"}
WEBHOOKS = {Target.MUTATING: f"mutate.admission.{GROUP}", Target.VALIDATING: f"validate.admission.{GROUP}"}
"""The name of the webhook in each configuration that is asked about backups and restores."""
REPOSITORIES = f"validate-repositories.admission.{GROUP}"
"""The name of the one that is asked about Repositories. It is shipped with failurePolicy Ignore."""


def _rules(kinds: Iterable[str]) -> list[dict[str, Any]]:
    defined = [DEFINED[kind] for kind in kinds]
    return [
        {
            "apiGroups": [GROUP],
            "apiVersions": sorted({each.version for each in defined}),
            "resources": [each.plural for each in defined],
            "scope": "Namespaced",
            "operations": list(OPERATIONS),
        }
    ]


RULES = {
    WEBHOOKS[Target.MUTATING]: _rules(INVOKERS),
    WEBHOOKS[Target.VALIDATING]: _rules(INVOKERS),
    REPOSITORIES: _rules([Repository.kind]),
}
"""The `rules` of each webhook, by its name. No manifest has them: `stash-admission register` writes them."""
CONDITIONS = {
    "created-or-spec-changed": (
        'request.operation == "CREATE" || has(object.spec) != has(oldObject.spec)'
        " || (has(object.spec) && object.spec != oldObject.spec)"
    ),
    "not-being-deleted": 'request.operation == "CREATE" || !has(oldObject.metadata.deletionTimestamp)',
}
"""The `matchConditions`: their expressions by name, white space aside."""


def namespace_selector(namespace: str) -> dict[str, Any]:
    """All namespaces but the installation's own."""
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [namespace]}]}


def is_asked_about(rules: list[dict[str, Any]], operation: str, resource: str, version: str) -> bool:
    """Whether the rules of a webhook cover an operation on a resource of ours."""
    return any(
        _in(each.get("apiGroups"), GROUP)
        and _in(each.get("apiVersions"), version)
        and _in(each.get("operations"), operation)
        and (_in(each.get("resources"), resource) or "*/*" in each.get("resources", ()))
        and each.get("scope", "*") in ("*", "Namespaced")
        for each in rules
    )


def _in(values: list[str] | None, value: str) -> bool:
    return not {value, "*"}.isdisjoint(values or ())
