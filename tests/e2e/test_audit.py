"""`audit` of a real cluster: what it holds already, whoever admitted it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from xml.etree import ElementTree as Xml

import pytest

from app.admission.engine import Admission
from app.commands.audit.runner import Audit, audit_cluster
from app.inventory.folder import inventory_of
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import GUEST
from testbed.control_plane.history import forget
from testbed.control_plane.installation import crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.reviews import answer
from tests.support.e2e.stored import Holding, Page, aliased, batch_of, said, without_alias

REPOSITORY = {
    "apiVersion": "stash.appscode.com/v1alpha1",
    "kind": "Repository",
}


@pytest.fixture(scope="module")
def bare() -> Iterator[Holding]:
    with Cluster(binaries.find_or_build()) as cluster:
        it = Holding(cluster, Objects(cluster))
        yield it
        it.objects.close()


@pytest.fixture(scope="module")
def empty(bare: Holding) -> list[subprocess.CompletedProcess[str]]:
    """What is said of a cluster that has no CRDs yet."""
    return [bare.run("audit"), bare.run("backfill", "--dry-run")]


@pytest.fixture(scope="module")
def holding(bare: Holding, empty: list[subprocess.CompletedProcess[str]]) -> Holding:  # noqa: ARG001  first that
    define(bare.cluster, crds())
    return bare


def repository(namespace: str, name: str) -> Document:
    backend = {"storageSecretName": "secret", "gcs": {"bucket": "bucket", "prefix": f"{namespace}/{name}"}}
    return {**REPOSITORY, "metadata": {"name": name, "namespace": namespace}, "spec": {"backend": backend}}


def batches(namespace: str) -> tuple[Document, Document]:
    """Two BackupBatches for one Repository."""
    first = aliased(batch_of(namespace, "shop", ("Deployment", "shop"), repository="gcs-repo"), "shop")
    second = aliased(batch_of(namespace, "blog", ("Deployment", "blog"), repository="gcs-repo"), "blog")
    return first, second


def test_two_batches_that_two_replicas_both_admitted_are_found(holding: Holding) -> None:
    namespace = holding.namespace("both")
    documents = batches(namespace)
    for each in documents:
        replica = Admission({}, inventory_of([repository(namespace, "gcs-repo")]))  # it has not heard of the other
        assert answer(replica, "validate", each).allowed
    holding.store(repository(namespace, "gcs-repo"), *documents)
    found = holding.audited("-n", namespace, code=1)
    assert found["objects"] == 3
    by_name = {each["name"]: each for each in found["findings"]}
    assert {each["rule"] for each in found["findings"]} == {"exclusive-repository"}
    assert "is already used by BackupBatch both/blog" in by_name["shop"]["message"]
    assert "is already used by BackupBatch both/shop" in by_name["blog"]["message"]
    text = holding.run("audit", "-n", namespace)
    assert text.returncode == 1
    lines = text.stdout.splitlines()
    assert lines[0].startswith("BackupBatch both/blog: error: spec.repository.name: Repository ")
    assert lines[-1] == "3 objects audited: 2 would be refused, 0 warned of, 0 changed"


def test_objects_of_all_kinds_are_judged_as_if_they_were_created_today(holding: Holding) -> None:
    namespace = holding.namespace("kinds")
    backup = without_alias(namespace, "web", schedule="0 24 * * *")
    restore = {**backup, "kind": "RestoreSession"}
    restore["spec"] = {"repository": {"name": "repo-web"}, "target": backup["spec"]["target"], "rules": [{}]}
    restore["spec"]["target"] = {key: value for key, value in restore["spec"]["target"].items() if key != "paths"}
    targets = batch_of(namespace, "all", ("Deployment", "a"), ("Deployment", "b"))
    restores = {**targets, "kind": "RestoreBatch"}
    restores["spec"] = {"repository": {"name": "repo-all"}, "members": targets["spec"]["members"]}
    bad = repository(namespace, "repo-web")
    bad["spec"]["backend"]["b2"] = {"bucket": "bucket"}
    holding.store(backup, restore, targets, restores, bad)
    found = holding.audited("-n", namespace, code=1)
    assert found["objects"] == 5
    rules = {(each["kind"], each["rule"]) for each in found["findings"] if each["level"] == "error"}
    assert rules == {
        ("BackupConfiguration", "valid-schedule"),
        ("BackupBatch", "unique-alias"),
        ("RestoreBatch", "unique-alias"),
        ("Repository", "one-backend"),
    }
    assert ("RestoreSession", "move-rules") in {(each["kind"], each["rule"]) for each in found["edits"]}
    assert {each["file"] for each in found["findings"]} == {None}


def test_what_is_being_deleted_is_left_out_and_counted(holding: Holding) -> None:
    namespace = holding.namespace("deleting")
    shop, blog = batches(namespace)
    blog["metadata"]["finalizers"] = ["stash.appscode.com/kept"]
    holding.store(repository(namespace, "gcs-repo"), shop, blog)
    assert holding.objects.delete(blog).status == 200
    done = holding.run("audit", "-n", namespace)
    assert done.returncode == 0
    expected = "2 objects audited: 0 would be refused, 0 warned of, 0 changed; 1 object being deleted left out\n"
    assert done.stdout == expected


def test_a_namespace_is_compared_with_all_the_others(holding: Holding) -> None:
    one, other = holding.namespace("one"), holding.namespace("other")
    (shop, _), (_, blog) = batches(one), batches(other)
    blog["spec"]["repository"]["namespace"] = one
    shared = repository(one, "gcs-repo")
    shared["spec"] = {**shared["spec"], "usagePolicy": {"allowedNamespaces": {"from": "All"}}}
    holding.store(shared, shop, blog)
    found = holding.audited("-n", one, code=1)
    assert found["objects"] == 2
    assert "BackupBatch other/blog" in found["findings"][0]["message"]


def test_every_output_says_the_same(holding: Holding) -> None:
    namespace = holding.namespace("outputs")
    holding.store(repository(namespace, "gcs-repo"), *batches(namespace))
    github = holding.run("audit", "-n", namespace, "--output", "github").stdout.splitlines()
    assert len(github) == 2
    assert github[0].startswith("::error title=exclusive-repository::BackupBatch outputs/blog: spec.repository.name: ")
    root = Xml.fromstring(holding.run("audit", "-n", namespace, "--output", "junit").stdout)  # noqa: S314
    assert (root.attrib["tests"], root.attrib["failures"]) == ("3", "2")
    log = json.loads(holding.run("audit", "-n", namespace, "--output", "sarif").stdout)
    assert [each["ruleId"] for each in log["runs"][0]["results"]] == ["exclusive-repository"] * 2
    warned = holding.run("audit", "-n", namespace, "--rule", "exclusive-repository=warn")
    assert warned.returncode == 0
    assert "0 would be refused, 2 warned of" in warned.stdout


# --- rights


def test_without_rights_it_says_what_cannot_be_read(holding: Holding) -> None:
    done = holding.run("audit", user=GUEST)
    assert done.returncode == 2
    for resource in ("backupconfigurations", "backupbatches", "restoresessions", "restorebatches", "repositories"):
        assert f"Error: {resource}.stash.appscode.com: cannot be read: " in done.stderr
    assert 'User "guest" cannot list resource "namespaces"' in done.stderr
    assert done.stdout == "0 objects audited: 0 would be refused, 0 warned of, 0 changed\n"


def test_the_role_that_is_shipped_is_enough(holding: Holding) -> None:
    namespace = holding.namespace("role")
    holding.store(repository(namespace, "gcs-repo"), *batches(namespace))
    with holding.granted("audit"):
        done = holding.run("audit", "-n", namespace, user=GUEST)
    assert (done.returncode, done.stderr) == (1, "")
    assert "2 would be refused" in done.stdout


def test_the_role_in_one_namespace_is_enough_for_that_namespace(holding: Holding) -> None:
    namespace = holding.namespace("lonely")
    holding.store(repository(namespace, "gcs-repo"), *batches(namespace))
    with holding.granted("audit", namespace):
        done = holding.run("audit", "-n", namespace, user=GUEST)
        everywhere = holding.run("audit", user=GUEST)
    assert done.returncode == 1
    assert "2 would be refused" in done.stdout
    warnings = done.stderr.splitlines()
    assert len(warnings) == 4
    assert warnings[1] == (
        "Warning: only the backupbatches.stash.appscode.com of namespace lonely may be read: "
        "those in others are not compared"
    )
    assert everywhere.returncode == 2


def test_a_kind_that_cannot_be_read_keeps_nobody_from_reading_the_others(holding: Holding) -> None:
    namespace = holding.namespace("partly")
    holding.store(repository(namespace, "gcs-repo"), *batches(namespace))
    with holding.granted("backfill"):
        done = holding.run("audit", "-n", namespace, user=GUEST)
    assert done.returncode == 2
    assert "2 would be refused" in done.stdout
    assert "Error: repositories.stash.appscode.com: cannot be read: " in done.stderr
    why = (
        "repository-exists, usage-policy: not checked, since the Repositories of the cluster are not known (2 objects)"
    )
    assert f"Warning: {why}" in done.stderr or "are not known" in done.stderr


def test_a_namespace_that_does_not_exist_is_told(holding: Holding) -> None:
    done = holding.run("audit", "-n", "nowhere")
    assert done.returncode == 2
    assert done.stderr == "Error: nowhere: the namespace does not exist\n"


# --- many objects, and clusters that are not as they should be


def test_objects_on_many_pages_are_all_judged_also_when_the_list_expires(holding: Holding) -> None:
    namespace = holding.namespace("many")
    count = 300
    holding.store(*(aliased(without_alias(namespace, f"web-{i}"), "app") for i in range(count)))
    connection = holding.api()
    pages = connection.pages("BackupConfiguration")
    first = next(pages)
    assert first.first
    assert len(first.items) < count
    (late,) = holding.store(without_alias(namespace, "late"))
    forget(holding.cluster, int(late["metadata"]["resourceVersion"]))
    rest = list(pages)
    assert [each.first for each in rest] == [True, *[False] * (len(rest) - 1)]
    names = {item["metadata"]["name"] for page in rest for item in page.items}
    assert names >= {"late", *(f"web-{i}" for i in range(count))}
    audit = Audit()
    steps = list(audit_cluster(audit, connection, {}, namespace))
    connection.close()
    assert len(audit.report.checked) == count + 1
    assert len({each.name for each in audit.report.checked}) == count + 1
    totals = [each.total for each in steps if each.doing == "reading backupconfigurations"]
    assert all(total is not None and total > count for total in totals)


def test_a_cluster_without_stash_is_told(empty: list[subprocess.CompletedProcess[str]]) -> None:
    for done in empty:
        assert done.returncode == 2
        assert "it has none of these kinds of stash.appscode.com: install Stash" in done.stderr


def test_the_page_shows_what_it_really_says(holding: Holding) -> None:
    page = Page.read("cli/audit.md")
    holding.namespace("demo")
    holding.store(*page.objects())
    command, output = page.transcript("audit")
    assert said(holding, command) == output
