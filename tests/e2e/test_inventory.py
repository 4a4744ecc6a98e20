"""The inventory of a real cluster: what it learns, and what becomes of it when the API server or the way to it fails.

No webhook is registered here: what is stored is stored, and the decision is asked of the server's own functions.
"""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from app.admission.engine import Admission
from app.inventory import reflector, store
from app.inventory.folder import inventory_of
from app.inventory.informer import LiveInventory
from app.inventory.store import Inventory
from kube import kubeconfig
from testbed.cases import cases
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import ADMIN, GUEST
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.history import forget
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.control_plane.proxy import Proxy, proxied
from testbed.objects import REPOSITORY, SELECTOR, batch, numbered
from testbed.patience import PATIENCE, eventually
from testbed.reviews import answer, ask
from tests.support.e2e.standin import Answer, Call, standing_in


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with Cluster(binaries.find_or_build()) as it:
        define(it, crds())
        yield it


@pytest.fixture(scope="module")
def objects(cluster: Cluster) -> Iterator[Objects]:
    it = Objects(cluster)
    yield it
    it.close()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A namespace of the test's own."""
    name = request.node.name.replace("_", "-").removeprefix("test-")[:50].strip("-")
    done = cluster.kubectl("create", "namespace", name)
    assert done.returncode == 0, done.stderr
    return str(name)


class Watched:
    """An inventory that is kept up to date, and what was said about it."""

    def __init__(self, cluster: Cluster, user: str = ADMIN, port: int | None = None) -> None:
        config = kubeconfig.load(str(cluster.credentials.kubeconfig(user)))
        if port is not None:
            config = replace(config, server=f"https://127.0.0.1:{port}")
        self.inventory = Inventory()
        self.told: list[tuple[str, str]] = []
        self.live = LiveInventory(self.inventory, config, lambda *what: self.told.append(what))

    def refuses(self, document: Document) -> bool:
        """Whether an object would be refused now. It is a dry run, so it leaves no trace."""
        return not answer(Admission({}, self.inventory), "validate", document, dryRun=True).allowed


@contextlib.contextmanager
def watching(cluster: Cluster, user: str = ADMIN, port: int | None = None) -> Iterator[Watched]:
    it = Watched(cluster, user, port)
    it.live.start()
    try:
        yield it
    finally:
        it.live.stop()
        eventually(lambda: not [each for each in threading.enumerate() if each.name.startswith("inventory of")])


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server is ready when it knows what it may know, however long that takes."""
    monkeypatch.setattr(store, "FIRST_SYNC", float("inf"))


def synced(watched: Watched) -> None:
    eventually(
        lambda: watched.inventory.not_ready() is None and watched.inventory.remark() is None,
        says=watched.inventory.remark,
    )


def placed(document: Document, namespace: str) -> Document:
    return {**document, "metadata": {**document["metadata"], "namespace": namespace}}


def create(objects: Objects, *documents: Document) -> None:
    for document in documents:
        reply = objects.create(document)
        assert reply.status == 201, reply.message


def test_what_was_there_before_and_what_comes_changes_and_goes_is_known(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    first, second = (
        placed(batch("first", repository="one"), namespace),
        placed(batch("second", repository="two"), namespace),
    )
    taker = placed(batch("taker", "new", repository="one"), namespace)
    late = placed(batch("taker", "new", repository="two"), namespace)
    create(objects, first)
    with watching(cluster) as watched:
        synced(watched)
        assert watched.refuses(taker)
        create(objects, second)
        eventually(lambda: watched.refuses(late))
        objects.merge(second, {"spec": {"repository": {"name": "three"}}})
        eventually(lambda: not watched.refuses(late))
        objects.delete(first)
        eventually(lambda: not watched.refuses(taker))
    assert {fault for _, fault in watched.told} == {""}


def test_a_policy_and_the_labels_of_a_namespace_are_followed(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    repository = placed({**REPOSITORY, "spec": {"usagePolicy": {"allowedNamespaces": SELECTOR}}}, "default")
    create(objects, repository)
    user = placed(batch("user"), namespace)
    user["spec"]["repository"] = {"name": "gcs-repo", "namespace": "default"}
    with watching(cluster) as watched:
        synced(watched)
        assert watched.refuses(user)
        cluster.kubectl("label", "namespace", namespace, "team=shop")
        eventually(lambda: not watched.refuses(user))
        objects.merge(repository, {"spec": {"usagePolicy": {"allowedNamespaces": {"from": "Same"}}}})
        eventually(lambda: watched.refuses(user))
        objects.merge(repository, {"spec": {"usagePolicy": {"allowedNamespaces": {"from": "All"}}}})
        eventually(lambda: not watched.refuses(user))
    objects.delete(repository)


def test_an_object_that_waits_for_a_finalizer_holds_its_repository_no_more(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    dying = placed(batch("dying", finalizers=["stash.appscode.com/test"]), namespace)
    create(objects, dying)
    with watching(cluster) as watched:
        synced(watched)
        assert watched.refuses(placed(batch("heir", "new"), namespace))
        objects.delete(dying)
        assert objects.get(dying)["metadata"]["deletionTimestamp"]
        eventually(lambda: not watched.refuses(placed(batch("heir", "new"), namespace)))
    objects.merge(dying, {"metadata": {"finalizers": None}})


def test_a_restart_of_the_api_server_is_survived(cluster: Cluster, objects: Objects, namespace: str) -> None:
    create(objects, placed(batch("before", repository="one"), namespace))
    with watching(cluster) as watched:
        synced(watched)
        cluster.apiserver_stop()
        eventually(lambda: watched.inventory.remark() is not None)
        assert watched.refuses(placed(batch("taker", "new", repository="one"), namespace)), "what was known is kept"
        cluster.apiserver_start()
        objects.delete(placed(batch("before"), namespace))
        create(objects, placed(batch("after", repository="two"), namespace))
        eventually(lambda: watched.refuses(placed(batch("taker", "new", repository="two"), namespace)))
        eventually(lambda: not watched.refuses(placed(batch("taker", "new", repository="one"), namespace)))
        eventually(lambda: watched.inventory.remark() is None)


def through(cluster: Cluster) -> contextlib.AbstractContextManager[Proxy]:
    return proxied(urlsplit(cluster.server).port or 0)


def test_changes_while_the_connection_is_down_are_caught_up_with(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    create(objects, placed(batch("before", repository="one"), namespace))
    with through(cluster) as proxy, watching(cluster, port=proxy.port) as watched:
        synced(watched)
        proxy.cut()
        eventually(lambda: watched.inventory.remark() is not None)
        objects.delete(placed(batch("before"), namespace))
        create(objects, placed(batch("after", repository="two"), namespace))
        proxy.resume()
        eventually(lambda: watched.refuses(placed(batch("taker", "new", repository="two"), namespace)))
        eventually(lambda: not watched.refuses(placed(batch("taker", "new", repository="one"), namespace)))


def test_changes_that_the_api_server_has_forgotten_are_listed_anew(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    create(objects, placed(batch("before", repository="one"), namespace))
    with through(cluster) as proxy, watching(cluster, port=proxy.port) as watched:
        synced(watched)
        known = int(objects.get(placed(batch("before"), namespace))["metadata"]["resourceVersion"])
        proxy.cut()
        objects.delete(placed(batch("before"), namespace))
        for number in range(5):
            create(objects, placed(batch(f"after-{number}", repository=f"new-{number}"), namespace))
        last = int(objects.get(placed(batch("after-4"), namespace))["metadata"]["resourceVersion"])
        forget(cluster, last)
        assert expired(cluster, known)
        proxy.resume()
        eventually(lambda: watched.refuses(placed(batch("taker", "new", repository="new-4"), namespace)))
        # Nobody told that this one is gone: the new list does not have it.
        assert not watched.refuses(placed(batch("taker", "new", repository="one"), namespace)), (
            "gone, and nobody said so"
        )
        eventually(lambda: watched.inventory.remark() is None)


def expired(cluster: Cluster, version: int) -> bool:
    """Whether a watch from this version is refused."""
    path = f"/apis/stash.appscode.com/v1beta1/backupbatches?watch=1&timeoutSeconds=2&resourceVersion={version}"
    done = cluster.kubectl("get", "--raw", path)
    return '"code":410' in done.stdout or "too old resource version" in done.stderr


def test_a_connection_that_is_dead_but_open_is_noticed(
    cluster: Cluster, objects: Objects, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "_WATCH", 10)
    monkeypatch.setattr(reflector, "_SILENCE", 20.0)
    with through(cluster) as proxy, watching(cluster, port=proxy.port) as watched:
        synced(watched)
        proxy.hang()
        create(objects, placed(batch("unheard"), namespace))
        eventually(lambda: any("timed out" in fault for _, fault in watched.told))
        proxy.resume()
        eventually(lambda: watched.refuses(placed(batch("taker", "new"), namespace)))


@pytest.mark.usefixtures("_patient")
def test_what_may_not_be_read_is_said_and_known_as_soon_as_it_may(
    cluster: Cluster, objects: Objects, namespace: str
) -> None:
    create(objects, placed(batch("shop"), namespace))
    blog = placed(batch("blog", "new"), namespace)
    with watching(cluster, GUEST) as watched:
        eventually(lambda: watched.inventory.not_ready() is None)
        result = answer(Admission({}, watched.inventory), "validate", blog, dryRun=True)
        assert result.allowed
        assert "exclusive-repository" in result.acted("not-checked")
        assert "forbidden" in str(watched.inventory.remark())
        grant(cluster, "backupbatches.stash.appscode.com", "backupconfigurations.stash.appscode.com")
        eventually(lambda: watched.refuses(blog))
        assert "Repositories of the cluster: the API server answers 403" in str(watched.inventory.remark())
        grant(cluster, "repositories.stash.appscode.com", "namespaces")
        synced(watched)


def grant(cluster: Cluster, *resources: str) -> None:
    """Let the guest list and watch."""
    name = f"watch-{resources[0]}"
    for arguments in (
        ["clusterrole", name, "--verb=list,watch", *(f"--resource={each}" for each in resources)],
        ["clusterrolebinding", name, f"--clusterrole={name}", f"--user={GUEST}"],
    ):
        done = cluster.kubectl("create", *arguments)
        assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("_patient")
def test_a_cluster_without_the_crds_is_known_to_hold_nothing_until_they_come() -> None:
    with Cluster(binaries.find_or_build()) as bare, watching(bare) as watched:
        eventually(lambda: watched.inventory.not_ready() is None)
        assert watched.inventory.remark() is None
        assert not watched.refuses(batch("blog", "new"))
        define(bare, crds())
        objects = Objects(bare)
        bare.kubectl("create", "namespace", "demo")
        create(objects, batch("shop"))
        eventually(lambda: watched.refuses(batch("blog", "new")))
        objects.close()


def test_a_generated_name_is_in_the_object_that_is_validated(
    cluster: Cluster, objects: Objects, namespace: str, tmp_path: Path
) -> None:
    calls: list[Call] = []

    def admit(call: Call) -> Answer:
        calls.append(call)
        return {"allowed": True}

    installation = Installation(cluster, tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(installation.certificates / "tls.crt", installation.certificates / "tls.key")
    document = placed(batch("unused"), namespace)
    document["metadata"] = {"generateName": "shop-", "namespace": namespace}
    with standing_in(context, admit) as port:
        installation.point_at(port)
        try:
            wait_until_heeded(cluster)
            name = objects.create(document).body["metadata"]["name"]
        finally:
            installation.unregister()
    named = [call.request["object"]["metadata"]["name"] for call in calls if call.path == "/validate"]
    assert named == [name]


def test_what_the_api_server_makes_of_other_objects_leads_to_the_same_decisions(
    cluster: Cluster, objects: Objects
) -> None:
    decided = 0
    for namespace in ("demo", "other", "backups"):
        cluster.kubectl("create", "namespace", namespace)
    for case in cases():
        stored = [each for each in case.cluster or () if each["kind"] != "Namespace"]
        if not stored or any("deletionTimestamp" in each["metadata"] for each in stored):
            continue  # the API server sets that itself
        replies = [objects.create(each, dryRun="All") for each in stored]
        assert {reply.status for reply in replies} == {201}, [reply.message for reply in replies]
        namespaces = [each for each in case.cluster or () if each["kind"] == "Namespace"]
        inventory = inventory_of([*(reply.body for reply in replies), *namespaces])
        told = answer(Admission({}, inventory), "validate", case.object, case.old)
        assert told.response == ask("validate", case.object, case.old, cluster=case.cluster).response, str(case)
        decided += 1
    assert decided > 70


SYNCING = """
import sys, time
from kube import kubeconfig
from app.inventory.store import Inventory
from app.inventory.informer import LiveInventory
from app.inventory import store
from app.server import process

store.FIRST_SYNC = float("inf")

inventory = Inventory()
live = LiveInventory(inventory, kubeconfig.load(sys.argv[1]))
live.start()
while inventory.not_ready():
    time.sleep(0.01)
live.stop()
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(int(status["VmRSS"].split()[0]) / 1024, sum(inventory.counts().values()))
"""


def syncing(cluster: Cluster) -> tuple[float, int]:
    """MiB of a process that has the server in it, and how many objects it knows."""
    command = [sys.executable, "-c", SYNCING, str(cluster.credentials.kubeconfig(ADMIN))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    memory, known = done.stdout.split()
    return float(memory), int(known)


def test_ten_thousand_configurations_and_a_thousand_batches_cost_little_memory() -> None:
    with Cluster(binaries.find_or_build()) as full:
        define(full, crds())
        full.kubectl("create", "namespace", "demo")
        before, held = syncing(full)
        many = Objects(full)
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(lambda number: many.create(numbered(number)).status, range(11_000))) == {201}
        many.close()
        after, known = syncing(full)
    assert known == held + 11_000
    assert after - before < 60
