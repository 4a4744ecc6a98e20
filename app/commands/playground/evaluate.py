"""What `check`, `fix --diff` and `plan` say of a text, for the page."""

from collections.abc import Iterator
from typing import Any

from app.admission.engine import Admission
from app.commands.check.names import CHECKED
from app.commands.check.previous import Stored
from app.commands.check.report import reported
from app.commands.check.runner import Checked, Place, backs_up_or_restores
from app.commands.check.text import described as changed
from app.commands.fix.fixer import fix
from app.commands.fix.report import difference
from app.commands.plan.json_report import data
from app.commands.plan.planner import Cluster, Plan, plan
from app.commands.plan.text import restored
from app.domain.invoker import VERSION
from app.domain.quoting import printable
from app.manifest.objects import Found, Manifest, objects_in
from app.manifest.source import Text

_TEXT, _STORED = "text", "old"
"""What the two texts are called where one of them cannot be read."""


def judge(text: str, old: str, admission: Admission) -> dict[str, Any]:
    """All that there is to say of a text with objects; of those that `old` holds, as updates of it."""
    written = Text(_TEXT, text)
    stored = Stored(objects_in(Text(_STORED, old)))
    found = list(objects_in(written, CHECKED))
    *_, report = reported(found, admission, stored)
    fixed = fix(written, admission, stored=stored)
    return {
        "objects": len(report.checked),
        "refused": sum(any(each.level == "error" for each in one.findings) for one in report.checked),
        "others": report.others,
        "findings": [each for checked in report.checked for each in _findings(checked)],
        "unreadable": [
            {"where": each.file, "line": each.line, "column": each.column, "message": each.message}
            for each in report.unreadable
        ],
        "notes": [
            *dict.fromkeys(note for checked in report.checked for note in checked.notes),
            *(str(each) for each in report.skipped),
        ],
        "diff": list(difference(fixed))[2:],  # without the two lines that name files
        "written": fixed.after,
        "left": [printable(each.message) for each in fixed.left],
        "plans": [_plan(each) for each in _plans(found, admission, stored)],
    }


def _findings(checked: Checked) -> list[dict[str, Any]]:
    """Findings and changes of an object, in the order in which they are written."""
    found = [_said(checked, each.place, each.level, each.rule, each.path, each.message) for each in checked.findings]
    for change in checked.changes:
        for edit, place in zip(change.edits, change.places, strict=True):
            path, _, message = changed(edit).partition(": ")
            found.append(_said(checked, place, "change", change.rule, path, message))
    return sorted(found, key=lambda each: (each["line"], each["column"]))


def _said(checked: Checked, place: Place | None, level: str, rule: str, path: str, message: str) -> dict[str, Any]:
    assert place is not None  # noqa: S101  what is in a text has a place there
    return {
        "object": printable(str(checked)),
        "line": place.line,
        "column": place.column,
        "length": place.length,
        "level": level,
        "rule": rule,
        "path": path,
        "message": message,
    }


def _plans(found: list[Found], admission: Admission, stored: Stored) -> Iterator[Plan]:
    cluster = Cluster({}, (), admission.cluster)
    for each in found:
        if isinstance(each, Manifest) and backs_up_or_restores(each) and each.version == VERSION:
            yield plan(each, admission, cluster, stored.of(each))


def _plan(plan: Plan) -> dict[str, Any]:
    """The plan as `plan --output json` has it, with what people read of targets and rules."""
    result = data(plan) | {"refused": plan.refused}
    for steps, wave in zip(result["waves"], plan.waves, strict=True):
        for step, known in zip(steps, wave, strict=True):
            step["target"] = printable(known.target)
            for rule, fed in zip(step["rules"], known.fed, strict=True):
                rule["said"] = restored(known, fed, short=True)
    return result
