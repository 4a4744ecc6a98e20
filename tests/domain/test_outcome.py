"""Edits: how a patch names a place, and what is copied when they are applied."""

from typing import Any

import pytest
from jsonpatch import JsonPatch

from app.domain.outcome import Edit, apply
from app.domain.path import Path, dotted, pointer


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ((), ""),
        (("spec", "members", 1, "target"), "/spec/members/1/target"),
        (("a/b", "m~n", "~1"), "/a~1b/m~0n/~01"),
    ],
)
def test_a_pointer_is_escaped_as_rfc_6901_says(path: Path, written: str) -> None:
    assert pointer(path) == written


@pytest.mark.parametrize(
    ("path", "written"), [((), ""), (("spec",), "spec"), (("spec", "members", 1, "target"), "spec.members[1].target")]
)
def test_a_place_is_written_as_kubernetes_writes_it(path: Path, written: str) -> None:
    assert dotted(path) == written


class Counted(dict[str, object]):
    """An object that counts how often it and its copies are copied."""

    copies = 0

    def copy(self) -> "Counted":
        Counted.copies += 1
        return Counted(self)


def test_an_object_is_copied_once_however_many_edits_it_gets() -> None:
    Counted.copies = 0
    edits = [Edit("add", ("spec", str(number)), number) for number in range(100)]
    assert len(apply(edits, {"spec": Counted()})["spec"]) == 100
    assert Counted.copies == 1


@pytest.mark.parametrize(
    "edit",
    [
        Edit("add", ("spec", "members", 0, "alias"), "app"),
        Edit("replace", ("spec", "members", 0, "rules"), [{}]),
        Edit("replace", ("spec", "members", 0), None),
        Edit("remove", ("spec", "members", 0, "rules")),
        Edit("move", ("spec", "rules"), source=("spec", "members", 0, "rules")),
    ],
)
def test_an_edit_does_what_its_operation_says_to_any_implementation_of_json_patch(edit: Edit) -> None:
    document: dict[str, Any] = {
        "spec": {"members": [{"rules": [{"paths": ["/a"]}], "members": 1, "spec": 2}], "other": {}}
    }
    expected = JsonPatch([edit.operation()]).apply(document)
    assert apply([edit], document) == expected


def test_the_original_stays_as_it_was() -> None:
    document: dict[str, Any] = {"spec": {"members": [{"target": {}}], "other": {}}}
    result = apply([Edit("add", ("spec", "members", 0, "target", "alias"), "app")], document)
    assert result == {"spec": {"members": [{"target": {"alias": "app"}}], "other": {}}}
    assert document == {"spec": {"members": [{"target": {}}], "other": {}}}
