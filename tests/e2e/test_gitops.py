"""What a GitOps controller sees of what the server writes: `docs/operate/gitops.md` against a real API server."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from testbed.control_plane.objects import Objects
from tests.support.e2e.admitting import Admitting
from tests.support.gitops import MANIFESTS, manifest

REF = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
SPEC = {"repository": {"name": "r"}, "retentionPolicy": {"name": "k", "prune": True, "keepLast": 1}}


@pytest.fixture(scope="module")
def objects(admitting: Admitting) -> Objects:
    return admitting.objects


def document(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, "spec": {**SPEC, **spec}}


def applied_twice(objects: Objects, manifest: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stored object after the first and the second application on the server's side."""
    replies = [objects.apply(copy.deepcopy(manifest), manager="argocd-controller") for _ in range(2)]
    assert [reply.status for reply in replies] == [201, 200], [reply.message for reply in replies]
    return replies[0].body, replies[1].body


def owned(stored: dict[str, Any], manager: str) -> dict[str, Any]:
    """What a field manager owns of the spec."""
    (mine,) = (each for each in stored["metadata"]["managedFields"] if each["manager"] == manager)
    fields: dict[str, Any] = mine["fieldsV1"]["f:spec"]
    return fields


@pytest.mark.parametrize("alias", [{}, {"alias": "host-0"}], ids=["without-alias", "with-alias"])
def test_an_alias_beside_what_was_applied_to_a_target_is_stored_and_application_comes_to_rest(
    objects: Objects, alias: dict[str, str]
) -> None:
    name = "gitops-target-" + ("b" if alias else "a")
    first, second = applied_twice(objects, document("BackupConfiguration", name, target={**alias, "ref": REF}))
    assert first["spec"]["target"]["alias"] == "host-0"
    assert first["metadata"]["generation"] == second["metadata"]["generation"] == 1
    assert ("f:alias" in owned(second, "argocd-controller")["f:target"]) is bool(alias)


def test_members_are_one_atomic_list_which_the_applier_owns_as_a_whole(objects: Objects) -> None:
    first, second = applied_twice(objects, document("BackupBatch", "gitops-batch", members=[{"target": {"ref": REF}}]))
    assert first["spec"]["members"][0]["target"]["alias"] == "host-0", "Git has none: the lists differ"
    assert first["metadata"]["generation"] == second["metadata"]["generation"], "the same is stored again"
    assert owned(second, "argocd-controller")["f:members"] == {}, "atomic: nothing below it is owned on its own"


def test_what_fix_writes_is_what_is_stored(objects: Objects) -> None:
    members = [{"target": {"alias": "host-0", "ref": REF}}]
    first, second = applied_twice(objects, document("BackupBatch", "gitops-fixed", members=members))
    assert first["spec"]["members"] == second["spec"]["members"] == members


def test_an_empty_alias_is_stored_as_another_value(objects: Objects) -> None:
    manifest = document("BackupConfiguration", "gitops-empty", target={"alias": "", "ref": REF})
    first, second = applied_twice(objects, manifest)
    assert first["spec"]["target"]["alias"] == second["spec"]["target"]["alias"] == "host-0"


@pytest.mark.parametrize("what", MANIFESTS)
def test_applied_on_the_clients_side_again_and_again_nothing_changes(admitting: Admitting, what: str) -> None:
    config = manifest(what, "client-" + what.replace(" ", "-"))
    first, second = (admitting.apply(json.dumps(config)) for _ in range(2))
    assert first.returncode == second.returncode == 0, first.stderr + second.stderr
    assert admitting.objects.get(config)["metadata"]["generation"] == 1


def test_kubectl_diff_sees_nothing_since_its_dry_run_asks_the_webhooks(admitting: Admitting) -> None:
    for number, what in enumerate(MANIFESTS):
        config = manifest(what, f"diff-{number}")
        assert admitting.apply(json.dumps(config)).returncode == 0
        seen = admitting.cluster.kubectl("diff", "-f", "-", stdin=json.dumps(config))
        assert (seen.returncode, seen.stdout) == (0, ""), what
