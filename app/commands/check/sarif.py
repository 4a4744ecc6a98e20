"""The report as SARIF 2.1.0, which code hosts and editors show."""

import json
import re
from importlib.metadata import version
from pathlib import PurePath
from typing import Any
from urllib.parse import quote

from app.commands.check.report import Report
from app.commands.check.runner import BESIDE_THE_RULES, Checked, Diagnostic, Place
from app.commands.check.text import described, with_commands
from app.domain.path import dotted
from app.domain.quoting import printable
from app.manifest.discovery import STANDARD_INPUT, Remark
from app.rules.registry import RULES, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_BRACKET = re.compile(r"(\\*)([\[\]])")
_PAGE = "https://stash.run"


def as_sarif(report: Report) -> str:
    """A log with one run. A change that the server makes is a note."""
    results = [each for checked in report.every for each in _results(checked)]
    notifications = [_notification(each, "error") for each in report.unreadable]
    notifications += [_notification(each, "note") for each in report.skipped]
    run = {
        "tool": {
            "driver": {
                "name": "stash-admission",
                "version": version("stash-admission"),
                "informationUri": _PAGE,
                "rules": [
                    *(_rule(each) for each in RULES.values()),
                    *(_beside(*each) for each in BESIDE_THE_RULES.items()),
                ],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not report.unreadable, "toolExecutionNotifications": notifications}],
        "results": results,
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


_IDS = [*RULES, *BESIDE_THE_RULES]
_LEVELS = {None: "note", "enforce": "error", "warn": "warning"}


def _rule(rule: Rule) -> dict[str, Any]:
    examples = "\n\n".join(f"{heading}:\n\n```yaml\n{example}\n```" for heading, example in rule.examples.items())
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.summary},
        "fullDescription": {"text": rule.reason},
        "help": {"text": rule.documentation, "markdown": f"{rule.reason}\n\n{examples}"},
        "defaultConfiguration": {"level": _LEVELS[rule.level]},
    }


def _beside(name: str, summary: str) -> dict[str, Any]:
    level = "warning" if summary.startswith("Warn") else "error"
    return {"id": name, "shortDescription": {"text": summary}, "defaultConfiguration": {"level": level}}


def _results(checked: Checked) -> list[dict[str, Any]]:
    results = [_result(checked, said) for said in checked.findings]
    for change in checked.changes:
        for edit, place in zip(change.edits, change.places, strict=True):
            results.append(_of(checked, change.rule, "note", described(edit), place, dotted(edit.path)))
    return results


def _result(checked: Checked, said: Diagnostic) -> dict[str, Any]:
    return _of(checked, said.rule, said.level, f"{said.path}: {with_commands(said)}", said.place, said.path)


def _of(checked: Checked, rule: str, level: str, text: str, place: Place | None, path: str) -> dict[str, Any]:
    location: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": f"{checked}: {path}", "kind": "object"}]}
    if checked.file is not None and place is not None:
        location = {"physicalLocation": _physical(checked.file, place)} | location
    return {
        "ruleId": rule,
        "ruleIndex": _IDS.index(rule),
        "level": level,
        "message": {"text": _plain(text)},
        "locations": [location],
    }


def _physical(file: str, place: Place) -> dict[str, Any]:
    region = {
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.line,
        "endColumn": place.column + place.length,
    }
    return {"artifactLocation": {"uri": _uri(file)}, "region": region}


def _notification(wrong: Remark, level: str) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": _uri(wrong.file)}}
    if wrong.line is not None:
        location["region"] = {"startLine": wrong.line, "startColumn": wrong.column}
    return {"level": level, "message": {"text": _plain(wrong.message)}, "locations": [{"physicalLocation": location}]}


def _plain(text: str) -> str:
    """A message's text. Brackets would be a link, or say what to put in their place (SARIF 2.1.0, 3.11.6)."""
    return _BRACKET.sub(r"\1\1\\\2", printable(text))


def _uri(file: str) -> str:
    """A path as a URI, relative where it is."""
    if file == STANDARD_INPUT:
        return "stdin"
    path = PurePath(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
