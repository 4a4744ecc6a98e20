"""A decision as the AdmissionReview that the API server accepts, and as the user reads it."""

import base64
from collections.abc import Iterable
from itertools import chain, islice
from typing import Any

import orjson

from app.admission.decision import Decision, RuleFinding
from app.admission.review import Request
from app.domain.path import dotted
from app.domain.quoting import printable
from schemas.admissionreview import API_VERSION, AdmissionResponse, StatusCause

_MAX_CAUSES = 1_000
_MAX_MESSAGE_LINES = 20
_MAX_WARNINGS = 15
_MAX_WARNING_CHARS = 256
_MAX_CHARS_OF_WARNINGS = 4_096
"""The API server cuts each warning to 256 characters where all together are longer, and drops what is then too much."""


_ALLOWED = b'{"apiVersion":"%s","kind":"AdmissionReview","response":{"uid":%%s,"allowed":true}}' % API_VERSION.encode()
"""Most answers by far."""


def render(request: Request, decision: Decision) -> bytes:
    """The answer to the request, as JSON."""
    if decision.plain:
        return _ALLOWED % orjson.dumps(request.uid)
    response: AdmissionResponse = {"uid": request.uid, "allowed": decision.allowed}
    if decision.edits:
        patch = orjson.dumps([edit.operation() for _, edit in decision.edits])
        response["patch"] = base64.b64encode(patch).decode()
        response["patchType"] = "JSONPatch"
    refusals = [each for each in decision.findings if each.refuses]
    if refusals:
        response["status"] = _status(request, refusals)
    warnings = _warnings(decision)
    if warnings:
        response["warnings"] = warnings
    annotations = _annotations(decision)
    if annotations:
        response["auditAnnotations"] = annotations
    return orjson.dumps({"apiVersion": API_VERSION, "kind": "AdmissionReview", "response": response})


def _status(request: Request, refusals: list[RuleFinding]) -> Any:
    lines = [_line(each) for each in refusals[:_MAX_MESSAGE_LINES]]
    message = lines[0]
    if len(lines) > 1:
        at_least = _at_least(refusals)
        message = f"{at_least}{len(refusals)} findings:\n" + "\n".join(f"* {line}" for line in lines)
        if len(refusals) > _MAX_MESSAGE_LINES:
            message += f"\nand {at_least}{len(refusals) - _MAX_MESSAGE_LINES} more"
    return {
        "status": "Failure",
        "message": message,
        "reason": "Invalid",
        "code": 422,
        "details": {
            "name": request.name,
            "group": request.group,
            "kind": request.kind,
            "causes": [_cause(each) for each in refusals[:_MAX_CAUSES]],
        },
    }


def _cause(found: RuleFinding) -> StatusCause:
    finding = found.finding
    return {
        "reason": finding.reason,
        "message": printable(f"{finding.message} ({found.rule})"),
        "field": printable(dotted(finding.path)),
    }


def _line(found: RuleFinding) -> str:
    stored = " [not refused: the stored object already has this problem]" if found.preexisting else ""
    return printable(f"{dotted(found.finding.path)}: {found.finding.message} ({found.rule}){stored}")


def _at_least(found: list[RuleFinding]) -> str:
    """Whether there may be more than these, of a rule that was not asked for more."""
    return "at least " if any(each.last for each in found) else ""


def _warnings(decision: Decision) -> list[str]:
    """As many as the API server takes. A message that is not shown is not made."""
    found = [each for each in decision.findings if not each.refuses]
    lines = chain(map(printable, decision.notes), map(_line, found))
    number, size, shown = len(decision.notes) + len(found), 0, list[str]()
    for line in lines:
        shown.append(line)
        size += len(line)
        if size > _MAX_CHARS_OF_WARNINGS:
            break
    else:
        return shown
    shown = [*shown, *islice(lines, max(_MAX_WARNINGS - len(shown), 0))][:_MAX_WARNINGS]
    kept = [text if len(text) <= _MAX_WARNING_CHARS else f"{text[: _MAX_WARNING_CHARS - 1]}…" for text in shown]
    if number > _MAX_WARNINGS:
        kept.append(f"and {_at_least(found)}{number - _MAX_WARNINGS} more warnings")
    return kept


def _annotations(decision: Decision) -> dict[str, str | None]:
    """For the audit log, which rules acted; the API server puts the webhook's name in front of the keys."""
    acts = {
        "mutated-by": (rule for rule, _ in decision.edits),
        "refused-by": (each.rule for each in decision.findings if each.refuses),
        "warned-by": (each.rule for each in decision.findings if not each.refuses),
        "not-checked": decision.unchecked,
    }
    joined = {key: _joined(rules) for key, rules in acts.items()}
    return {key: rules for key, rules in joined.items() if rules}


def _joined(rules: Iterable[str]) -> str:
    return ",".join(dict.fromkeys(rules))
