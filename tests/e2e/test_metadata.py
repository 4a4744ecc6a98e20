"""What `check` says of metadata is what a real API server says of it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from app.admission.engine import Admission
from app.commands.check.runner import check
from app.manifest.objects import Manifest, objects_in
from app.manifest.source import Text
from testbed.control_plane.objects import Objects, Reply
from tests.support.e2e.admitting import Admitting
from tests.support.metadata import BAD, GOOD

SPEC = {"repository": {"name": "r"}, "retentionPolicy": {"name": "k", "prune": True, "keepLast": 1}}
_NAME = re.compile(r'Invalid value: "(?:[^"\\]|\\.)*"')


@pytest.fixture(scope="module")
def objects(admitting: Admitting) -> Objects:
    return admitting.objects


def asked(objects: Objects, metadata: Any) -> Reply:
    """What the API server says of an object with this metadata, which it does not keep."""
    body = {"apiVersion": "stash.appscode.com/v1beta1", "kind": "BackupConfiguration", "metadata": metadata}
    return objects.create_in("default", {**body, "spec": SPEC}, dryRun="All")


def said(metadata: Any) -> list[tuple[str, str]]:
    """What `check` says of it: fields and messages."""
    body = {"apiVersion": "stash.appscode.com/v1beta1", "kind": "BackupConfiguration", "metadata": metadata}
    (manifest,) = objects_in(Text("x.json", json.dumps({**body, "spec": SPEC})))
    assert isinstance(manifest, Manifest)
    found = check(manifest, Admission()).findings
    return [(each.path, _without_value(each.message)) for each in found if each.rule == "metadata"]


def _without_value(message: str) -> str:
    """`check` shows values in ASCII, and long ones cut."""
    return _NAME.sub("Invalid value: …", message)


@pytest.mark.parametrize("metadata", GOOD, ids=str)
def test_what_it_takes_check_takes(objects: Objects, metadata: dict[str, Any]) -> None:
    reply = asked(objects, metadata)
    assert reply.status == 201, reply.message
    assert said(metadata) == []


@pytest.mark.parametrize("metadata", [metadata for metadata, _ in BAD], ids=lambda each: str(each)[:60])
def test_what_it_refuses_check_refuses_in_the_same_words(objects: Objects, metadata: Any) -> None:
    reply, mine = asked(objects, metadata), said(metadata)
    assert reply.status in (400, 422), reply.body
    if reply.status == 400:
        told = reply.message.partition("cannot be handled as a BackupConfiguration: ")[2]
        assert told
        assert f"({told})" in mine[0][1]
        return
    causes = [(each["field"], _without_value(each["message"])) for each in reply.causes]
    assert sorted(message for _, message in mine) == sorted(message for _, message in causes)
    assert all(any(path.startswith(field) for field, _ in causes) for path, _ in mine)
