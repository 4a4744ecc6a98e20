"""A decision without a cluster's call: what both webhooks make of an object in a file, or of one that is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from app.admission.decision import RuleFinding
from app.admission.engine import Admission
from app.admission.review import Request
from app.domain.outcome import Edit, apply
from schemas import kinds
from schemas.defaults import defaults_of


class Subject(Protocol):
    """An object to be judged: of a file, where it has places, or of a cluster."""

    @property
    def file(self) -> str | None:
        """The file that it is in; None: in none."""

    @property
    def line(self) -> int | None:
        """The line on which it begins."""

    @property
    def kind(self) -> str:
        """One of the kinds that are judged."""

    @property
    def version(self) -> str:
        """The version of its API."""

    @property
    def namespace(self) -> str:
        """Its namespace, empty if it names none."""

    @property
    def name(self) -> str:
        """Its name, empty if it has none."""

    @property
    def value(self) -> dict[str, Any]:
        """All of it, as JSON."""


@dataclass(frozen=True)
class Answer:
    """What both webhooks make of an object."""

    edits: tuple[tuple[str, Edit], ...]
    findings: tuple[RuleFinding, ...]
    document: dict[str, Any]
    """The object as it would be stored."""
    notes: tuple[str, ...] = ()
    """Which rules were not checked, and why."""


def ask(manifest: Subject, admission: Admission, old: Mapping[str, Any] | None = None) -> Answer:
    """What both webhooks answer, the API server having filled in the defaults."""
    kind = manifest.kind
    fill = defaults_of(kinds.KINDS[kind].model).fill
    document, stored = fill(manifest.value), None if old is None else fill(old)
    mutation = admission.mutate(_request(manifest, document, stored))
    mutated = apply((edit for _, edit in mutation.edits), document)
    validation = admission.validate(_request(manifest, mutated, stored))
    return Answer(mutation.edits, mutation.findings + validation.findings, mutated, validation.notes)


def _request(manifest: Subject, document: dict[str, Any], old: dict[str, Any] | None) -> Request:
    namespace = manifest.namespace or str(((old or {}).get("metadata") or {}).get("namespace") or "")
    return Request(
        uid="check",
        operation="CREATE" if old is None else "UPDATE",
        group=kinds.GROUP,
        version=kinds.KINDS[manifest.kind].version,
        kind=manifest.kind,
        namespace=namespace,
        name=manifest.name,
        user="",
        subresource="",
        dry_run=True,
        object=document,
        old_object=old,
    )
