"""Installing, upgrading, emergencies, uninstalling: the pages followed command by command, on a real API server."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.rules.registry import RULES, Level
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.flags import free_ports
from testbed.control_plane.installation import MANIFESTS, NAME, crds, define
from testbed.control_plane.objects import Objects
from testbed.documents import load_all
from tests.support.e2e.deciding import CONFIGURATIONS, assert_decides, assert_none_failed, without_alias
from tests.support.e2e.namespaces import collecting
from tests.support.e2e.page import DOCS, Command, commands
from tests.support.e2e.reader import Reader
from tests.support.e2e.steady import creating
from tools.examples import examples
from tools.rulebook import BY_THE_CRD

INSTALLATION, OPERATIONS = "install/installation.md", "operate/operations.md"


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """An API server of its own: the webhooks are registered for all of it."""
    with Cluster(binaries.find_or_build()) as started, collecting(started):
        define(started, crds())
        yield started


@pytest.fixture
def reader(own: Cluster, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a checkout, and a cluster without this project in it."""
    (port,) = free_ports(1)
    reader = Reader(own, tmp_path, port)
    with ExitStack() as stack:
        stack.callback(remove, own)
        stack.callback(reader.close)
        yield reader


def remove(cluster: Cluster) -> None:
    """Leave nothing of this project but the CRDs."""
    done = cluster.kubectl("delete", "--ignore-not-found", "-f", str(MANIFESTS / "install.yaml"))
    assert done.returncode == 0, done.stderr


@pytest.fixture
def objects(own: Cluster) -> Iterator[Objects]:
    it = Objects(own)
    yield it
    it.close()


@pytest.fixture
def installed(reader: Reader) -> Reader:
    """Somebody who has followed the page on installing, and has waited until the webhooks are asked."""
    reader.follow(INSTALLATION, "Install")
    assert_decides(reader)
    return reader


def bad(name: str) -> dict[str, Any]:
    document = without_alias(name)
    document["spec"]["schedule"] = "every day"
    return document


def logged(reader: Reader, command: Command) -> Command:
    """A command that looks at the log, with what the replica has written in place of `kubectl logs`."""
    assert reader.replica.server
    assert reader.replica.server.log
    path = reader.replica.server.folder / "stdout"
    return Command(re.sub(r"^kubectl .* logs .*", f"cat {path} \\\\", command.text, count=1))


def deployment(reader: Reader) -> dict[str, Any]:
    (found,) = reader.there("/apis/apps/v1", "deployments")
    return found


def registered(reader: Reader, field: str) -> set[str]:
    """What a field of the webhooks holds."""
    shown = f"jsonpath={{.items[*].webhooks[*].{field}}}"
    done = reader.cluster.kubectl("get", ",".join(CONFIGURATIONS), "-o", shown)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_from_nothing_to_a_refused_object_and_back(reader: Reader, objects: Objects) -> None:
    assert "0 objects audited" in reader.follow(INSTALLATION, "Look first")
    reader.follow(INSTALLATION, "Install")
    assert_decides(reader)
    reader.follow(INSTALLATION, "Uninstall")
    kinds = ("namespace", *CONFIGURATIONS, "clusterrole", "clusterrolebinding")
    left = reader.cluster.kubectl("get", ",".join(kinds), "-o", "name").stdout
    assert NAME not in left
    assert objects.create(bad("unchecked")).status == 201
    assert objects.delete(bad("unchecked")).status == 200


def test_the_readme_leads_to_a_refused_object(reader: Reader) -> None:
    *lines, stop = (each for each in commands("../README.md", "Install it in a cluster") if "docker" not in each.text)
    for each in lines:
        reader.run(each)
        if "doctor" in each.text:
            assert_decides(reader)
    (refused, *_) = commands(INSTALLATION, "See that it works")[3:]
    assert "is invalid" in reader.run(refused, code=1)
    reader.run(stop)
    reader.run(Command("kubectl delete namespace demo"))


def test_only_warnings_at_first_and_then_refusals(reader: Reader, objects: Objects) -> None:
    reader.follow(INSTALLATION, "Install")
    assert_decides(reader)
    lenient, _, ids, log, strict, rollout = commands(INSTALLATION, "Only warnings at first")
    reader.run(lenient)
    reply = objects.create(bad("warned"))
    assert reply.status == 201, reply.message
    assert any("(valid-schedule)" in each for each in reply.warnings)
    assert reply.body["spec"]["target"]["alias"] == "host"
    assert objects.delete(bad("warned")).status == 200
    assert objects.create(bad("tried"), dryRun="All").status == 201
    unwise = without_alias("unique-alias")
    unwise["spec"]["retentionPolicy"] = {"name": "valid-schedule", "prune": True}
    assert any("(nothing-kept)" in each for each in objects.create(unwise).warnings)
    assert objects.delete(unwise).status == 200
    reader.run(ids)
    shown = [json.loads(line) for line in reader.run(logged(reader, log)).splitlines()]
    assert [(each["name"], each["rules"]) for each in shown] == [("warned", ["valid-schedule"])]
    reader.run(strict)
    reader.run(rollout)
    assert objects.create(bad("warned")).status == 422


def test_it_is_seen_to_work_as_the_page_says(installed: Reader) -> None:
    for each in commands(INSTALLATION, "See that it works"):
        printed = installed.run(each, code=1 if "batch-of-mistakes" in each.text else 0)
        assert "doctor" not in each.text or printed.endswith("nothing wrong\n"), printed


def test_the_gate_is_opened_in_an_emergency_and_closed_again(installed: Reader, objects: Objects) -> None:
    stop, *again, doctor, audit = commands(OPERATIONS, "Open the gate in an emergency")
    assert objects.create(bad("passed")).status == 422
    installed.run(stop)
    reply = objects.create(bad("passed"))
    assert reply.status == 201, reply.message
    assert "alias" not in reply.body["spec"]["target"]
    finished = {each["metadata"]["uid"] for each in installed.there("/apis/batch/v1", "jobs")}
    for each in again:
        installed.run(each)
    jobs = {each["metadata"]["uid"] for each in installed.there("/apis/batch/v1", "jobs")}
    assert len(jobs) == len(finished) == 2
    assert not jobs & finished, "there for ten minutes, and in the way of others"
    assert_decides(installed)
    assert installed.run(doctor).endswith("nothing wrong\n")
    assert "passed" in installed.run(audit, code=1)
    assert objects.delete(bad("passed")).status == 200


def test_a_rule_warns_and_refuses_again(installed: Reader, objects: Objects) -> None:
    present, warn, rollout, back = commands(OPERATIONS, "Have a rule warn")
    assert "STASH_ADMISSION_RULE" not in installed.run(present)
    installed.run(Command(warn.text.replace("valid-duration", "valid-schedule")))
    assert "STASH_ADMISSION_RULE=valid-schedule=warn\n" in installed.run(present)
    installed.run(rollout)
    assert objects.create(bad("level"), dryRun="All").status == 201
    installed.run(Command("kubectl apply -f manifests/install.yaml"))
    assert objects.create(bad("level"), dryRun="All").status == 201, "applying leaves the variable alone"
    installed.run(back)
    assert objects.create(bad("level"), dryRun="All").status == 422


def test_an_upgrade_fails_no_call_and_takes_back_what_its_page_says(installed: Reader) -> None:
    installed.follow(
        OPERATIONS, "While no replica answers", "The timeout of the webhooks", "Replicas", "Speed and memory"
    )
    installed.run(commands(OPERATIONS, "Have a rule warn")[1])
    assert registered(installed, "failurePolicy") == {"Ignore"}
    assert registered(installed, "timeoutSeconds") == {"10", "5"}, "5 is that of Repositories"
    assert deployment(installed)["spec"]["replicas"] == 3
    trusted = installed.bundles()
    release(installed, "0.2.0")
    with creating(installed, without_alias(f"made-{installed.port}")) as series:
        for each in commands(OPERATIONS, "Upgrade"):
            if not each.text.startswith("make "):
                installed.run(each)
        assert_none_failed(series)
    assert registered(installed, "failurePolicy") == {"Fail", "Ignore"}, "Ignore is that of Repositories"
    assert registered(installed, "timeoutSeconds") == {"5"}
    assert deployment(installed)["spec"]["replicas"] == 2
    (container,) = deployment(installed)["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"] == {"memory": "512Mi"}
    assert {"name": "STASH_ADMISSION_RULE", "value": "valid-duration=warn"} in container["env"], "which stays"
    assert container["image"] == "stash-admission:0.2.0"
    assert installed.bundles() == trusted


def test_what_only_the_new_rules_would_refuse_is_seen_before_an_upgrade(installed: Reader, objects: Objects) -> None:
    levels, before, _, after, compare, *_ = commands(OPERATIONS, "Upgrade")
    (_, warn, *_) = commands(OPERATIONS, "Have a rule warn")
    installed.run(Command(warn.text.replace("valid-duration", "valid-schedule")))
    assert objects.create(bad("stored")).status == 201
    installed.run(levels)
    installed.run(before)
    installed.run(after)
    assert installed.run(compare) == ""
    stricter = Command(after.text.replace("$levels", ""))
    installed.run(stricter, code=1)
    assert re.fullmatch(r"BackupConfiguration \S+/stored \(valid-schedule\)\n", installed.run(compare))
    assert objects.delete(bad("stored")).status == 200


def test_without_deleting_the_job_a_new_image_is_not_applied_to_it(installed: Reader) -> None:
    release(installed, "0.2.0")
    printed = installed.run(Command("kubectl apply -f manifests/install.yaml"), code=1)
    assert "field is immutable" in printed


def release(reader: Reader, version: str) -> None:
    """Have another version of the manifests in the checkout."""
    path = reader.folder / "manifests" / "install.yaml"
    path.write_text(re.sub(r"(image: stash-admission:)\S+", rf"\g<1>{version}", path.read_text()))


def test_kubectl_prints_the_refusals_that_the_page_of_rules_shows(installed: Reader) -> None:
    page = (DOCS / "reference" / "rules.md").read_text()
    installed.run(Command("kubectl create namespace demo"))
    for rule in RULES.values():
        example = next(iter(examples(rule).values()))
        if rule.level is not Level.ENFORCE or example.old or example.cluster or rule.id in BY_THE_CRD:
            continue
        section = page.partition(f"\n### `{rule.id}`\n")[2].partition("\n### ")[0]
        (said,) = re.findall(r"^kubectl prints:\n\n```text\n(.*?)```$", section, flags=re.MULTILINE | re.DOTALL)
        installed.run(Command(f"kubectl create -f manifests/samples/{rule.id}.yaml", said), code=1)
    installed.run(Command("kubectl delete namespace demo"))


def test_the_kustomizations_of_the_page_do_what_it_says(own: Cluster, tmp_path: Path) -> None:
    blocks = re.findall(
        r"^( *)```yaml\n(.*?)^\1```$", (DOCS / INSTALLATION).read_text(), flags=re.MULTILINE | re.DOTALL
    )
    image, levels = (textwrap.dedent(block) for _, block in blocks)
    overlay = os.path.relpath(MANIFESTS / "overlays/self-managed", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(f"resources:\n- {overlay}\n{image}{levels}")
    done = own.kubectl("kustomize", str(tmp_path))
    assert done.returncode == 0, done.stderr
    made = load_all(done.stdout)
    (container,) = next(each for each in made if each["kind"] == "Deployment")["spec"]["template"]["spec"]["containers"]
    assert {"name": "STASH_ADMISSION_RULE", "value": "valid-duration=warn"} in container["env"]
    assert container["image"] == "registry.example/backup/stash-admission:0.1.0"
    assert "image: stash-admission:" not in done.stdout
