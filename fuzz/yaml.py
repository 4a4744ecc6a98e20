"""The path of files: any text is read or refused with its place, every report is well-formed, and `fix` is exact."""

import json
import re
import zlib
from collections import Counter
from io import StringIO
from xml.etree import ElementTree as Xml

from app.admission.engine import Admission
from app.commands.check import github, json_report, junit, sarif, text
from app.commands.check.names import concerns
from app.commands.check.report import Report
from app.commands.check.runner import Checked, Place, backs_up_or_restores, check
from app.commands.fix.fixer import BYTE_ORDER_MARK, fix
from app.commands.plan import json_report as plan_data
from app.commands.plan import text as plan_text
from app.commands.plan.planner import Cluster, Plan, plan
from app.commands.terminal.door import Door
from app.domain.invoker import VERSION
from app.manifest.discovery import Unreadable
from app.manifest.objects import Manifest, objects_in
from app.manifest.source import Text

_FILE = "x.yaml"
_SELDOM = 16
"""One input in so many is also shown in the forms that take long."""
_COMMENT = re.compile(r"(?<!\S)# ?\w*")


class Target:
    """What `check`, `plan` and `fix` do with a file."""

    def __init__(self) -> None:
        self._admission = Admission()
        self._cluster = Cluster({"db": 3, "web": 0}, ("node-a", "node-b"))

    def attempt(self, content: bytes) -> None:
        """Read a file. Raises AssertionError where what must hold does not, or what the code raised."""
        given = content.decode(errors="replace")
        if "\0" in given:
            return  # a binary file, which nobody reads
        file = Text(_FILE, given)
        report, plans = self._read(file)
        _check_forms(report, plans)
        if zlib.crc32(content) % _SELDOM == 0:
            _check_slow_forms(report, plans)
        self._fix(file, aliases=False)
        if report.count("error"):
            self._fix(file, aliases=True)

    def _read(self, file: Text) -> tuple[Report, list[Plan]]:
        report, plans = Report(), []
        for found in objects_in(file):
            if isinstance(found, Unreadable):
                report.unreadable.append(found)
                _check_place(file, found.line, found.column)
                continue
            if not isinstance(found, Manifest) or not concerns(found):
                continue
            checked = check(found, self._admission)
            report.checked.append(checked)
            for place in _places(checked):
                _check_place(file, place.line, place.column)
            if backs_up_or_restores(found) and found.version == VERSION:
                plans.append(plan(found, self._admission, self._cluster))
        return report, plans

    def _fix(self, file: Text, *, aliases: bool) -> None:
        fixed = fix(file, self._admission, aliases=aliases)
        if fixed.changed:
            again = fix(Text(_FILE, fixed.after), self._admission, aliases=aliases)
            assert again.after == fixed.after, "fixing twice changes more than fixing once"
            marks = any(each.rule == BYTE_ORDER_MARK for each in fixed.written)
            assert _are_kept(_sorts(file), _sorts(again.before), marks=marks), "an object is no more what it was"
            assert not _comments(file.text) - _comments(fixed.after), "a comment is gone"


def _check_forms(report: Report, plans: list[Plan]) -> None:
    """Each form of the report can be read by what it is for."""
    json.loads(json_report.as_json(report))
    json.loads(plan_data.as_json(plans))
    Xml.fromstring(junit.as_junit(report))  # noqa: S314  it is our own
    for line in github.as_github(report).split("\n"):
        assert not line or line.startswith("::"), line
    assert text.summary(report).isprintable()


def _check_slow_forms(report: Report, plans: list[Plan]) -> None:
    json.loads(sarif.as_sarif(report))
    text.show(report, _terminal())
    plan_text.show(plans, _terminal())


def _check_place(file: Text, line: int | None, column: int | None) -> None:
    """An editor can go there: at most behind the last character."""
    assert line is not None
    assert column is not None
    assert 1 <= column <= len(file.line(line)) + 1


def _places(checked: Checked) -> list[Place]:
    places = [each.place for each in checked.findings]
    places += [place for change in checked.changes for place in change.places]
    return [each for each in places if each is not None]


def _terminal() -> Door:
    return Door(file=StringIO(), width=60, force_terminal=True, legacy_windows=False)


def _sorts(file: Text) -> list[type]:
    """What is in a file: an object, another one, or something that cannot be read."""
    return [type(each) for each in objects_in(file)]


def _are_kept(before: list[type], after: list[type], *, marks: bool) -> bool:
    """Whether all that could be read still can; more can where byte order marks were removed."""
    if not marks:
        return before == after
    rest = iter(after)
    return all(each in rest for each in before if each is not Unreadable)


def _comments(given: str) -> Counter[str]:
    """What comments begin with; a text that looks like one has to be kept as well."""
    return Counter(_COMMENT.findall(given))
