"""The rules that ask about the cluster, in two replicas that watch it with the rights they are installed with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane.installation import Installation
from testbed.control_plane.objects import Document
from testbed.control_plane.replicas import Replicas, backup, replicas, repository
from testbed.objects import batch_of
from testbed.patience import PATIENCE
from testbed.server import environment


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    with replicas(tmp_path_factory.mktemp("cluster-rules"), 2) as started:
        yield started


def restore(namespace: str, name: str, repository: Document, alias: str) -> Document:
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "repository": repository,
            "target": {
                "alias": alias,
                "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "rules": [{"paths": ["/data"]}],
            },
        },
    }


def rules(reply: Any) -> set[str]:
    """The rules that refused."""
    return {cause["message"].rpartition("(")[2].rstrip(")") for cause in reply.causes}


def test_a_repository_serves_one_backup_batch(place: Replicas) -> None:
    demo = place.namespace("one-to-one")
    gcs = {"name": "gcs", "namespace": demo}
    place.store(repository(demo, "gcs"), batch_of(demo, "first", repository=gcs))
    refused = place.objects.create(batch_of(demo, "second", repository=gcs))
    assert rules(refused) == {"exclusive-repository"}
    assert f"{demo}/first" in refused.message
    changed = place.objects.merge(batch_of(demo, "first"), {"spec": {"schedule": "@daily"}})
    assert changed.status == 200, "the object itself is left out"
    assert place.objects.delete(batch_of(demo, "first")).status == 200
    place.settle()
    assert place.objects.create(batch_of(demo, "second", repository=gcs)).status == 201


def test_hosts_that_clash_across_objects_and_namespaces(place: Replicas) -> None:
    demo, other = place.namespace("clash"), place.namespace("clash-other")
    shared = {"name": "shared", "namespace": demo}
    first = batch_of(demo, "first", repository=shared)
    alias = first["spec"]["members"][0]["target"]["alias"]
    place.store(repository(demo, "shared", {"from": "All"}), first)
    refused = place.objects.create(backup(other, "single", shared, alias))
    assert rules(refused) == {"repository-host"}
    assert f"{demo}/first" in refused.message
    place.store(backup(other, "one", shared, "own"))
    warned = place.objects.create(backup(other, "two", shared, "own"))
    assert warned.status == 201, "without a batch it is a warning"
    assert any("(repository-host)" in each for each in warned.warnings)


@pytest.mark.parametrize(
    ("policy", "same", "labelled", "other"),
    [
        (None, 201, 422, 422),
        ({"from": "Same"}, 201, 422, 422),
        ({"from": "All"}, 201, 201, 201),
        ({"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}, 422, 201, 422),
    ],
    ids=["none", "same", "all", "selector"],
)
def test_usage_policies_of_every_form(
    place: Replicas, request: pytest.FixtureRequest, policy: Document | None, same: int, labelled: int, other: int
) -> None:
    name = f"policy-{request.node.callspec.id}"
    expected = {
        place.namespace(name): same,
        place.namespace(f"{name}-labelled", team="shop"): labelled,
        place.namespace(f"{name}-other"): other,
    }
    place.store(repository(name, "repo", policy))
    for number, (namespace, status) in enumerate(expected.items()):
        reply = place.objects.create(backup(namespace, "app", {"name": "repo", "namespace": name}, f"alias-{number}"))
        assert reply.status == status, reply.message
        assert status == 201 or rules(reply) == {"usage-policy"}


def test_a_restore_that_nobody_backs_up_and_a_repository_that_is_not_there(place: Replicas) -> None:
    demo = place.namespace("restores")
    gcs = {"name": "gcs", "namespace": demo}
    warned = place.objects.create(backup(demo, "app", gcs, "app"))
    assert warned.status == 201
    assert any("(repository-exists)" in each for each in warned.warnings)
    place.store(repository(demo, "gcs"))
    unknown = place.objects.create(restore(demo, "typo", gcs, "ap"))
    assert unknown.status == 201
    (warning,) = [each for each in unknown.warnings if "(known-alias)" in each]
    assert '"app"' in warning
    assert place.objects.create(restore(demo, "right", gcs, "app")).warnings == []


def test_a_repository_that_moves_to_where_backups_of_another_one_are_is_warned_of(place: Replicas) -> None:
    demo = place.namespace("places")
    place.store(repository(demo, "one"), repository(demo, "two"))
    place.store(batch_of(demo, "shop", repository={"name": "one"}), batch_of(demo, "blog", repository={"name": "two"}))
    prefix = f"/{demo}/one/"
    moved = place.objects.merge(repository(demo, "two"), {"spec": {"backend": {"gcs": {"prefix": prefix}}}})
    assert moved.status == 200, moved.message
    (warning,) = [each for each in moved.warnings if "(repository-place)" in each]
    for name in (
        f"{demo}/two",
        f"{demo}/one",
        f"gs:b:/{demo}/one",
        f"BackupBatch {demo}/blog",
        f"BackupBatch {demo}/shop",
    ):
        assert name in warning
    place.settle()
    third = place.objects.create(repository(demo, "three"))
    assert (third.status, third.warnings) == (201, [])


def audited(place: Replicas, namespace: str) -> list[Document]:
    """The findings of `audit` in a namespace."""
    variables = environment(KUBECONFIG=str(place.cluster.credentials.kubeconfig("admin")))
    command = [sys.executable, "-m", "app", "audit", "--namespace", namespace, "--output", "json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert done.returncode in (0, 1), done.stderr
    findings: list[Document] = json.loads(done.stdout)["findings"]
    return findings


def test_of_a_thousand_conflicting_creates_at_once_each_replica_admits_one_at_most(place: Replicas) -> None:
    demo = place.namespace("burst")
    place.store(repository(demo, "gcs"))
    conflicting = [
        batch_of(demo, f"batch-{number}", repository={"name": "gcs", "namespace": demo}) for number in range(1000)
    ]
    with ThreadPoolExecutor(32) as pool:
        replies = list(pool.map(place.objects.create, conflicting))
    admitted = [reply for reply in replies if reply.status == 201]
    assert 1 <= len(admitted) <= len(place.replicas)
    assert {reply.status for reply in replies} == {201, 422}
    assert all(rules(reply) == {"exclusive-repository"} for reply in replies if reply.status == 422)
    # What both have admitted, `audit` finds, each naming another.
    found = {each["name"] for each in audited(place, demo) if each["rule"] == "exclusive-repository"}
    stored = {reply.body["metadata"]["name"] for reply in admitted}
    assert found == (stored if len(stored) > 1 else set())


def test_replicas_show_what_they_hold_and_how_old_it_is(place: Replicas) -> None:
    for replica in place.replicas:
        metrics = replica.metrics()
        assert metrics["stash_admission_inventory_objects", (("kind", "Repository"),)] > 0
        assert 0 <= metrics["stash_admission_inventory_age_seconds", ()] < 120
        assert replica.manage("/readyz").text == "ok\n"


def test_without_the_right_to_watch_objects_are_admitted_and_users_told(place: Replicas, tmp_path: Path) -> None:
    demo = place.namespace("no-rights")
    variables = {"KUBECONFIG": str(place.cluster.credentials.kubeconfig("guest"))}
    installation = Installation(place.cluster, tmp_path)
    with installation.serving(tmp_path, "--inventory", "cluster", variables=variables) as server:
        ready = server.manage("/readyz").text
        assert ready.startswith("ok\n")
        assert "forbidden" in ready
        installation.register(server.port)
        reply = place.objects.create(batch_of(demo, "shop"))
        assert reply.status == 201, reply.message
        assert any("not checked" in each and "exclusive-repository" in each for each in reply.warnings)
