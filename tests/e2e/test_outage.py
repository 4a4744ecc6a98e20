"""What is older than the webhooks, what the operator writes, and what works while the server does not answer."""

from __future__ import annotations

import contextlib
import copy
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.installation import Installation, apply, crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.objects import batch_of, legacy_restore
from testbed.patience import PATIENCE
from tests.support.e2e.admitting import Admitting
from tests.support.e2e.standin import Answer, Call, standing_in

FINALIZER = "stash.appscode.com/finalizer"


def invalid(namespace: str, name: str = "old") -> Document:
    """A BackupBatch that would be refused today: two members without alias, and a schedule that nobody can read."""
    document = batch_of(namespace, name, schedule="every day")
    for member in document["spec"]["members"]:
        del member["target"]["alias"]
    document["metadata"]["finalizers"] = [FINALIZER]
    return document


def stateful(namespace: str, name: str = "db") -> Document:
    """A BackupConfiguration without alias."""
    document = batch_of(namespace, name)
    target = {"ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}, "paths": ["/data"]}
    del document["spec"]["members"]
    return {**document, "kind": "BackupConfiguration", "spec": {**document["spec"], "target": target}}


class Older:
    """A cluster with objects that were stored before the webhooks were registered."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.objects = Objects(cluster)
        self.installation = Installation(cluster, folder)
        self.folder = folder

    def store(self, *documents: Document) -> None:
        """Store objects as they are, without webhooks."""
        self.installation.unregister()
        for document in documents:
            self.cluster.kubectl("create", "namespace", document["metadata"]["namespace"])
            reply = self.objects.create(document)
            assert reply.status == 201, reply.message

    @contextlib.contextmanager
    def admitting(self) -> Iterator[Admitting]:
        """The webhooks registered and answered; afterwards registered and not answered."""
        with self.installation.serving(self.folder) as server:
            self.installation.register(server.port)
            yield Admitting(self.cluster, self.objects, self.installation, server)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Older]:
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        it = Older(cluster, tmp_path_factory.mktemp("older"))
        yield it
        it.objects.close()


def harmless_writes(objects: Objects, document: Document) -> None:
    """Everything that must pass whoever answers, on an invalid object: labels, status, finalizers, deletion."""
    reply = objects.merge(document, {"metadata": {"labels": {"team": "shop"}}})
    assert reply.status == 200, reply.message
    reply = objects.merge(document, {"metadata": {"annotations": {"seen": "yes"}}})
    assert reply.status == 200, reply.message
    reply = objects.merge(document, {"status": {"phase": "Ready", "observedGeneration": 1}}, "/status")
    assert reply.status == 200, reply.message
    assert objects.delete(document).status == 200
    assert objects.get(document)["metadata"]["deletionTimestamp"]
    reply = objects.merge(document, {"metadata": {"finalizers": None}})
    assert reply.status == 200, reply.message
    reply = objects.create({**document, "metadata": {**document["metadata"], "name": "gone"}}, dryRun="All")
    assert reply.status != 201, "the webhooks are registered"


def test_an_invalid_stored_object_can_be_labelled_finalized_and_deleted(older: Older) -> None:
    document = invalid("served")
    older.store(document)
    with older.admitting():
        harmless_writes(older.objects, document)


def test_it_can_be_so_while_the_server_is_down(older: Older) -> None:
    document = invalid("down")
    older.store(document)
    with older.admitting():
        pass
    harmless_writes(older.objects, document)


def test_while_the_server_is_down_only_creations_and_changed_specs_wait(older: Older) -> None:
    document = stateful("waiting")
    older.store(document)
    with older.admitting():
        pass
    changed = older.objects.merge(document, {"spec": {"schedule": "@daily"}})
    assert changed.status == 500
    assert 'failed calling webhook "mutate.admission.stash.appscode.com"' in changed.message
    assert older.objects.create(stateful("waiting", "new")).status == 500
    assert older.objects.replace(document).status == 200, "what is stored, as it is written"
    waiting = f"--timeout={PATIENCE:.0f}s"
    done = older.cluster.kubectl("delete", "backupconfigurations", "--all", "-n", "waiting", waiting)
    assert done.returncode == 0, done.stderr


def test_the_emergency_stop_of_the_readme_lets_everything_through(older: Older) -> None:
    document = stateful("emergency")
    older.store(document)
    with older.admitting():
        pass
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    command = next(line for line in readme.splitlines() if line.startswith("$ kubectl delete mutatingwebhook"))
    done = older.cluster.kubectl(*command.split()[2:])
    assert done.returncode == 0, done.stderr
    assert older.objects.merge(document, {"spec": {"schedule": "@daily"}}).status == 200
    assert older.objects.create(stateful("emergency", "new")).status == 201


def test_an_older_object_stays_editable_and_a_new_fault_in_it_is_refused(older: Older) -> None:
    document = invalid("editable")
    older.store(document)
    with older.admitting():
        reply = older.objects.merge(document, {"spec": {"paused": True}})
        assert reply.status == 200, reply.message
        assert any("(unique-alias) [not refused" in each for each in reply.warnings)
        assert any("(valid-schedule) [not refused" in each for each in reply.warnings)
        assert "alias" not in older.objects.get(document)["spec"]["members"][0]["target"]
        worse = older.objects.merge(document, {"spec": {"timeOut": "3d"}})
        assert [cause["field"] for cause in worse.causes] == ["spec.timeOut"]
        better = older.objects.merge(document, {"spec": {"schedule": "@daily"}})
        assert better.status == 200, better.message
        back = older.objects.merge(document, {"spec": {"schedule": "every day"}})
        assert [cause["field"] for cause in back.causes] == ["spec.schedule"]


def test_an_older_restore_is_applied_again_as_it_was_written(older: Older) -> None:
    document = legacy_restore("restored")
    older.store(document)
    stored = older.objects.get(document)["spec"]
    with older.admitting():
        assert older.objects.replace(document).status == 200
        assert older.objects.apply(document).status == 200
        assert older.objects.get(document)["spec"] == stored
        changed = copy.deepcopy(document)
        changed["spec"]["target"]["ref"]["name"] = "other"
        refused = older.objects.replace(changed)
        assert [cause["field"] for cause in refused.causes] == ["spec"]


FROZEN = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "frozen-target"},
    "spec": {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": ["stash.appscode.com"],
                    "apiVersions": ["v1beta1"],
                    "operations": ["UPDATE"],
                    "resources": ["backupconfigurations"],
                }
            ]
        },
        "validations": [
            {
                "expression": "!has(oldObject.status) || !has(oldObject.status.phase) || "
                "oldObject.status.phase != 'Ready' || object.spec.target == oldObject.spec.target",
                "message": "the target of a Ready BackupConfiguration cannot be changed",
            }
        ],
    },
}
"""What the shipped operator's own webhook refuses."""
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "frozen-target"},
    "spec": {"policyName": "frozen-target", "validationActions": ["Deny"]},
}


def test_beside_the_shipped_operator_nothing_is_blocked(older: Older) -> None:
    document = stateful("operated")
    older.store(document)
    apply(older.cluster, FROZEN, BINDING)
    ready: dict[str, Any] = {"status": {"phase": "Ready", "observedGeneration": 1, "conditions": []}}
    with older.admitting():
        objects = older.objects
        assert objects.merge(document, {"metadata": {"finalizers": [FINALIZER]}}).status == 200
        assert objects.merge(document, ready, "/status").status == 200
        reply = objects.merge(document, {"spec": {"schedule": "@daily"}})
        assert reply.status == 200, reply.message
        assert objects.get(document)["spec"]["target"] == document["spec"]["target"], "frozen, and left alone"
        written = {**document, "spec": {**document["spec"], "schedule": "@weekly"}}
        written["metadata"] = {**document["metadata"], "finalizers": [FINALIZER]}
        for reply in (objects.replace(written), objects.apply(written)):
            assert reply.status == 200, reply.message
        new = stateful("operated", "new")
        assert objects.create(new).status == 201
        assert objects.merge(new, ready, "/status").status == 200
        assert objects.replace(new).status == 200, "the manifest without alias, beside the stored one with it"
        assert objects.get(new)["spec"]["target"]["alias"] == "host"
        assert objects.delete(document).status == 200
        assert objects.merge(document, {"metadata": {"finalizers": None}}).status == 200
    older.cluster.kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", "frozen-target")


@pytest.mark.parametrize(("policy", "status"), [("Ignore", 201), ("Fail", 500)])
def test_an_answer_of_500_leaves_the_decision_to_the_failure_policy(older: Older, policy: str, status: int) -> None:
    namespace = f"broken-{policy.lower()}"
    older.store(stateful(namespace, "first"))
    calls: list[str] = []

    def fail(call: Call) -> Answer:
        calls.append(call.path)
        return 500

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = older.installation.certificates
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    with standing_in(context, fail) as port:
        older.installation.point_at(port, policy)
        wait_until_heeded(older.cluster)
        reply = older.objects.create(invalid(namespace))
        assert calls
        assert reply.status == status, reply.message
        assert (policy == "Fail") == ("failed calling webhook" in reply.message)
