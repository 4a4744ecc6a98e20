"""The CRDs: whether the API server knows the kinds, and which fields it drops before any webhook sees them."""

from collections.abc import Iterator
from typing import Any

from app.commands.doctor.state import InstallationState, Unreadable
from certs.diagnostics import Diagnosis, note, ok, wrong
from kube.client import Object
from schemas.crd import crds
from schemas.kinds import GROUP

_APPLY = "kubectl apply -f manifests/crds"
_MAX_NAMED_FIELDS = 5
"""Fields that a line names."""


def definitions(sight: InstallationState) -> Iterator[Diagnosis]:
    """Remarks on each of them."""
    ours, good = crds(), []
    for resource, found in sight.definitions.items():
        title = f"CRD {resource}.{GROUP}"
        if isinstance(found, Unreadable):
            yield found.remark
        elif found is None:
            line = f"{title}: it does not exist, so no object of it can be created"
            yield wrong(line, f"install Stash, which brings its CRDs, or these:\n{_APPLY}")
        elif remarks := list(_definition(title, found, ours[f"{resource}.yaml"])):
            yield from remarks
        else:
            good.append(resource)
    if good:
        yield ok(f"CRDs {', '.join(good)}")


def _definition(title: str, found: Object, ours: Object) -> Iterator[Diagnosis]:
    (expected,) = ours["spec"]["versions"]
    version = next((each for each in found["spec"]["versions"] if each["name"] == expected["name"]), None)
    if version is None or not version.get("served"):
        yield wrong(
            f"{title}: version {expected['name']} is not served", f"install the Stash that has it, or these:\n{_APPLY}"
        )
        return
    states = {each["type"]: each["status"] for each in (found.get("status") or {}).get("conditions") or ()}
    if states.get("Established") != "True":
        look = f"kubectl describe crd {found['metadata']['name']}"
        yield wrong(f"{title}: it is not established, so the API server does not serve it", f"see why:\n{look}")
    dropped = list(_dropped(_schema(expected), _schema(version), ""))
    if dropped:
        more = f" and {len(dropped) - _MAX_NAMED_FIELDS} more" if len(dropped) > _MAX_NAMED_FIELDS else ""
        line = f"{title}: it is another version, so the API server drops {', '.join(dropped[:_MAX_NAMED_FIELDS])}{more}"
        yield note(line, f"these fields are lost when written, unless Stash's own CRDs are replaced:\n{_APPLY}")


def _schema(version: Object) -> Any:
    return (version.get("schema") or {}).get("openAPIV3Schema") or {}


def _dropped(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """The fields that our schema has and theirs prunes: `spec.members[].rules`. Of one that is not there, no more."""
    if theirs.get("x-kubernetes-preserve-unknown-fields"):
        return
    if "items" in ours:
        yield from _dropped(ours["items"], theirs.get("items") or {}, f"{path}[]")
    known = theirs.get("properties") or {}
    for name, field in (ours.get("properties") or {}).items():
        inner = f"{path}.{name}".removeprefix(".")
        if name in known:
            yield from _dropped(field, known[name], inner)
        elif not theirs.get("additionalProperties"):
            yield inner
