"""Ask the webhooks, from the bytes of a review to the answer, and read what they say."""

import base64
import copy
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson
from jsonpatch import JsonPatch

from app.admission.engine import Admission
from app.admission.response import render
from app.admission.review import parse, read_request
from app.domain.invoker import INVOKERS
from app.inventory.folder import inventory_of

Document = dict[str, Any]


@dataclass
class Answer:
    """What a webhook answered."""

    response: dict[str, Any]
    patch: list[dict[str, Any]] = field(default_factory=list)

    @property
    def allowed(self) -> bool:
        allowed: bool = self.response["allowed"]
        return allowed

    @property
    def message(self) -> str:
        return str(self.response.get("status", {}).get("message", ""))

    @property
    def warnings(self) -> list[str]:
        return list(self.response.get("warnings", []))

    @property
    def causes(self) -> list[dict[str, str]]:
        return list(self.response.get("status", {}).get("details", {}).get("causes", []))

    def acted(self, how: str) -> set[str]:
        """The rules in the audit annotation `mutated-by`, `refused-by` or `warned-by`."""
        return set(filter(None, self.response.get("auditAnnotations", {}).get(how, "").split(",")))

    @property
    def refused_by(self) -> set[str]:
        return self.acted("refused-by")

    @property
    def warned_by(self) -> set[str]:
        return self.acted("warned-by")


def review(document: Any, old: Any = None, **request: Any) -> dict[str, Any]:
    """An AdmissionReview as the API server sends it; keyword arguments replace fields of the request."""
    group, _, version = str(document.get("apiVersion", "")).partition("/")
    metadata = document.get("metadata") or {}
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "0b4a9d0c-7a0f-4b57-8f4e-3a1c5a0f1b2d",
            "kind": {"group": group, "version": version, "kind": document.get("kind")},
            "resource": {"group": group, "version": version, "resource": "any"},
            "name": metadata.get("name", ""),
            "namespace": metadata.get("namespace", ""),
            "operation": "CREATE" if old is None else "UPDATE",
            "userInfo": {"username": "jane", "groups": ["system:authenticated"]},
            "object": document,
            "oldObject": old,
            "dryRun": False,
            "options": {},
            **request,
        },
    }


@cache
def _admission(levels: tuple[tuple[str, str], ...]) -> Admission:
    return Admission(dict(levels))


def ask(
    webhook: str,
    document: Any,
    old: Any = None,
    levels: Mapping[str, str] | None = None,
    cluster: Iterable[Document] | None = None,
    **fields: Any,
) -> Answer:
    """The answer of `mutate` or `validate`. The object that is asked about must stay as it is.

    `cluster` is what the cluster holds, None if the server does not know it.
    """
    if cluster is None:
        admission = _admission(tuple(sorted((levels or {}).items())))
    else:
        admission = Admission(levels, inventory_of(cluster))
    return answer(admission, webhook, document, old, **fields)


def answer(
    admission: Admission, webhook: str, document: Any, old: Any = None, deadline: float | None = None, **fields: Any
) -> Answer:
    """What a webhook of this server answers."""
    body = orjson.dumps(review(document, old, **fields))
    request = read_request(parse(body))
    before = copy.deepcopy((request.object, request.old_object))
    decision = (admission.mutate if webhook == "mutate" else admission.validate)(request, deadline)
    if admission.inventory is not None and decision.use is not None:
        admission.inventory.admitted(decision.use)
    assert (request.object, request.old_object) == before, "a rule changed the object that it read"
    response = json.loads(render(request, decision))["response"]
    patch = json.loads(base64.b64decode(response["patch"])) if "patch" in response else []
    return Answer(response, patch)


def patched(document: Document, answer: Answer) -> Document:
    """The object with the answer's patch applied."""
    result: Document = JsonPatch(answer.patch).apply(document)
    return result


@dataclass
class Admitted:
    """What an API server makes of an object: both webhooks asked, one after the other."""

    mutation: Answer
    document: Document
    validation: Answer

    @property
    def warned_by(self) -> set[str]:
        return self.mutation.warned_by | self.validation.warned_by

    @property
    def warnings(self) -> list[str]:
        return self.mutation.warnings + self.validation.warnings


def admit(
    document: Any,
    old: Any = None,
    levels: Mapping[str, str] | None = None,
    cluster: Iterable[Document] | None = None,
) -> Admitted:
    """Mutate what `/mutate` is asked about, apply the patch, validate."""
    mutation = ask("mutate", document, old, levels) if document["kind"] in INVOKERS else Answer({"allowed": True})
    assert mutation.allowed, "/mutate refuses nothing"
    stored = patched(document, mutation)
    return Admitted(mutation, stored, ask("validate", stored, old, levels, cluster))
