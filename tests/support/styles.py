"""Objects written as YAML in many styles: block and flow, quotes, comments, blank lines, anchors, CRLF."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from app.commands.fix.spelling import scalar


class Style:
    """How one document is written: every choice is drawn where it is needed."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self.step = draw(st.sampled_from([2, 2, 4, 3]))
        self.compact = draw(st.booleans())
        self._flow = draw(st.sampled_from([0, 0, 1, 5]))
        self._comments = draw(st.sampled_from([0, 1, 3]))
        self._blanks = draw(st.sampled_from([0, 0, 2]))
        self._quotes = draw(st.sampled_from([0, 1, 5]))
        self._count = 0

    def write(self, value: Any) -> str:
        """The value as a document."""
        return "".join(f"{line}\n" for line in self._lines(value, 0))

    def _often(self, weight: int) -> bool:
        return weight > 0 and self._draw(st.integers(0, 9)) < weight

    def _comment(self) -> str:
        self._count += 1
        return f"# comment {self._count}: - {{x"

    def _behind(self) -> str:
        return f"  {self._comment()}" if self._often(self._comments) else ""

    def _above(self, indent: int) -> Iterator[str]:
        if self._often(self._blanks):
            yield ""
        if self._often(self._comments):
            yield " " * indent + self._comment()

    def _lines(self, value: Any, indent: int) -> Iterator[str]:
        """A value that is no scalar, in block style."""
        if isinstance(value, dict):
            for key, item in value.items():
                yield from self._above(indent)
                yield from self._field(" " * indent + self._scalar(key) + ":", item, indent, in_list=False)
        else:
            for item in value:
                yield from self._above(indent)
                yield from self._field(" " * indent + "-", item, indent, in_list=True)

    def _field(self, head: str, value: Any, indent: int, *, in_list: bool) -> Iterator[str]:
        if not isinstance(value, dict | list) or not value or self._often(self._flow):
            yield from self._in_line(head, value, indent)
            return
        below = indent + self.step
        if isinstance(value, list) and not in_list and self.compact:
            below = indent
        if in_list and isinstance(value, dict) and not self._often(1):
            first, *rest = self._lines_without_comment_first(value, indent + 2)
            yield f"{head} {first.lstrip(' ')}"
            yield from rest
            return
        yield head + self._behind()
        yield from self._lines(value, below)

    def _lines_without_comment_first(self, value: dict[str, Any], indent: int) -> Iterator[str]:
        for number, (key, item) in enumerate(value.items()):
            if number:
                yield from self._above(indent)
            yield from self._field(" " * indent + self._scalar(key) + ":", item, indent, in_list=False)

    def _in_line(self, head: str, value: Any, indent: int) -> Iterator[str]:
        if (
            isinstance(value, str)
            and value.isascii()
            and value.isprintable()
            and value.strip() == value != ""
            and self._often(1)
        ):
            yield f"{head} {self._draw(st.sampled_from(['|-', '>-']))}"
            yield " " * (indent + self.step) + value
            return
        if isinstance(value, dict | list) and value and self._often(3):
            yield f"{head} {'{' if isinstance(value, dict) else '['}"
            inner = " " * (indent + self.step)
            items = value.items() if isinstance(value, dict) else [(None, each) for each in value]
            for key, item in items:
                name = "" if key is None else f"{self._scalar(key)}: "
                yield f"{inner}{name}{self._flowing(item)},{self._behind()}"
            yield f"{inner}{'}' if isinstance(value, dict) else ']'}{self._behind()}"
            return
        text = self._flowing(value)
        yield f"{head} {text}{self._behind()}" if text else f"{head}{self._behind()}"

    def _flowing(self, value: Any) -> str:
        if isinstance(value, dict):
            space = " " if value and self._often(3) else ""
            return (
                "{"
                + space
                + ", ".join(f"{self._scalar(k)}: {self._flowing(v)}" for k, v in value.items())
                + space
                + "}"
            )
        if isinstance(value, list):
            return f"[{', '.join(map(self._flowing, value))}]"
        return self._scalar(value)

    def _scalar(self, value: Any) -> str:
        if value is None:
            return str(self._draw(st.sampled_from(["null", "~", "Null"])))
        if not isinstance(value, str):
            return json.dumps(value)
        if self._often(self._quotes):
            return scalar(value, self._draw(st.sampled_from(['"', "'"])))
        return scalar(value)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """The value as a YAML document in some style."""
    return Style(draw).write(value)


_KINDS = st.sampled_from(["Deployment", "StatefulSet", "AppBinding", "DaemonSet"])
_RULE = st.fixed_dictionaries(
    {},
    optional={
        "targetHosts": st.lists(st.sampled_from(["app-0", "host-0", "x y"]), max_size=2),
        "sourceHost": st.sampled_from(["", "app-1", "on", "# no comment"]),
        "paths": st.lists(st.sampled_from(["/data", "/a: b", "- c"]), max_size=2),
    },
)


@st.composite
def mendable(draw: st.DrawFn) -> dict[str, Any]:
    """An object without faults, for which the mutations have much to do. Its keys are in any order."""
    kind = draw(st.sampled_from(["BackupConfiguration", "BackupBatch", "RestoreSession", "RestoreBatch"]))
    restore, batch = kind.startswith("Restore"), kind.endswith("Batch")
    members = [_member(draw, number, restore=restore) for number in range(draw(st.integers(1, 3)) if batch else 1)]
    spec: dict[str, Any] = {"members": members} if batch else members[0]
    spec |= {"repository": {"name": "repo"}}
    if not restore:
        spec |= {"schedule": "*/5 * * * *", "retentionPolicy": {"name": "keep", "keepLast": 5, "prune": True}}
    if batch and draw(st.booleans()):
        spec["maintainOrder"] = True
        if draw(st.booleans()):
            spec["executionOrder"] = None
    document = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": kind,
        "metadata": {"name": "generated", "namespace": "demo"},
        "spec": spec,
    }
    shuffled: dict[str, Any] = _shuffled(draw, document)
    return shuffled


def _member(draw: st.DrawFn, number: int, *, restore: bool) -> dict[str, Any]:
    target: dict[str, Any] = {"ref": {"apiVersion": "apps/v1", "kind": draw(_KINDS), "name": f"web{number}"}}
    alias = draw(st.sampled_from(["absent", "absent", None, "", "app"]))
    if alias != "absent":
        target["alias"] = alias
    if draw(st.booleans()):
        target["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    member: dict[str, Any] = {"target": target}
    if restore and draw(st.booleans()):
        member["rules"] = draw(st.lists(_RULE, max_size=2))
        if draw(st.booleans()):
            target["rules"] = draw(st.sampled_from([None, [], member["rules"]]))
    if draw(st.booleans()):
        member["task"] = {"name": "backup", "params": [{"name": "args", "value": "--x=1 # y"}]}
    return member


def _shuffled(draw: st.DrawFn, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _shuffled(draw, value[key]) for key in draw(st.permutations(list(value)))}
    return [_shuffled(draw, item) for item in value] if isinstance(value, list) else value
