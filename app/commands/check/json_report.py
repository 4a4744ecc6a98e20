"""The report as JSON."""

import json
from typing import Any

from app.commands.check.report import Report
from app.commands.check.runner import Checked


def as_json(report: Report) -> str:
    """One object: how many were checked, what is found, what is changed."""
    result: dict[str, Any] = {
        "objects": len(report.checked),
        "findings": [finding for each in report.every for finding in _findings(each)],
        "edits": [edit for each in report.checked for edit in _edits(each)],
    }
    if report.retention is not None:
        result["retention"] = report.retention
    return json.dumps(result, indent=2)


def _findings(checked: Checked) -> list[dict[str, Any]]:
    return [
        {
            "file": checked.file,
            "line": said.place and said.place.line,
            "column": said.place and said.place.column,
            "kind": checked.kind,
            "namespace": checked.namespace,
            "name": checked.name,
            "rule": said.rule,
            "level": said.level,
            "reason": said.reason,
            "path": said.path,
            "message": said.message,
            **({"snapshots": said.snapshots, "commands": said.commands} if said.commands else {}),
        }
        for said in checked.findings
    ]


def _edits(checked: Checked) -> list[dict[str, Any]]:
    return [
        {
            "file": checked.file,
            "kind": checked.kind,
            "namespace": checked.namespace,
            "name": checked.name,
            "rule": change.rule,
            "patch": [edit.operation() for edit in change.edits],
        }
        for change in checked.changes
    ]
