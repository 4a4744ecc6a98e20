"""Judging every stored object, each compared with all the others."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.admission.engine import Admission
from app.admission.levels import Levels
from app.admission.offline import Subject
from app.commands.audit.damage import Damages
from app.commands.check.names import concerns
from app.commands.check.report import Report
from app.commands.check.runner import check
from app.commands.cluster.client import Api
from app.commands.cluster.snapshot import Contents, Scope, Step, read_cluster
from app.domain.kinds import KINDS
from app.inventory.folder import HELD
from app.inventory.store import KINDS as KNOWN
from app.inventory.store import Inventory
from app.manifest.discovery import Unreadable
from app.manifest.exclusions import Exclusions
from app.manifest.objects import Manifest, objects


@dataclass
class Audit:
    """What was found. A step of the work changes it; it is complete when there is none left."""

    report: Report = field(default_factory=lambda: Report(title="stash-admission audit"))
    deleting: int = 0
    """Objects that are being deleted, which were left out."""
    notes: list[str] = field(default_factory=list)
    """What was read in part only, and which rules were not checked, and why."""
    damages: Damages | None = None
    """What snapshots say of the objects, if some are given."""


def audit_cluster(
    audit: Audit, api: Api, levels: Mapping[str, str] | Levels, namespace: str | None = None
) -> Iterator[Step]:
    """Judge what a cluster holds, or one of its namespaces. Yields how far it is."""
    contents = Contents()
    yield from read_cluster(contents, api, Scope(tuple(KINDS), tuple(KNOWN), namespace))
    audit.deleting = contents.deleting
    audit.notes += contents.notes
    audit.report.unreadable += contents.unreadable
    yield from _judge(audit, contents.objects, Admission(levels, contents.inventory))
    whole = namespace is None and not contents.unreadable
    yield from _damages(audit, contents.objects, contents.inventory, whole=whole)


def audit_files(
    audit: Audit, paths: Iterable[Path], levels: Mapping[str, str] | Levels, but: Exclusions | None = None
) -> Iterator[Step]:
    """Judge what files hold: all that there is, as far as rules know. Yields how far it is."""
    inventory = Inventory(stale_after=None, confidential=False)
    found: list[Manifest] = []
    for count, each in enumerate(objects(paths, HELD, but), 1):
        if isinstance(each, Manifest):
            _sort(audit, each, inventory, found)
        else:
            audit.report.leave_out(each)
        yield Step("reading", count, None)
    for kind in KNOWN:
        inventory.complete(kind)
    yield from _judge(audit, found, Admission(levels, inventory))
    yield from _damages(audit, found, inventory, whole=not audit.report.unreadable)


def _sort(audit: Audit, manifest: Manifest, inventory: Inventory, found: list[Manifest]) -> None:
    """What an object is good for: to be judged, to be known to rules, or nothing."""
    if concerns(manifest):
        if _deleting(manifest.value):
            audit.deleting += 1
        else:
            found.append(manifest)
    elif manifest.kind not in KNOWN:
        audit.report.others += 1
    if manifest.kind in KNOWN and manifest.name:
        try:
            inventory.put(manifest.kind, manifest.value)
        except ValueError as error:
            audit.report.unreadable.append(Unreadable(manifest.file, str(error), *manifest.place(("metadata",))))


def _judge(audit: Audit, subjects: list[Any], admission: Admission) -> Iterator[Step]:
    unchecked: Counter[str] = Counter()
    each: Subject
    for count, each in enumerate(subjects, 1):
        checked = check(each, admission)
        unchecked.update(checked.notes)
        audit.report.checked.append(checked)
        yield Step("judging", count, len(subjects))
    audit.notes += (f"{note} ({count} objects)" if count > 1 else note for note, count in unchecked.items())


def _damages(audit: Audit, subjects: list[Any], inventory: Inventory, *, whole: bool) -> Iterator[Step]:
    if audit.damages is not None:
        yield from audit.damages.look(subjects, inventory, whole=whole)
        if not whole:
            audit.notes.append("not every backup was read, so hosts that none of them writes are not reported")
        audit.report.repositories += audit.damages.checked
        audit.report.unreadable += audit.damages.unreadable
        audit.report.retention = audit.damages.retention()


def _deleting(document: Mapping[str, Any]) -> bool:
    metadata = document.get("metadata")
    return isinstance(metadata, dict) and metadata.get("deletionTimestamp") is not None
