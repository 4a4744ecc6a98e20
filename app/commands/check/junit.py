"""The report as JUnit XML: a suite for each file, of a cluster for each kind, with a case for each object."""

from collections import defaultdict
from xml.etree import ElementTree as Xml

from app.commands.check.report import Report
from app.commands.check.runner import Checked
from app.commands.check.text import described, where, with_commands
from app.commands.terminal.door import one_line
from app.domain.quoting import printable


def as_junit(report: Report) -> str:
    """A refused object is a failure, what cannot be read an error; warnings and changes are the case's output."""
    suites: dict[str, list[Xml.Element]] = defaultdict(list)
    for checked in report.every:
        suites[checked.file or checked.kind].append(_case(checked))
    for wrong in report.unreadable:
        case = Xml.Element("testcase", classname="unreadable", name=printable(str(wrong)))
        Xml.SubElement(case, "error", message=printable(wrong.message), type="unreadable").text = one_line(str(wrong))
        suites[wrong.file].append(case)
    for each in report.skipped:
        case = Xml.Element("testcase", classname="left out", name=printable(str(each)))
        Xml.SubElement(case, "skipped", message=printable(each.message))
        suites[each.file].append(case)
    every = [case for cases in suites.values() for case in cases]
    root = Xml.Element("testsuites", {"name": report.title, **_counts(every)})
    for file, cases in suites.items():
        suite = Xml.SubElement(root, "testsuite", {"name": printable(file), **_counts(cases)})
        suite.extend(cases)
    Xml.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="unicode")


def _case(checked: Checked) -> Xml.Element:
    name = "/".join(filter(None, (checked.namespace, checked.name))) or f"line {checked.line}"
    case = Xml.Element("testcase", classname=checked.kind, name=printable(name))
    if checked.file is not None:
        case.set("file", printable(checked.file))
        case.set("line", str(checked.line))
    errors = [each for each in checked.findings if each.level == "error"]
    if errors:
        lines = [f"{where(checked, e.place)}{e.path}: {with_commands(e)} ({e.rule})" for e in errors]
        failure = Xml.SubElement(case, "failure", message=errors[0].message, type=errors[0].rule)
        failure.text = "\n".join(map(one_line, lines))
    lines = [
        f"{where(checked, each.place)}warning: {each.path}: {with_commands(each)} ({each.rule})"
        for each in checked.findings
        if each.level == "warning"
    ]
    lines += [f"change: {described(edit)} ({change.rule})" for change in checked.changes for edit in change.edits]
    if lines:
        Xml.SubElement(case, "system-out").text = "\n".join(map(one_line, lines))
    return case


def _counts(cases: list[Xml.Element]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(each.find("failure") is not None for each in cases)),
        "errors": str(sum(each.find("error") is not None for each in cases)),
    }
