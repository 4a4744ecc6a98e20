"""What becomes of an object in a file: what the API server does before, what both webhooks answer, and where."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from app.admission.decision import RuleFinding
from app.admission.engine import Admission
from app.admission.offline import Subject, ask
from app.commands.check.metadata import metadata_faults
from app.commands.check.names import API_VERSION, KIND, misnamed
from app.commands.check.unknown_fields import unknown_fields
from app.commands.check.wording import FIELD_TYPE, as_written, wrong_values
from app.domain.damage import FINDINGS
from app.domain.invoker import INVOKERS
from app.domain.outcome import Edit, Finding, Reason
from app.domain.path import Path, dotted
from app.domain.quoting import printable, quoted
from app.manifest.nodes import Scalar, behind
from app.manifest.objects import Manifest
from app.manifest.positions import locate
from app.rules.registry import RULES
from schemas import kinds

_VARIABLE = re.compile(r"\$[{(A-Za-z_]|%%|@[A-Z_]+@")
"""As a shell has it, Flux, Kustomize (`$(APP)`), and what `sed` puts in."""
UNKNOWN_FIELD, METADATA, SAME_OBJECT = "unknown-field", "metadata", "same-object"
BESIDE_THE_RULES = {
    METADATA: "Refuse metadata that the API server refuses: names, labels, annotations, finalizers.",
    UNKNOWN_FIELD: "Warn about a field that the CRD does not have: the API server drops it.",
    API_VERSION: "Refuse an API version that the kind does not have.",
    KIND: "Refuse a kind that differs from one of ours by its spelling alone, or none at all.",
    SAME_OBJECT: "Warn about an object that another one of the same run replaces.",
    **FINDINGS,
}
"""What no webhook says: the API server does, before it asks one, or the snapshots of a repository do."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is in a file: line and column of its first character, and how long it is, at most one line."""

    line: int
    column: int
    length: int
    source: str
    """The whole line."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """A finding as users read it, and where it is written."""

    rule: str
    level: Literal["error", "warning"]
    reason: str
    path: str
    """The server's: `spec.target.rules[0]`, also where the user wrote `spec.rules[0]`."""
    message: str
    place: Place | None
    """None where the object is in no file."""
    snapshots: tuple[str, ...] = ()
    """Of what was found in a repository: its snapshots."""
    commands: tuple[str, ...] = ()
    """What would mend it, in a shell."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one rule changes, and where."""

    rule: str
    edits: tuple[Edit, ...]
    places: tuple[Place | None, ...]
    """Where each edit acts; None where the object is in no file."""


@dataclass(frozen=True, slots=True)
class Checked:
    """An object and all that the server would say of it."""

    file: str | None
    """None: it is in no file, but in a cluster."""
    line: int | None
    kind: str
    namespace: str
    name: str
    findings: tuple[Diagnostic, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    """Which rules were not checked, and why."""

    def __str__(self) -> str:
        """For messages: `BackupBatch demo/shop`."""
        return f"{self.kind} {'/'.join(filter(None, (self.namespace, self.name)))}".rstrip()


def backs_up_or_restores(manifest: Manifest) -> bool:
    """Whether an object is of one of the kinds that `/mutate` is asked about, in whatever version."""
    return manifest.kind in INVOKERS


def check(
    manifest: Subject,
    admission: Admission,
    old: Mapping[str, Any] | None = None,
    same: Iterable[Finding] = (),
) -> Checked:
    """The object judged as new, or as an update of `old`, the stored one.

    `same` says that it is there more than once.
    """
    about = manifest.file, manifest.line, manifest.kind, manifest.namespace, manifest.name
    version = kinds.KINDS[manifest.kind].version
    if manifest.version != version:
        what = f"has no version {quoted(manifest.version)}" if manifest.version else "needs a version"
        message = f"{manifest.kind} {what}: write {kinds.GROUP}/{version}"
        finding = Finding(("apiVersion",), Reason.NOT_SUPPORTED, message)
        return Checked(*about, findings=(_said(manifest, RuleFinding(API_VERSION, finding, refuses=True), ()),))
    before = list(_before_the_webhooks(manifest)) if isinstance(manifest, Manifest) else []
    before += [RuleFinding(SAME_OBJECT, each, refuses=False) for each in same]
    answer = ask(manifest, admission, old)
    edits = [edit for _, edit in answer.edits]
    wrong = wrong_values(manifest, answer) if isinstance(manifest, Manifest) else {}
    findings = tuple(_said(manifest, each, edits, wrong) for each in (*before, *answer.findings))
    return Checked(*about, findings, tuple(_changes(manifest, answer.edits)), answer.notes)


def check_name(manifest: Manifest) -> Checked | None:
    """What is wrong with the kind or the API of an object that is meant to be ours; None: it is not."""
    found = [RuleFinding(rule, finding, refuses=True) for rule, finding in misnamed(manifest)]
    if not found:
        return None
    about = manifest.file, manifest.line, manifest.kind or "object", manifest.namespace, manifest.name
    return Checked(*about, findings=tuple(_said(manifest, each, ()) for each in found))


def _before_the_webhooks(manifest: Manifest) -> Iterator[RuleFinding]:
    """What the API server says of an object that is no cluster's yet."""
    for each in metadata_faults(manifest):
        yield RuleFinding(METADATA, each, refuses=True)
    for each in unknown_fields(manifest.kind, manifest.value):
        yield RuleFinding(UNKNOWN_FIELD, each, refuses=False)


def _said(
    manifest: Subject, found: RuleFinding, edits: Sequence[Edit], wrong: Mapping[Path, str] = MappingProxyType({})
) -> Diagnostic:
    finding = found.finding
    written = wrong.get(finding.path) if found.rule == FIELD_TYPE else None
    message = finding.message if written is None else written
    note = " [not refused: the stored object already has this problem]" if found.preexisting else ""
    return Diagnostic(
        rule=found.rule,
        level="error" if found.refuses else "warning",
        reason=finding.reason.value,
        path=printable(dotted(finding.path)),
        message=printable(message) + _hint(manifest, as_written(finding.path, edits)) + note,
        place=place_in(manifest, as_written(finding.path, edits)),
    )


def _hint(manifest: Subject, path: Path) -> str:
    """What to do where the value is none yet: a variable, or a part of a template."""
    node = behind(locate(manifest.node, path).node) if isinstance(manifest, Manifest) else None
    if not isinstance(node, Scalar):
        return ""
    if _VARIABLE.search(node.text):
        return "; substitute the variables first, such as with envsubst, and check the result"
    return "; render the template first, and check the result" if "{{" in node.text else ""


def _changes(manifest: Subject, edits: Sequence[tuple[str, Edit]]) -> Iterator[Change]:
    for rule in RULES:
        mine = tuple(edit for name, edit in edits if name == rule)
        if mine:
            places = tuple(place_in(manifest, edit.source or edit.path) for edit in mine)
            yield Change(rule, mine, places)


def place_in(manifest: Subject, path: Path) -> Place | None:
    """Where a field is in a file; None for an object that is in none."""
    if not isinstance(manifest, Manifest):
        return None
    found = locate(manifest.node, path)
    line, column = manifest.text.place(found.start)
    source = manifest.text.line(line)
    length = min(found.end - found.start, len(source) - column + 1)
    return Place(line, column, max(length, 1), source)
