"""What a user of the cluster sees: applying, applying again, refusals, warnings, dry runs, large and many objects."""

from __future__ import annotations

import concurrent.futures
import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from testbed.control_plane.objects import Document
from testbed.documents import load_all
from tests.admission.test_samples import PROPOSED
from tests.e2e.conftest import Admitting

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "manifests" / "samples"
README = (ROOT / "README.md").read_text()


def text(name: str) -> str:
    return (SAMPLES / f"{name}.yaml").read_text()


def document(name: str, namespace: str) -> Document:
    """A sample in another namespace."""
    (loaded,) = load_all(text(name))
    return {**loaded, "metadata": {**loaded["metadata"], "namespace": namespace}}


def batch(namespace: str, name: str = "shop", count: int = 2, **spec: Any) -> Document:
    """A BackupBatch without aliases that clash."""
    members = [
        {"target": {"alias": f"app-{i}x", "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"web-{i}"}}}
        for i in range(count)
    ]
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            "members": members,
            **spec,
        },
    }


def legacy_restore(namespace: str) -> Document:
    """A RestoreSession as it was written before there were aliases: rules beside the target, no alias."""
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "RestoreSession",
        "metadata": {"name": "legacy", "namespace": namespace},
        "spec": {
            "repository": {"name": "gcs-repo"},
            "target": {"ref": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}},
            "rules": [{"targetHosts": ["host-0"], "sourceHost": "host-1"}, {"paths": ["/data"]}],
        },
    }


@pytest.fixture(scope="module")
def demo(admitting: Admitting) -> str:
    return admitting.namespace("demo")


@pytest.mark.parametrize("name", PROPOSED)
def test_the_proposals_manifests_are_applied_word_for_word_and_again(
    admitting: Admitting, demo: str, name: str
) -> None:
    first = admitting.apply(text(name))
    assert first.stdout.endswith(" created\n"), first.stderr
    stored = admitting.objects.get(document(name, demo))
    second = admitting.apply(text(name))
    # kubectl sends a patch where the manifest is not what is stored, and then says "configured" whatever comes of it.
    said = "configured" if name == "restorebatch" else "unchanged"
    assert second.stdout.endswith(f" {said}\n"), second.stdout + second.stderr
    assert admitting.objects.get(document(name, demo)) == stored, "not even a new resourceVersion"


def test_the_proposals_restorebatch_is_stored_with_its_rules_inside_its_targets(admitting: Admitting) -> None:
    namespace = admitting.namespace("rules-inside")
    written = document("restorebatch", namespace)
    assert admitting.objects.create(written).status == 201
    members = admitting.objects.get(written)["spec"]["members"]
    assert [each["target"]["rules"] for each in members] == [[{"snapshots": ["latest"]}], [{"paths": ["/source/data"]}]]
    assert not any("rules" in each for each in members)


@pytest.mark.parametrize("again", ["put", "server-side apply", "kubectl apply"])
def test_a_legacy_manifest_that_is_applied_again_is_admitted_and_changes_nothing(
    admitting: Admitting, again: str
) -> None:
    written = legacy_restore(admitting.namespace(f"legacy-{again.replace(' ', '-')}"))
    assert admitting.apply(json.dumps(written)).returncode == 0
    stored = admitting.objects.get(written)
    assert stored["spec"]["target"]["alias"] == "host"
    assert stored["spec"]["target"]["rules"] == written["spec"]["rules"]
    assert "rules" not in stored["spec"]
    for _ in range(2):
        if again == "kubectl apply":
            done = admitting.apply(json.dumps(written))
            assert done.returncode == 0, done.stderr
        else:
            reply = admitting.objects.replace(written) if again == "put" else admitting.objects.apply(written)
            assert reply.status == 200, reply.message
        assert admitting.objects.get(written)["spec"] == stored["spec"]


def test_a_gitops_controller_that_creates_by_server_side_apply_comes_to_rest(admitting: Admitting) -> None:
    written = legacy_restore(admitting.namespace("gitops"))
    assert admitting.objects.apply(written).status == 201
    first = admitting.objects.get(written)
    for _ in range(3):
        assert admitting.objects.apply(written).status == 200
    again = admitting.objects.get(written)
    assert again["spec"] == first["spec"]
    assert again["metadata"]["generation"] == first["metadata"]["generation"]


def test_kubectl_prints_a_refusal_with_three_findings_as_the_readme_shows_it(admitting: Admitting, demo: str) -> None:
    refused = admitting.cluster.kubectl("apply", "-f", str(SAMPLES / "batch-of-mistakes.yaml"))
    assert refused.returncode == 1
    shown = re.search(r"\$ kubectl apply -f manifests/samples/batch-of-mistakes.yaml\n(.*?)\n```", README, re.DOTALL)
    assert shown is not None
    assert refused.stderr.rstrip() == shown[1].rstrip()
    assert demo == "demo"


def test_kubectl_prints_an_admission_as_the_readme_shows_it(admitting: Admitting, demo: str) -> None:
    file = SAMPLES / "restorebatch.yaml"
    admitting.cluster.kubectl("delete", "-f", str(file), "--ignore-not-found")
    done = admitting.cluster.kubectl("apply", "-f", str(file))
    shown = re.search(r"\$ kubectl apply -f manifests/samples/restorebatch.yaml\n(.*?)\n```", README, re.DOTALL)
    assert shown is not None
    assert (done.stderr + done.stdout).rstrip() == shown[1].rstrip()
    assert demo == "demo"


def test_kubectl_prints_warnings(admitting: Admitting) -> None:
    written = legacy_restore(admitting.namespace("warnings"))
    done = admitting.apply(json.dumps(written))
    assert done.stdout == "restoresession.stash.appscode.com/legacy created\n"
    assert done.stderr == (
        "Warning: spec.rules: rules outside the target are deprecated and were moved: "
        "write them in spec.target.rules (deprecated-rules)\n"
    )


def test_a_refusal_reaches_the_official_client_with_every_cause(admitting: Admitting) -> None:
    written = batch(admitting.namespace("causes"), schedule="0 24 * * *", timeOut="3d")
    reply = admitting.objects.create(written)
    assert reply.status == 422
    assert reply.body["reason"] == "Invalid"
    assert [cause["field"] for cause in reply.causes] == ["spec.schedule", "spec.timeOut"]
    assert 'admission webhook "validate.admission.stash.appscode.com" denied the request' in reply.message


def test_a_dry_run_decides_the_same_and_stores_nothing(admitting: Admitting) -> None:
    namespace = admitting.namespace("dry-run")
    good, bad = legacy_restore(namespace), batch(namespace, schedule="never")
    reply = admitting.objects.create(good, dryRun="All")
    assert reply.status == 201
    assert reply.body["spec"]["target"]["alias"] == "host"
    assert admitting.objects.create(bad, dryRun="All").status == 422
    done = admitting.apply(json.dumps(good), "--dry-run=server")
    assert done.stdout.endswith(" created (server dry run)\n"), done.stderr
    everything = admitting.cluster.kubectl("get", "restoresessions,backupbatches", "-n", namespace, "-o", "name")
    assert everything.stdout == ""


def test_a_name_can_be_generated(admitting: Admitting) -> None:
    written = batch(admitting.namespace("generated"))
    written["metadata"] = {"generateName": "shop-", "namespace": written["metadata"]["namespace"]}
    reply = admitting.objects.create(written)
    assert reply.status == 201
    assert reply.body["metadata"]["name"].startswith("shop-")
    refused = admitting.objects.create({**written, "spec": {**written["spec"], "members": []}})
    assert (refused.status, refused.causes[0]["field"]) == (422, "spec.members")


def test_an_object_of_one_mebibyte_with_500_members_is_decided(admitting: Admitting) -> None:
    written = batch(admitting.namespace("large"), count=500)
    for member in written["spec"]["members"]:
        member["target"]["exclude"] = ["x" * 2000]
        del member["target"]["alias"]
    assert len(json.dumps(written)) > 2**20
    refused = admitting.objects.create(written)
    assert refused.status == 422
    assert len(refused.causes) == 499
    for number, member in enumerate(written["spec"]["members"]):
        member["target"]["alias"] = f"app-{number}x"
    assert admitting.objects.create(written).status == 201


def test_64_objects_at_once_are_decided(admitting: Admitting) -> None:
    namespace = admitting.namespace("crowd")
    crowd = [batch(namespace, f"shop-{number}", schedule="* * * * *" if number % 2 else "x") for number in range(64)]
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        statuses = list(pool.map(lambda each: admitting.objects.create(each).status, crowd))
    assert statuses == [201 if number % 2 else 422 for number in range(64)]


def test_the_audit_of_an_edit_names_the_rules(admitting: Admitting) -> None:
    written = legacy_restore(admitting.namespace("annotated"))
    admitting.objects.create(written)
    lines = [line for line in admitting.server.log if line.get("namespace") == "annotated"]
    assert [line["rules"] for line in lines] == [["move-rules", "default-alias", "deprecated-rules"], []]
    assert {line["user"] for line in lines} == {"admin"}


def test_the_status_and_a_changed_spec_that_is_sent_with_it_are_left_to_the_operator(admitting: Admitting) -> None:
    written = batch(admitting.namespace("status"))
    admitting.objects.create(written)
    changed = copy.deepcopy(written)
    changed["spec"]["schedule"] = "not a schedule"
    changed["status"] = {"phase": "Ready"}
    reply = admitting.objects.replace(changed, "/status")
    assert reply.status == 200, reply.message
    stored = admitting.objects.get(written)
    assert (stored["status"]["phase"], stored["spec"]["schedule"]) == ("Ready", "0 3 * * *")
