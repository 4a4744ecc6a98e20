"""Aliases for members that clash: made from the names of their targets, as the refusals propose."""

from collections.abc import Iterable
from typing import Literal

from app.admission.decision import RuleFinding
from app.admission.engine import Admission
from app.admission.offline import Subject, ask
from app.domain.invoker import Invoker
from app.domain.outcome import Edit
from app.domain.path import Path
from app.domain.reading import read_invoker
from app.domain.suggestion import Suggestions

_CLASHES = ("unique-alias", "unique-host")


def clashes(found: Iterable[RuleFinding]) -> list[RuleFinding]:
    """The findings that say of two members that their data would mix."""
    return [each for each in found if each.rule in _CLASHES and each.finding.pair is not None]


def suggested(manifest: Subject, admission: Admission) -> list[Edit]:
    """What gives every member of a backup that clashes with an earlier one an alias of its own.

    What the server changes itself is not among it; an edit for the same field replaces the server's. Nothing for a
    restore: its aliases name what was backed up.
    """
    answer = ask(manifest, admission)
    later = {each.finding.path for each in clashes(answer.findings)}
    if not later or manifest.kind != "BackupBatch":
        return []
    batch = read_invoker(manifest.kind, answer.document, manifest.namespace)
    suggestions = Suggestions(batch)
    written = read_invoker(manifest.kind, manifest.value, manifest.namespace)
    return [_edit(path, batch, written, suggestions) for path in sorted(later, key=_number)]


def combined(edits: Iterable[Edit], chosen: Iterable[Edit]) -> list[Edit]:
    """All edits; where both have one for the same field, the chosen one."""
    by_path = {each.path: each for each in chosen}
    kept = [each for each in edits if each.path not in by_path]
    return [*kept, *by_path.values()]


def _edit(path: Path, batch: Invoker, written: Invoker, suggestions: Suggestions) -> Edit:
    number = _number(path)
    target = batch.members[number].target
    body = written.members[number].target
    assert target is not None  # noqa: S101  only members with a target clash
    assert body is not None  # noqa: S101  the server writes no targets
    op: Literal["add", "replace"] = "replace" if "alias" in body.body else "add"
    return Edit(op, path, suggestions.alias(target))


def _number(path: Path) -> int:
    return int(path[2])
