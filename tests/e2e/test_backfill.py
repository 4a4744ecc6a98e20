"""`backfill` of a real cluster: interrupted, resumed, refused, in conflict, and with its rights only."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import os
import pty
import re
import signal
import ssl
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.commands.backfill.runner import Backfill, Options
from app.commands.backfill.signals import Interruption
from app.commands.backfill.writer import Outcome, Written
from app.domain.hosts import Hosts
from app.domain.reading import read_invoker
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import GUEST
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.installation import Installation, crds, define
from testbed.control_plane.objects import Document, Objects
from testbed.patience import PATIENCE
from tests.support.e2e.standin import Answer, Call, standing_in
from tests.support.e2e.stored import PROGRAM, Holding, Page, aliased, batch_of, said, without_alias
from tests.support.hostile import HOSTILE, is_text

SAMPLES = Path(__file__).parents[2] / "manifests" / "samples"


@pytest.fixture(scope="module")
def holding() -> Iterator[Holding]:
    with Cluster(binaries.find_or_build()) as cluster:
        define(cluster, crds())
        it = Holding(cluster, Objects(cluster))
        yield it
        it.objects.close()


@pytest.fixture(scope="module")
def installation(holding: Holding, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(holding.cluster, tmp_path_factory.mktemp("installation"))


def many(namespace: str, count: int) -> list[Document]:
    """Backups of every sort, most of them without aliases."""
    kinds = ("Deployment", "StatefulSet", "DaemonSet", "AppBinding", "PersistentVolumeClaim")
    made: list[Document] = []
    for i in range(count):
        name = f"web-{i}"
        match i % 8:
            case 0:
                pair = ("StatefulSet", f"db-{i}"), ("DaemonSet", f"log-{i}")
                made.append(batch_of(namespace, name, *pair))
            case 1:
                made.append(aliased(without_alias(namespace, name), "app"))
            case 2:
                made.append(without_alias(namespace, name, target={"alias": "", "paths": ["/data"]}))
            case number:
                made.append(without_alias(namespace, name, kinds[number % len(kinds)]))
    return made


def restore(namespace: str) -> Document:
    """A RestoreSession as it was written before there were aliases."""
    made = without_alias(namespace, "restore")
    made["spec"] = {
        "repository": {"name": "repo"},
        "target": {"ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}},
        "rules": [{"paths": ["/data"]}],
    }
    return {**made, "kind": "RestoreSession"}


def hosts(document: Document) -> list[Hosts | None]:
    return [each.hosts for each in read_invoker(document["kind"], document, document["metadata"]["namespace"]).targets]


def bare(document: Document) -> Document:
    """The spec without aliases."""
    spec: Document = copy.deepcopy(document["spec"])
    for each in (spec, *spec.get("members", [])):
        each.get("target", {}).pop("alias", None)
    return spec


def state(document: Document) -> str:
    return str(document["metadata"]["resourceVersion"])


def now(holding: Holding, documents: list[Document]) -> list[Document]:
    return [holding.objects.get(each) for each in documents]


def expected(document: Document) -> list[str | None]:
    """The aliases that an object of `many` is to have."""
    spec = document["spec"]
    targets = [each["target"] for each in spec["members"]] if "members" in spec else [spec["target"]]
    defaults = {"StatefulSet": "host", "DaemonSet": None}
    return [each.get("alias") or defaults.get(each.get("ref", {}).get("kind"), "host-0") for each in targets]


def aliases(document: Document) -> list[str | None]:
    spec = document["spec"]
    targets = [each["target"] for each in spec["members"]] if "members" in spec else [spec["target"]]
    return [each.get("alias") for each in targets]


# --- interrupted, resumed, repeated


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()


def interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)


def terminate(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("end", [kill, interrupt, terminate])
def test_what_is_stopped_half_way_is_finished_by_running_it_again(
    holding: Holding, end: Callable[[subprocess.Popen[str]], None]
) -> None:
    namespace = holding.namespace(end.__name__)
    before = holding.store(*many(namespace, 64), restore(namespace))
    command = [PROGRAM, "backfill", "--yes", "-n", namespace, "--pause", "1"]
    with subprocess.Popen(
        command, env=holding.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline()
        end(process)
        _, complaints = process.communicate(timeout=PATIENCE)
    half = now(holding, before)
    written = sum(state(one) != state(other) for one, other in zip(before, half, strict=True))
    assert 3 <= written < 48
    if end is kill:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 1
        last = complaints.splitlines()[-1]
        lacking = 48
        assert last == f"interrupted: {written} objects written, {lacking - written} to do: run again to continue"
    again = holding.run("backfill", "--yes", "-n", namespace)
    assert again.returncode == 0, again.stderr
    after = now(holding, before)
    for one, other in zip(before[:-1], after[:-1], strict=True):
        assert aliases(other) == expected(one)
        assert bare(one) == bare(other)
        assert hosts(one) == hosts(other)
        if aliases(one) == expected(one):
            assert state(one) == state(other)
    assert after[-1] == before[-1], "restores are never touched"
    third = holding.run("backfill", "--yes", "-n", namespace)
    assert (third.returncode, third.stdout) == (0, "")
    assert "0 objects lack an alias" in third.stderr
    assert [*map(state, now(holding, before))] == [*map(state, after)]


def test_who_wrote_the_alias_can_be_read_from_the_object(holding: Holding) -> None:
    namespace = holding.namespace("managed")
    (before,) = holding.store(without_alias(namespace, "web"))
    assert holding.run("backfill", "--yes", "-n", namespace).returncode == 0
    fields = holding.objects.get(before)["metadata"]["managedFields"]
    (mine,) = [each for each in fields if each["manager"] == "stash-backfill"]
    assert mine["fieldsV1"] == {"f:spec": {"f:target": {"f:alias": {}}}}


def test_a_limit_writes_the_first_few(holding: Holding) -> None:
    namespace = holding.namespace("limit")
    before = holding.store(*(without_alias(namespace, f"web-{i}") for i in range(5)))
    done = holding.run("backfill", "--yes", "-n", namespace, "--limit", "2")
    assert done.returncode == 0
    assert done.stderr.endswith("2 objects written, 3 to do: run again to continue\n")
    assert [aliases(each) for each in now(holding, before)] == [["host-0"]] * 2 + [[None]] * 3


# --- a dry run


def test_what_the_cluster_holds_is_text_on_both_streams(holding: Holding) -> None:
    namespace = holding.namespace("hostile")
    document = without_alias(namespace, "web")
    document["spec"] |= {"schedule": HOSTILE, "timeOut": HOSTILE}
    holding.store(document)
    for command in (("backfill", "--dry-run"), ("backfill", "--yes"), ("audit",), ("audit", "--output", "github")):
        done = holding.run(*command, "-n", namespace)
        assert done.returncode in (0, 1), done.stderr
        assert done.stdout
        is_text(done.stdout, annotations="github" in command)
        is_text(done.stderr)


def test_a_dry_run_shows_a_difference_for_each_object_and_writes_nothing(holding: Holding) -> None:
    namespace = holding.namespace("dry")
    batch = batch_of(namespace, "all", ("StatefulSet", "db"), ("DaemonSet", "log"))
    before = holding.store(without_alias(namespace, "web"), batch)
    done = holding.run("backfill", "--dry-run", "-n", namespace)
    assert done.returncode == 1
    added = [line for line in done.stdout.splitlines() if re.match(r"[+-][^+-]", line)]
    assert added == ["+    alias: host-0", "+      alias: host"]
    assert done.stdout.startswith("--- BackupConfiguration dry/web\n+++ BackupConfiguration dry/web\n@@ ")
    assert "--- BackupBatch dry/all\n" in done.stdout
    assert (
        "the operator restarts the sidecars, with the Pods, of 1 DaemonSet, 1 Deployment, 1 StatefulSet" in done.stderr
    )
    assert done.stderr.endswith("2 objects would be written\n")
    assert now(holding, before) == before


# --- others at work


class Hasty:
    """A run that has read everything, and is about to write."""

    def __init__(self, holding: Holding, namespace: str) -> None:
        self.api = holding.api()
        self.run = Backfill(self.api, Options(namespace))
        list(self.run.look())

    def write(self) -> list[Written]:
        told: list[Written] = []
        with Interruption() as interruption:
            list(self.run.write(interruption, told.append))
        self.api.close()
        return told


def test_a_conflict_is_followed_by_another_look(holding: Holding) -> None:
    namespace = holding.namespace("conflict")
    web, shop, blog, gone, _ = holding.store(
        *(without_alias(namespace, name) for name in ("web", "shop", "blog", "gone", "odd"))
    )
    hasty = Hasty(holding, namespace)
    changes: list[tuple[Document, Document]] = [
        (web, {"metadata": {"labels": {"seen": "yes"}}}),
        (shop, {"spec": {"target": {"alias": "shop"}}}),
        (blog, {"spec": {"target": {"ref": {"kind": "StatefulSet"}}, "schedule": "0 4 * * *"}}),
    ]
    for document, change in changes:
        assert holding.objects.merge(document, change).status == 200
    assert holding.objects.delete(gone).status == 200
    told = {each.plan.object.name: each.outcome for each in hasty.write()}
    assert told == {
        "web": Outcome.WRITTEN,
        "shop": Outcome.NOTHING,
        "blog": Outcome.WRITTEN,
        "gone": Outcome.GONE,
        "odd": Outcome.WRITTEN,
    }
    assert holding.objects.get(web)["metadata"]["labels"] == {"seen": "yes"}
    assert aliases(holding.objects.get(shop)) == ["shop"]
    after = holding.objects.get(blog)
    assert (aliases(after), after["spec"]["schedule"]) == (["host"], "0 4 * * *")
    assert hasty.run.exit_code == 0


def test_an_object_that_is_being_deleted_is_left_alone(holding: Holding) -> None:
    namespace = holding.namespace("deleting")
    kept = without_alias(namespace, "web")
    kept["metadata"]["finalizers"] = ["stash.appscode.com/kept"]
    (before,) = holding.store(kept)
    hasty = Hasty(holding, namespace)
    holding.objects.delete(before)
    assert [each.outcome for each in hasty.write()] == [Outcome.NOTHING]
    done = holding.run("backfill", "--yes", "-n", namespace)
    assert "0 objects lack an alias, 0 have nothing to do, 1 is being deleted" in done.stderr
    assert aliases(holding.objects.get(before)) == [None]


@contextlib.contextmanager
def freezing(holding: Holding, installation: Installation) -> Iterator[None]:
    """A webhook that refuses what the shipped operator refuses: another target while the object is Ready."""

    def answer(call: Call) -> Answer:
        old, new = call.request["oldObject"], call.request["object"]
        ready = (old.get("status") or {}).get("phase") == "Ready"
        if ready and old["spec"].get("target") != new["spec"].get("target"):
            return {"allowed": False, "status": {"code": 403, "message": "target may not change while Ready"}}
        return {"allowed": True}

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    folder = installation.certificates
    context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
    with standing_in(context, answer) as port:
        installation.point_at(port)  # for its Service
        installation.unregister()
        bundle = base64.b64encode(installation.ca.certificate_pem).decode()
        rule = {
            "apiGroups": ["stash.appscode.com"],
            "apiVersions": ["*"],
            "operations": ["UPDATE"],
            "resources": ["backupconfigurations"],
        }
        service = {"name": "stash-admission", "namespace": "stash-admission", "path": "/", "port": port}
        webhook = {
            "name": "operator.stash.appscode.com",
            "clientConfig": {"service": service, "caBundle": bundle},
            "rules": [rule],
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
        }
        registration = {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "operator"},
            "webhooks": [webhook],
        }
        done = holding.cluster.kubectl("create", "-f", "-", stdin=json.dumps(registration))
        assert done.returncode == 0, done.stderr
        try:
            yield
        finally:
            holding.cluster.kubectl("delete", "validatingwebhookconfiguration", "operator")


def test_what_another_webhook_refuses_is_told_and_the_rest_is_written(
    holding: Holding, installation: Installation
) -> None:
    namespace = holding.namespace("frozen")
    before = holding.store(*(without_alias(namespace, f"web-{i}") for i in range(4)))
    ready = before[1]
    assert holding.objects.merge(ready, {"status": {"phase": "Ready"}}, "/status").status == 200
    with freezing(holding, installation):
        wait_until_heeded(holding.cluster)
        for options in (["--dry-run"], ["--yes"], ["--yes"]):
            done = holding.run("backfill", *options, "-n", namespace)
            assert done.returncode == 1
            refusal = "BackupConfiguration frozen/web-1: refused: "
            assert [line for line in done.stdout.splitlines() if line.startswith(refusal)]
            assert "target may not change while Ready" in done.stdout
    assert done.stderr.endswith("0 objects written, 1 refused\n")
    assert [aliases(each) for each in now(holding, before)] == [["host-0"], [None], ["host-0"], ["host-0"]]


def test_what_would_clash_is_left_alone_with_a_suggestion(holding: Holding) -> None:
    namespace = holding.namespace("clashing")
    clashing = batch_of(namespace, "all", ("Deployment", "web"), ("StatefulSet", "db"))
    before = holding.store(clashing, without_alias(namespace, "good"))
    for options in (["--dry-run"], ["--yes"], ["--yes"]):
        done = holding.run("backfill", *options, "-n", namespace)
        assert done.returncode == 1
        first, second = [line for line in done.stdout.splitlines() if line.startswith("BackupBatch")]
        assert first.startswith("BackupBatch clashing/all: left alone: spec.members[1].target.alias: ")
        assert second == 'BackupBatch clashing/all: suggested: spec.members[1].target.alias: "db"'
        assert done.stderr.endswith("1 left alone\n")
    after = now(holding, before)
    assert state(after[0]) == state(before[0])
    assert aliases(after[1]) == ["host-0"]


# --- our own webhooks


def test_our_own_webhooks_admit_it_without_a_word(holding: Holding, installation: Installation) -> None:
    namespace = holding.namespace("ours")
    wrong = without_alias(namespace, "wrong", schedule="0 24 * * *")  # what it has already, it may keep
    before = holding.store(*many(namespace, 16), wrong)
    with installation.serving(installation.certificates.parent) as server:
        installation.register(server.port)
        done = holding.run("backfill", "--yes", "-n", namespace)
        updates = [each for each in server.log if each.get("operation") == "UPDATE" and each["namespace"] == namespace]
    installation.unregister()
    assert done.returncode == 0, done.stdout
    assert "a webhook also changed" not in done.stdout
    assert {each["decision"] for each in updates} == {"allowed"}
    assert "alias-changed" not in json.dumps(updates)
    after = now(holding, before)
    assert [aliases(each) for each in after] == [expected(each) for each in before]
    assert [bare(each) for each in after] == [bare(each) for each in before]


def test_what_a_webhook_changes_besides_is_told(holding: Holding, installation: Installation) -> None:
    namespace = holding.namespace("besides")
    ordered = batch_of(namespace, "all", ("StatefulSet", "db"), ("AppBinding", "sql"), maintainOrder=True)
    (before,) = holding.store(aliased_first(ordered))
    with installation.serving(installation.certificates.parent) as server:
        installation.register(server.port)
        dry = holding.run("backfill", "--dry-run", "-n", namespace)
        done = holding.run("backfill", "--yes", "-n", namespace)
    installation.unregister()
    assert "+  executionOrder: Sequential\n" in dry.stdout
    assert done.stdout.endswith("BackupBatch besides/all: a webhook also changed spec.executionOrder\n")
    assert holding.objects.get(before)["spec"]["executionOrder"] == "Sequential"


def aliased_first(document: Document) -> Document:
    """The object with an alias for its first member."""
    made = copy.deepcopy(document)
    made["spec"]["members"][0]["target"]["alias"] = "db"
    return made


def test_a_webhook_that_is_down_fails_the_objects_and_then_the_run(
    holding: Holding, installation: Installation
) -> None:
    namespace = holding.namespace("down")
    holding.store(*(without_alias(namespace, f"web-{i}") for i in range(4)))
    hasty = Hasty(holding, namespace)
    with installation.serving(installation.certificates.parent) as server:
        installation.register(server.port)
    waited: list[float] = []
    told: list[Written] = []
    interruption = Interruption()
    interruption.pause = waited.append  # type: ignore[method-assign,assignment]
    list(hasty.run.write(interruption, told.append))
    hasty.api.close()
    installation.unregister()
    assert [each.outcome for each in told] == [Outcome.FAILED] * 3
    assert "failed calling webhook" in told[0].message
    assert hasty.run.exit_code == 2
    assert len(waited) >= 9
    again = holding.run("backfill", "--yes", "-n", namespace)
    assert again.returncode == 0
    assert again.stderr.endswith("4 objects written\n")


# --- who may, and who is asked


def test_without_rights_nothing_is_read_and_it_says_so(holding: Holding) -> None:
    done = holding.run("backfill", "--yes", user=GUEST)
    assert done.returncode == 2
    assert 'User "guest" cannot list resource "backupbatches"' in done.stderr


def test_who_may_only_read_is_told_before_anything_is_asked(holding: Holding) -> None:
    namespace = holding.namespace("reader")
    (before,) = holding.store(without_alias(namespace, "web"))
    with holding.granted("audit"):
        done = holding.run("backfill", "--yes", "-n", namespace, user=GUEST)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "Error: you may not patch BackupConfiguration and BackupBatch in namespace reader: "
        "see the role in manifests/roles/backfill.yaml"
    )
    assert holding.objects.get(before) == before


@pytest.mark.parametrize("inside", [False, True])
def test_the_role_that_is_shipped_is_enough(holding: Holding, inside: bool) -> None:
    namespace = holding.namespace(f"role-{inside}".lower())
    (before,) = holding.store(without_alias(namespace, "web"))
    with holding.granted("backfill", namespace if inside else None):
        dry = holding.run("backfill", "--dry-run", "-n", namespace, user=GUEST)
        done = holding.run("backfill", "--yes", "-n", namespace, user=GUEST)
    assert (dry.returncode, done.returncode) == (1, 0), done.stderr
    assert ("those in others are not compared" in done.stderr) == inside
    assert aliases(holding.objects.get(before)) == ["host-0"]


def test_without_a_terminal_nobody_is_asked_and_nothing_is_written(holding: Holding) -> None:
    namespace = holding.namespace("pipe")
    (before,) = holding.store(without_alias(namespace, "web"))
    done = holding.run("backfill", "-n", namespace)
    assert done.returncode == 2
    assert "use --yes to write without asking, or --dry-run" in done.stderr
    assert holding.objects.get(before) == before


@pytest.mark.parametrize(("answered", "alias"), [("n", None), ("y", "host-0")])
def test_at_a_terminal_it_asks_first(holding: Holding, answered: str, alias: str | None) -> None:
    namespace = holding.namespace(f"asks-{answered}")
    (before,) = holding.store(without_alias(namespace, "web"))
    shown, code = at_a_terminal([PROGRAM, "backfill", "-n", namespace], holding.environment(), f"{answered}\n")
    assert "the sidecars, with the Pods, of 1 Deployment" in shown
    assert "Write 1 object? [y/N]:" in shown
    assert aliases(holding.objects.get(before)) == [alias]
    assert code == (0 if alias else 1)


def at_a_terminal(command: list[str], environment: dict[str, str], typed: str) -> tuple[str, int]:
    """What a program shows to somebody who types this, and its exit code."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        os.write(ours, typed.encode())
        shown = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(ours, 65536):
                shown += part
        os.close(ours)
        code = process.wait(PATIENCE)
    return " ".join(shown.decode().split()), code


def test_the_page_shows_what_it_really_says(holding: Holding) -> None:
    page = Page.read("cli/backfill.md")
    holding.namespace("demo")
    holding.store(*page.objects())
    for name in ("dry-run", "run"):
        command, output = page.transcript(name)
        assert said(holding, command) == output
