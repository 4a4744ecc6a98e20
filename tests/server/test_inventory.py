"""The server with an inventory: where it comes from, what it says of it, and the deadline of a call."""

import json
from pathlib import Path
from typing import Any

import pytest

from testbed.reviews import Document
from testbed.server import Door, backup, body, issue, running
from tests.support.refusal import start


def batch(name: str) -> Document:
    """A BackupBatch of one member."""
    spec = backup()["spec"]
    member = {"target": spec.pop("target")}
    document = {**backup(), "kind": "BackupBatch", "spec": {**spec, "members": [member]}}
    return {**document, "metadata": {"name": name, "namespace": "demo"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifests = tmp_path / "manifests"
    manifests.mkdir()
    (manifests / "shop.json").write_text(json.dumps(batch("shop")))
    return manifests


def response(answer: Any) -> Any:
    return answer.json()["response"]


def test_a_folder_of_manifests_is_what_the_cluster_holds(tmp_path: Path, folder: Path) -> None:
    with running(tmp_path, "--inventory", str(folder)) as server:
        refused = response(server.call(body(batch("other"))))
        assert refused["allowed"] is False
        assert "(exclusive-repository)" in refused["status"]["message"]
        assert "demo/shop" in refused["status"]["message"]
        assert response(server.call(body(batch("shop"))))["allowed"] is True, "the object itself is left out"
        metrics = server.metrics()
        assert metrics["stash_admission_inventory_objects", (("kind", "BackupBatch"),)] == 1
        assert metrics["stash_admission_inventory_age_seconds", ()] == 0


def test_without_an_inventory_nothing_is_asked_of_the_cluster_and_nothing_said(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        answer = response(server.call(body(batch("other"))))
        assert answer["allowed"] is True
        assert "warnings" not in answer


def test_what_a_replica_has_just_admitted_counts(tmp_path: Path, folder: Path) -> None:
    (folder / "shop.json").unlink()
    with running(tmp_path, "--inventory", str(folder)) as server:
        assert response(server.call(body(batch("one"), dryRun=True)))["allowed"] is True
        assert response(server.call(body(batch("two"))))["allowed"] is True
        refused = response(server.call(body(batch("three"))))
        assert refused["allowed"] is False
        assert "a moment ago" in refused["status"]["message"]


@pytest.mark.parametrize(
    "content", [None, "a: [ # stash.appscode.com", "stash.appscode.com\0"], ids=["missing", "yaml", "binary"]
)
def test_an_inventory_that_cannot_be_read_is_said(tmp_path: Path, content: str | None) -> None:
    issue(tmp_path / "certs", "localhost")
    folder = tmp_path / "manifests"
    if content is not None:
        folder.mkdir()
        (folder / "bad.yaml").write_text(content)
    refusal = start("--cert-dir", tmp_path / "certs", "--inventory", folder, "--port", "0", "--management-port", "0")
    assert refusal.exit_code == 2
    assert "--inventory" in refusal.stderr
    assert str(folder) in refusal.stderr
    assert len(refusal.stderr.splitlines()) == 1


def test_no_cluster_to_ask_is_said(tmp_path: Path) -> None:
    issue(tmp_path / "certs", "localhost")
    flags: list[str | Path] = [
        "--cert-dir",
        tmp_path / "certs",
        "--inventory",
        "cluster",
        "--port",
        "0",
        "--management-port",
        "0",
    ]
    refusal = start(*flags, KUBECONFIG=str(tmp_path / "none"), HOME=str(tmp_path))
    assert refusal.exit_code == 2
    assert "--inventory cluster" in refusal.stderr
    assert "KUBECONFIG" in refusal.stderr


def test_a_call_without_time_for_an_enforced_rule_is_neither_refused_nor_admitted() -> None:
    door = Door()
    answer = door.call(body(batch("shop")), "/validate?timeout=1ns")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    message = answer.json()["message"]
    assert "unique-alias" in message
    assert "the time for the call had run out: try again" in message
    assert "shop" not in message, "an answer to a failed call never shows the object"
    assert door.metrics()["stash_admission_bad_calls_total", (("reason", "undecided"),)] == 1


def test_mutate_makes_its_changes_however_late_it_is() -> None:
    answer = response(Door().call(body(batch("shop")), "/mutate?timeout=1ns"))
    assert answer["allowed"] is True


@pytest.mark.parametrize("query", ["", "?timeout=10s", "?timeout=", "?timeout=soon", "?timeout=-1s", "?timeout=\xff"])
def test_with_time_enough_or_no_deadline_everything_is_checked(query: str) -> None:
    document = batch("shop")
    document["spec"]["schedule"] = "0 24 * * *"
    assert response(Door().call(body(document), f"/validate{query}"))["allowed"] is False
