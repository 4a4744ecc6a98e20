"""A user who says twice, in different words, whether members run in order is never trapped, whatever tool is used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.control_plane.installation import shipped_crds
from testbed.objects import batch_of
from tests.support.e2e.admitting import Admitting, admitting_cluster

TOOLS = ("kubectl apply", "server-side apply", "put")
TOGGLES: list[list[dict[str, Any]]] = [
    [{}, {"maintainOrder": True}, {"maintainOrder": False}, {"maintainOrder": True}, {}],
    [{"executionOrder": "Sequential"}, {"executionOrder": "Parallel"}, {"executionOrder": "Sequential"}, {}],
    [
        {"maintainOrder": True},
        {"executionOrder": "Parallel"},
        {"maintainOrder": True},
        {"executionOrder": "Sequential"},
    ],
    [{"maintainOrder": True, "executionOrder": "Sequential"}, {"maintainOrder": False, "executionOrder": "Parallel"}],
    [
        {"maintainOrder": True, "executionOrder": "Sequential"},
        {"maintainOrder": False, "executionOrder": "Sequential"},
        {"maintainOrder": False, "executionOrder": "Parallel"},
        {"maintainOrder": False, "executionOrder": "Sequential"},
        {"executionOrder": "Sequential"},
        {"maintainOrder": True, "executionOrder": "Sequential"},
    ],
]
"""What the user's manifest says of the order, one version after the other."""


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Admitting]:
    """A cluster with the CRDs that the operator ships."""
    with admitting_cluster(tmp_path_factory.mktemp("shipped"), shipped_crds()) as it:
        yield it


def last_word(versions: list[dict[str, Any]]) -> str | None:
    """What the user last said, of the two fields the one that changed last; None if nothing is said any more."""
    before: dict[str, Any] = {}
    word = None
    for now in versions:
        maintain, execution = now.get("maintainOrder"), now.get("executionOrder")
        if execution is not None and (execution != before.get("executionOrder") or maintain is None):
            word = execution
        if maintain is not None and (maintain != before.get("maintainOrder") or execution is None):
            word = "Sequential" if maintain else "Parallel"
        if maintain is None and execution is None:
            word = None
        before = now
    return word


def write(cluster: Admitting, tool: str, document: dict[str, Any], first: bool) -> None:
    if tool == "kubectl apply":
        done = cluster.apply(json.dumps(document), "--validate=false")
        assert done.returncode == 0, done.stderr
        return
    if tool == "put" and first:
        reply = cluster.objects.create(document)
    else:
        reply = cluster.objects.replace(document) if tool == "put" else cluster.objects.apply(document)
    assert reply.status in (200, 201), reply.message


@pytest.mark.parametrize("number", range(len(TOGGLES)))
@pytest.mark.parametrize("tool", TOOLS)
def test_toggling_the_order_is_never_refused_and_the_operators_field_says_the_last_word(
    admitting: Admitting, tool: str, number: int
) -> None:
    namespace = admitting.namespace(f"order-{TOOLS.index(tool)}-{number}")
    for step in range(len(TOGGLES[number])):
        versions = TOGGLES[number][: step + 1]
        document = batch_of(namespace, **versions[-1])
        write(admitting, tool, document, step == 0)
        stored = admitting.objects.get(document)["spec"]
        word = last_word(versions)
        if word is None:
            continue  # nothing is said: what another field says may remain, and a warning says so
        assert stored.get("executionOrder", "Parallel") == word, (versions, stored)


@pytest.mark.parametrize("number", range(len(TOGGLES)))
@pytest.mark.parametrize("tool", TOOLS)
def test_with_the_shipped_crds_only_the_operators_field_counts_and_nothing_is_refused(
    shipped: Admitting, tool: str, number: int
) -> None:
    namespace = shipped.namespace(f"order-{TOOLS.index(tool)}-{number}")
    for step, version in enumerate(TOGGLES[number]):
        document = batch_of(namespace, **version)
        if tool == "server-side apply":  # refuses what no schema knows, before any webhook
            document["spec"].pop("maintainOrder", None)
        write(shipped, tool, document, step == 0)
        stored = shipped.objects.get(document)["spec"]
        assert "maintainOrder" not in stored
        assert stored["executionOrder"] == version.get("executionOrder", "Parallel")


def test_with_the_shipped_crds_the_proposals_restorebatch_is_admitted_without_what_they_prune(
    shipped: Admitting,
) -> None:
    namespace = shipped.namespace("pruned")
    target = {"ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    document = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreBatch",
        "metadata": {"name": "restore", "namespace": namespace},
        "spec": {"repository": {"name": "gcs-repo"}, "members": [{"target": target, "rules": [{"paths": ["/data"]}]}]},
    }
    reply = shipped.objects.create(document)
    assert reply.status == 201, reply.message
    (member,) = reply.body["spec"]["members"]
    assert member == {"target": {**target, "alias": "host-0"}}
