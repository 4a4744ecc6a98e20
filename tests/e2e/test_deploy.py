"""The manifests on a real API server: accepted, safe, and asking about what must be asked about and nothing else."""

from __future__ import annotations

import base64
import copy
import datetime
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from typer.testing import CliRunner

from app.cli import app
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.heeding import wait_until_heeded
from testbed.control_plane.installation import define, definition
from testbed.documents import load_all
from testbed.patience import eventually
from testbed.registered import registered
from tests.support.e2e import certmanager
from tests.support.e2e.drift import drifts
from tests.support.e2e.standin import Answer, Call, Hangup, standing_in
from tools import deploy

Manifest = dict[str, Any]
Calls = list[tuple[str, str]]
"""Path and operation of each."""
MODES = ("self-managed", "cert-manager", "own-secret")
OVERLAYS = (*MODES, "host-network", "openshift")
OVERLAY = pytest.mark.parametrize("overlay", OVERLAYS)
MODE = pytest.mark.parametrize("mode", MODES)
NAMESPACE = deploy.NAME
CERTS = f"system:serviceaccount:{NAMESPACE}:stash-admission-certs"
REGISTER = "stash-admission-register"
REGISTERS = f"system:serviceaccount:{NAMESPACE}:{REGISTER}"
SERVER = f"system:serviceaccount:{NAMESPACE}:stash-admission"
TRUSTED = trustme.CA().cert_pem.bytes()
"""What the user of the overlay `own-secret` puts beside it."""
POD_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


@pytest.fixture(scope="module")
def own(cluster: Cluster) -> Iterator[Cluster]:
    """An API server of its own: these registrations concern the whole of it, and refuse while nobody answers."""
    with Cluster(cluster.binaries) as started:
        yield started


def kustomize(cluster: Cluster, folder: Path) -> list[Manifest]:
    """What the kustomize in kubectl makes of a folder."""
    rendered = cluster.kubectl("kustomize", str(folder))
    assert rendered.returncode == 0, rendered.stderr
    assert rendered.stderr == "", "kustomize warns of what will not work for long"
    return parse(rendered.stdout)


def overlaid(cluster: Cluster, overlay: str, component: str | None = None) -> list[Manifest]:
    """What kustomize makes of an overlay, with one component more if one is named."""
    with tempfile.TemporaryDirectory() as folder:
        overlays = copied(Path(folder)) / "overlays"
        (overlays / "own-secret" / "ca.crt").write_bytes(TRUSTED)
        file = overlays / overlay / "kustomization.yaml"
        if component:
            file.write_text(file.read_text().replace("components:\n", f"components:\n- ../../components/{component}\n"))
        return kustomize(cluster, file.parent)


def copied(folder: Path) -> Path:
    """A copy of `manifests/` in a folder, for what a user writes into it."""
    ignored = shutil.ignore_patterns("*.py", "__pycache__", "ca.crt")
    return shutil.copytree(deploy.MANIFESTS, folder / "manifests", ignore=ignored)


def parse(text: str) -> list[Manifest]:
    return load_all(text)


def kubectl(cluster: Cluster, *args: str, stdin: Any = None) -> str:
    """Run kubectl, with objects on its standard input; what it printed. It must succeed and warn of nothing."""
    done = cluster.kubectl(*args, stdin=json.dumps(listed(stdin)) if stdin is not None else None)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def listed(objects: Any) -> Manifest:
    items = objects if isinstance(objects, list) else [objects]
    return items[0] if len(items) == 1 else {"apiVersion": "v1", "kind": "List", "items": items}


def key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def namespaces(objects: list[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """The namespaces, and the others."""
    first = [each for each in objects if each["kind"] == "Namespace"]
    return first, [each for each in objects if each["kind"] != "Namespace"]


# Everything is accepted.


def test_install_yaml_is_what_kustomize_makes_of_the_default_overlay(cluster: Cluster) -> None:
    made = {key(each): each for each in kustomize(cluster, deploy.MANIFESTS / deploy.RENDERED)}
    installed = parse((deploy.MANIFESTS / "install.yaml").read_text())
    assert {key(each): each for each in installed} == made
    assert len(installed) == len(made)


def test_an_image_of_ones_own_is_one_line_of_kustomize(cluster: Cluster, tmp_path: Path) -> None:
    overlay = os.path.relpath(deploy.MANIFESTS / "overlays/host-network", tmp_path)
    image = {"name": "stash-admission", "newName": "registry.example/backup/admission", "newTag": "7"}
    (tmp_path / "kustomization.yaml").write_text(json.dumps({"resources": [overlay], "images": [image]}))
    pods = templates(kustomize(cluster, tmp_path))
    assert {pod["spec"]["containers"][0]["image"] for pod in pods.values()} == {"registry.example/backup/admission:7"}
    assert len(pods) == 5


def test_cert_manager_is_told_to_write_the_ca_into_both_registrations(cluster: Cluster) -> None:
    objects = {key(each): each for each in overlaid(cluster, "cert-manager")}
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        annotations = objects[kind, deploy.NAME]["metadata"]["annotations"]
        namespace, _, name = annotations["cert-manager.io/inject-ca-from"].partition("/")
        assert objects["Certificate", name]["metadata"]["namespace"] == namespace
    assert {name for kind, name in objects if kind in ("Job", "CronJob")} == {REGISTER}


def test_on_the_hosts_network_only_the_server_changes(cluster: Cluster) -> None:
    before = {key(each): each for each in overlaid(cluster, "self-managed")}
    after = {key(each): each for each in overlaid(cluster, "host-network")}
    assert before.keys() - after.keys() == {("NetworkPolicy", deploy.NAME)}
    changed = {name for name, manifest in after.items() if manifest != before.get(name)}
    assert changed == {("Namespace", NAMESPACE), ("Deployment", deploy.NAME)}
    pod = templates(list(after.values()))["Deployment"]["spec"]
    assert (pod["hostNetwork"], pod["dnsPolicy"]) == (True, "ClusterFirstWithHostNet")
    (container,) = pod["containers"]
    host = {
        "name": "STASH_ADMISSION_HOST",
        "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "status.hostIP"}},
    }
    assert host in container["env"]
    assert [each["containerPort"] for each in container["ports"]] == [9443, 9444]


@MODE
def test_with_one_line_every_mode_is_on_the_hosts_network(cluster: Cluster, mode: str) -> None:
    before = {key(each): each for each in overlaid(cluster, mode)}
    after = {key(each): each for each in overlaid(cluster, mode, component="host-network")}
    assert before.keys() - after.keys() == {("NetworkPolicy", deploy.NAME)}
    shipped = {key(each): each for each in overlaid(cluster, "host-network")}
    for name, manifest in after.items():
        changed = name in (("Namespace", NAMESPACE), ("Deployment", deploy.NAME))
        assert manifest == (shipped if changed else before)[name]


def test_what_monitors_is_made_in_the_namespace_of_the_server(cluster: Cluster) -> None:
    objects = {key(each): each for each in kustomize(cluster, deploy.MANIFESTS / "monitoring")}
    assert objects.keys() == {
        ("ConfigMap", "stash-admission-dashboard"),
        ("PodMonitor", deploy.NAME),
        ("PrometheusRule", deploy.NAME),
    }
    assert {each["metadata"]["namespace"] for each in objects.values()} == {NAMESPACE}
    assert {each["metadata"]["labels"]["app.kubernetes.io/name"] for each in objects.values()} == {deploy.NAME}
    dashboard = objects["ConfigMap", "stash-admission-dashboard"]
    assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert dashboard["data"] == {"dashboard.json": (deploy.MANIFESTS / "monitoring" / "dashboard.json").read_text()}


def test_the_page_on_monitoring_says_how_to_leave_the_metrics_to_prometheus(cluster: Cluster, tmp_path: Path) -> None:
    page = (deploy.MANIFESTS.parent / "docs" / "operate" / "monitoring.md").read_text()
    shown = page.partition("```yaml\n")[2].partition("```")[0]
    copied(tmp_path / "stash-admission")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kustomization.yaml").write_text(shown)
    before = {key(each): each for each in overlaid(cluster, "self-managed")}
    after = {key(each): each for each in kustomize(cluster, tmp_path / "mine")}
    assert {name for name, each in after.items() if each != before[name]} == {("NetworkPolicy", deploy.NAME)}
    webhook, management = after["NetworkPolicy", deploy.NAME]["spec"]["ingress"]
    assert webhook == {"ports": [{"protocol": "TCP", "port": 10250}]}
    assert [each["port"] for each in management["ports"]] == [8080]
    assert management["from"]


REGISTRATION = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")


@MODE
def test_the_modes_differ_in_certificates_alone(cluster: Cluster, mode: str) -> None:
    base = {key(each): each for each in kustomize(cluster, deploy.MANIFESTS / "base")}
    made = {key(each): each for each in overlaid(cluster, mode)}
    assert base.keys() <= made.keys()
    for kind in REGISTRATION:
        made[kind, deploy.NAME]["metadata"].pop("annotations", None)
        for webhook in made[kind, deploy.NAME]["webhooks"]:
            webhook["clientConfig"].pop("caBundle", None)
    assert {name: made[name] for name in base} == base


def test_the_ca_of_ones_own_secret_is_in_both_registrations_and_in_no_secret(cluster: Cluster) -> None:
    objects = {key(each): each for each in overlaid(cluster, "own-secret")}
    for kind in REGISTRATION:
        for webhook in objects[kind, deploy.NAME]["webhooks"]:
            assert base64.b64decode(webhook["clientConfig"]["caBundle"]) == TRUSTED
    assert "Secret" not in {kind for kind, _ in objects}
    assert {name for kind, name in objects if kind in ("Job", "CronJob")} == {REGISTER}


def test_without_the_ca_of_ones_own_secret_nothing_is_rendered(cluster: Cluster, tmp_path: Path) -> None:
    overlay = copied(tmp_path) / "overlays" / "own-secret"
    rendered = cluster.kubectl("kustomize", str(overlay))
    assert rendered.returncode == 1
    assert rendered.stdout == ""
    assert "ca.crt: no such file or directory" in rendered.stderr
    assert len(rendered.stderr.splitlines()) == 1


@pytest.fixture(scope="module")
def cert_manager(own: Cluster) -> None:
    """What the API server knows of cert-manager."""
    define(own, certmanager.definitions())


@OVERLAY
@pytest.mark.usefixtures("cert_manager")
def test_every_overlay_is_accepted_with_strict_validation(own: Cluster, overlay: str) -> None:
    first, others = namespaces(overlaid(own, overlay))
    kubectl(own, "apply", "-f", "-", stdin=first)
    printed = kubectl(own, "apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-", stdin=others)
    assert printed.count("serverside-applied (server dry run)\n") == len(others)


@OVERLAY
@pytest.mark.usefixtures("cert_manager")
def test_what_is_stored_is_what_was_sent_field_by_field(own: Cluster, overlay: str) -> None:
    objects = overlaid(own, overlay)
    first, others = namespaces(objects)
    try:
        for manager in ("argocd-controller", "kustomize-controller", "argocd-controller"):
            assert drifts(own, [*first, *others], manager) == []
    finally:
        kubectl(own, "delete", "-f", "-", stdin=others)
        # The namespace stays, as `kubectl apply` leaves it: the next test would be warned otherwise.
        own.kubectl("apply", "-f", "-", stdin=json.dumps(listed(first)))


@pytest.fixture
def applied(own: Cluster) -> Iterator[str]:
    """`install.yaml` is applied as its users do; its path. All but the namespace, which would never go, goes again."""
    path = str(deploy.MANIFESTS / "install.yaml")
    printed = kubectl(own, "apply", "--validate=strict", "-f", path)
    assert printed.count(" created\n") >= len(parse(Path(path).read_text())) - 1
    yield path
    _, others = namespaces(parse(Path(path).read_text()))
    kubectl(own, "delete", "-f", "-", stdin=others)


def test_applying_twice_changes_nothing(own: Cluster, applied: str) -> None:
    versions = ("get", "-f", applied, "-o", "jsonpath={range .items[*]}{.kind} {.metadata.resourceVersion}{'\\n'}{end}")
    before = kubectl(own, *versions)
    assert len(before.splitlines()) == len(parse(Path(applied).read_text()))
    kubectl(own, "apply", "-f", applied)
    assert kubectl(own, *versions) == before


def test_rotate_has_the_arguments_and_rights_it_needs_and_applying_again_undoes_nothing(
    own: Cluster, applied: str, tmp_path: Path
) -> None:
    container = templates(parse(Path(applied).read_text()))["Job"]["spec"]["containers"][0]
    token = kubectl(own, "create", "token", CERTS.rpartition(":")[2], f"--namespace={NAMESPACE}").strip()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(logged_in(own, token)))
    program = Path(sys.executable).with_name(container["command"][0])
    command = [str(program), *container["command"][1:], *container["args"]]
    first = subprocess.run(command, env={"KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, check=False)
    assert first.returncode == 0, first.stderr
    stored = ("get", *(f"{kind}/{deploy.NAME}" for kind in REGISTRATIONS), "-o", f"jsonpath={BUNDLES}")
    bundles = kubectl(own, *stored).split()
    assert len(bundles) == 3
    assert len(set(bundles)) == 1
    for again in (("apply", "-f", applied), ("apply", "--server-side", "--force-conflicts", "-f", applied)):
        kubectl(own, *again)
        assert kubectl(own, *stored).split() == bundles
    second = subprocess.run(command, env={"KUBECONFIG": str(kubeconfig)}, capture_output=True, text=True, check=False)
    assert second.returncode == 0, second.stderr
    assert second.stdout.startswith("nothing to do")


BUNDLES = "{range .items[*]}{.webhooks[*].clientConfig.caBundle} {end}"


def logged_in(cluster: Cluster, token: str) -> Manifest:
    """A kubeconfig, as the Pod's ServiceAccount."""
    server = {"server": cluster.server, "certificate-authority": str(cluster.credentials.ca)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "test", "cluster": server}],
        "users": [{"name": "test", "user": {"token": token}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "current-context": "test",
    }


class Refused(Exception):
    """What the API server says of a request that failed."""


def send(
    cluster: Cluster,
    method: str,
    path: str,
    body: Any = None,
    content_type: str = "application/json",
) -> Manifest:
    """Send one request to the API server as its administrator. Raises Refused."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": content_type}
    request = urllib.request.Request(cluster.server + path, data, headers, method=method)  # noqa: S310
    try:
        with urllib.request.urlopen(request, context=cluster.credentials.client_context()) as response:  # noqa: S310
            answer: Manifest = json.load(response)
            return answer
    except urllib.error.HTTPError as error:
        raise Refused(json.load(error)["message"]) from None


REGISTRATIONS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")
HELD = ("backupconfigurations", "backupbatches", "repositories", "namespaces")
MAY = (
    (CERTS, "get", "secrets/stash-admission-tls", True),
    (CERTS, "update", "secrets/stash-admission-tls", True),
    (CERTS, "get", "secrets/stash-admission-tls-ca", True),
    (CERTS, "update", "secrets/stash-admission-tls-ca", True),
    (CERTS, "create", "secrets/", True),
    (CERTS, "get", "secrets/another", False),
    (CERTS, "update", "secrets/another", False),
    (CERTS, "list", "secrets/", False),
    (CERTS, "watch", "secrets/", False),
    (CERTS, "delete", "secrets/stash-admission-tls", False),
    *((CERTS, verb, f"{kind}s/{deploy.NAME}", True) for kind in REGISTRATIONS for verb in ("get", "patch")),
    *((CERTS, verb, f"{kind}s/{deploy.NAME}", False) for kind in REGISTRATIONS for verb in ("update", "delete")),
    *((CERTS, verb, f"{kind}s/another", False) for kind in REGISTRATIONS for verb in ("get", "patch")),
    *((CERTS, verb, f"{kind}s/", False) for kind in REGISTRATIONS for verb in ("create", "list")),
    (REGISTERS, "get", f"services/{deploy.NAME}", True),
    (REGISTERS, "get", "services/another", False),
    (REGISTERS, "get", "secrets/stash-admission-tls", False),
    *((REGISTERS, verb, f"{kind}s/{deploy.NAME}", True) for kind in REGISTRATIONS for verb in ("get", "patch")),
    *((REGISTERS, verb, f"{kind}s/{deploy.NAME}", False) for kind in REGISTRATIONS for verb in ("update", "delete")),
    *((REGISTERS, verb, f"{kind}s/another", False) for kind in REGISTRATIONS for verb in ("get", "patch")),
    (SERVER, "get", "secrets/stash-admission-tls", False),
    (SERVER, "patch", f"mutatingwebhookconfigurations/{deploy.NAME}", False),
    (SERVER, "list", "pods/", False),
    *((SERVER, verb, f"{thing}/", True) for thing in HELD for verb in ("list", "watch")),
    *((SERVER, verb, f"{thing}/", False) for thing in HELD for verb in ("create", "update", "patch", "delete")),
)


@pytest.mark.usefixtures("applied")
def test_the_rights_are_those_that_the_certificates_and_the_inventory_need(own: Cluster) -> None:
    for user, verb, thing, may in MAY:
        assert allowed(own, user, verb, thing, NAMESPACE) is may, f"{user} {verb} {thing}"
    assert not allowed(own, CERTS, "create", "secrets/", "default")


def allowed(cluster: Cluster, user: str, verb: str, thing: str, namespace: str) -> bool:
    resource, _, name = thing.partition("/")
    asked = {"verb": verb, "resource": resource, "name": name}
    asked |= {"group": "admissionregistration.k8s.io"} if "webhook" in resource else {"namespace": namespace}
    if resource in HELD[:3]:
        asked["group"] = "stash.appscode.com"
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": user, "groups": ["system:serviceaccounts"], "resourceAttributes": asked},
    }
    answer = send(cluster, "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


# Pod Security.


def templates(objects: list[Manifest]) -> dict[str, Manifest]:
    """The pods that the objects of an overlay make."""
    found = {}
    for each in objects:
        if each["kind"] in POD_TEMPLATES:
            value = each
            for step in POD_TEMPLATES[each["kind"]]:
                value = value[step]
            pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(value)}
            pod["metadata"]["name"] = f"{each['metadata']['name']}-{each['kind'].lower()}"
            found[f"{'register ' if each['metadata']['name'] == REGISTER else ''}{each['kind']}"] = pod
    return found


def enforcing(cluster: Cluster, name: str, labels: dict[str, str]) -> str:
    metadata = {"name": name, "labels": labels}
    kubectl(cluster, "create", "-f", "-", stdin={"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    return f"--namespace={name}"


def pod_security(level: str) -> dict[str, str]:
    return {f"pod-security.kubernetes.io/{mode}": level for mode in ("enforce", "audit", "warn")}


def shipped_labels(objects: list[Manifest]) -> dict[str, str]:
    ((namespace,), _) = namespaces(objects)
    labels = namespace["metadata"]["labels"].items()
    return {name: value for name, value in labels if name.startswith("pod-security.kubernetes.io/")}


@OVERLAY
def test_the_pods_are_created_where_pod_security_is_as_shipped(own: Cluster, overlay: str) -> None:
    objects = overlaid(own, overlay)
    labels = shipped_labels(objects)
    assert labels == pod_security("privileged" if overlay == "host-network" else "restricted")
    where = enforcing(own, f"shipped-{overlay}", labels)
    for pod in templates(objects).values():
        kubectl(own, "create", where, "-f", "-", stdin=pod)
    critical = kubectl(own, "get", "pod", "stash-admission-deployment", where, "-o", "jsonpath={.spec.priority}")
    assert critical == "2000000000"


def test_on_the_hosts_network_even_baseline_refuses_and_for_that_alone(own: Cluster) -> None:
    pods = templates(overlaid(own, "host-network"))
    server = pods.pop("Deployment")
    where = enforcing(own, "baseline", pod_security("baseline"))
    refused = own.kubectl("create", where, "-f", "-", stdin=json.dumps(server))
    assert refused.returncode == 1
    assert refused.stderr.strip().endswith(
        'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true), '
        'hostPort (container "webhook" uses hostPorts 9443, 9444)'
    )
    # Without that field (the API server makes host ports of the ports when it is set) the strictest level takes it.
    del server["spec"]["hostNetwork"]
    strictly = enforcing(own, "strict", pod_security("restricted"))
    for pod in (server, *pods.values()):
        kubectl(own, "create", strictly, "-f", "-", stdin=pod)


# Where a policy refuses user ids of one's own, as restricted-v2 of OpenShift does.

FIXED_IDS = """
!has(object.spec.securityContext)
|| (!has(object.spec.securityContext.runAsUser) && !has(object.spec.securityContext.runAsGroup)
    && !has(object.spec.securityContext.fsGroup))
"""
OF_CONTAINERS = "object.spec.containers.all(each, !has(each.securityContext) || !has(each.securityContext.runAsUser))"


@pytest.fixture
def without_fixed_ids(own: Cluster) -> Iterator[str]:
    """A namespace in which the platform gives the user ids, as kubectl's flag."""
    name = "ids-of-the-platform"
    kind, group = "ValidatingAdmissionPolicy", {"apiVersion": "admissionregistration.k8s.io/v1"}
    where = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    pods = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    said = "runAsUser, runAsGroup and fsGroup are given by the platform"
    spec = {
        "matchConstraints": {"resourceRules": [pods]},
        "validations": [{"expression": each, "message": said} for each in (FIXED_IDS, OF_CONTAINERS)],
    }
    binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": {"namespaceSelector": where}}
    policies = [
        {**group, "kind": kind, "metadata": {"name": name}, "spec": spec},
        {**group, "kind": f"{kind}Binding", "metadata": {"name": name}, "spec": binding},
    ]
    flag = enforcing(own, name, pod_security("restricted"))
    kubectl(own, "create", "-f", "-", stdin=policies)
    yield flag
    kubectl(own, "delete", f"{kind},{kind}Binding", name)


def tried(cluster: Cluster, flag: str, pod: Manifest) -> str:
    """Why a pod is refused; nothing if it is not."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": pod["spec"]["serviceAccountName"]}}
    cluster.kubectl("create", flag, "-f", "-", stdin=json.dumps(account))
    done = cluster.kubectl("create", "--dry-run=server", flag, "-f", "-", stdin=json.dumps(pod))
    return done.stderr.strip()


def test_the_overlay_for_openshift_is_admitted_where_fixed_ids_are_not_and_doctor_names_it_otherwise(
    own: Cluster, without_fixed_ids: str
) -> None:
    fixed, free = (templates(overlaid(own, overlay)) for overlay in ("self-managed", "openshift"))
    assert fixed.keys() == free.keys()
    refusal = eventually(lambda: tried(own, without_fixed_ids, fixed["Deployment"]), says=lambda: "it is admitted")
    assert {tried(own, without_fixed_ids, pod).partition(" denied request: ")[2] for pod in fixed.values()} == {
        "runAsUser, runAsGroup and fsGroup are given by the platform"
    }
    assert {tried(own, without_fixed_ids, pod) for pod in free.values()} == {""}
    # What the controller of ReplicaSets would write.
    name = without_fixed_ids.partition("=")[2]
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    event = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": "refused", "namespace": name},
        "involvedObject": {"kind": "ReplicaSet", "name": "stash-admission-6d4b75cb6d", "namespace": name},
        "reason": "FailedCreate",
        "type": "Warning",
        "message": f"Error creating: {refusal.removeprefix('Error from server (Forbidden): ')}",
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
    }
    kubectl(own, "create", "-f", "-", stdin=event)
    environment = {"KUBECONFIG": str(own.credentials.kubeconfig("admin"))}
    said = CliRunner(env=environment).invoke(app, ["doctor", "--no-try", f"--namespace={name}"]).output
    (section,) = re.findall(r"^Pods\n((?: .*\n)+)", said, re.MULTILINE)
    assert f"WRONG  Deployment {name}/stash-admission: a policy refuses the user ids of its pods" in section
    assert "the API server says: Error creating: " in section
    assert "kubectl apply -k manifests/overlays/openshift" in section


# What the API server asks about.


@dataclass
class Recorder:
    """A server for both webhooks that remembers what it was asked, and admits it unless it is told to be down."""

    context: ssl.SSLContext
    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)
    """Path and operation of each call."""
    down: bool = False
    patches: dict[str, list[Manifest]] = field(default_factory=dict)
    """JSON Patches by path."""

    def serve(self) -> Iterator[Recorder]:
        """Serve until the iterator is resumed."""
        with standing_in(self.context, self._answer) as self.port:
            yield self

    def _answer(self, call: Call) -> Answer:
        self.asked.append((call.path, call.request["operation"]))
        if self.down:
            return Hangup()
        if call.path not in self.patches:
            return {"allowed": True}
        encoded = base64.b64encode(json.dumps(self.patches[call.path]).encode()).decode()
        return {"allowed": True, "patchType": "JSONPatch", "patch": encoded}


def preserving(**properties: Any) -> Manifest:
    return {"type": "object", "properties": properties, "x-kubernetes-preserve-unknown-fields": True}


#: Schemas unlike each other: of a spec that may be null, one with typed fields and others pruned, one that says
#: nothing of a spec and keeps it, one that says nothing and prunes it.
SCHEMAS: dict[str, tuple[str, Manifest]] = {
    "BackupConfiguration": (
        "backupconfigurations",
        {"type": "object", "properties": {"spec": {**preserving(), "nullable": True}, "status": preserving()}},
    ),
    "BackupBatch": (
        "backupbatches",
        {
            "type": "object",
            "properties": {
                "spec": {
                    "type": "object",
                    "properties": {
                        "schedule": {"type": "string"},
                        "driver": {"type": "string", "default": "Restic"},
                        "members": {"type": "array", "items": preserving()},
                    },
                },
                "status": preserving(),
            },
        },
    ),
    "RestoreSession": ("restoresessions", preserving()),
    "RestoreBatch": ("restorebatches", {"type": "object", "properties": {"status": preserving()}}),
}
KEEPING = ("BackupConfiguration", "BackupBatch", "RestoreSession")
KIND = pytest.mark.parametrize("kind", SCHEMAS)
KEEPS_SPEC = pytest.mark.parametrize("kind", KEEPING)
CREATED = [("/mutate", "CREATE"), ("/validate", "CREATE")]
CHANGED = [("/mutate", "UPDATE"), ("/validate", "UPDATE")]


@pytest.fixture(scope="module")
def recorder(own: Cluster) -> Iterator[Recorder]:
    """The webhooks as registered in production, but for the port, which the API server dials directly."""
    ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(f"{deploy.NAME}.{NAMESPACE}.svc").configure_cert(context)
    first, _ = namespaces(overlaid(own, "self-managed"))
    kubectl(own, "apply", "-f", "-", stdin=first)
    stand_in = ("create", "service", "externalname", deploy.NAME, "--external-name=localhost", "-n", NAMESPACE)
    kubectl(own, *stand_in)
    define(own, [definition("stash.appscode.com", "v1beta1", kind, *rest) for kind, rest in SCHEMAS.items()])
    enforcing(own, "asked", {})
    for started in Recorder(context).serve():
        bundle = base64.b64encode(ca.cert_pem.bytes()).decode()
        configurations = [registered(each) for each in parse(deploy.registration())]
        register(own, configurations, started, bundle)
        register(own, [later(copy.deepcopy(configurations[0]))], started, bundle)
        wait_until_asked(own, started)
        yield started


def register(cluster: Cluster, configurations: list[Manifest], recorder: Recorder, bundle: str) -> None:
    for configuration in configurations:
        for webhook in configuration["webhooks"]:
            webhook["clientConfig"]["service"]["port"] = recorder.port
            webhook["clientConfig"]["caBundle"] = bundle
    kubectl(cluster, "apply", "--validate=strict", "-f", "-", stdin=configurations)


def later(configuration: Manifest) -> Manifest:
    """A mutating webhook of somebody else, called after ours, for the objects with a label."""
    (webhook,) = configuration["webhooks"]
    webhook["name"], webhook["clientConfig"]["service"]["path"] = "later.example.com", "/later"
    webhook["objectSelector"] = {"matchLabels": {"later": "please"}}
    del webhook["matchConditions"]
    configuration["metadata"]["name"] = "z-later"
    return configuration


def wait_until_asked(cluster: Cluster, recorder: Recorder) -> None:
    """Registrations are heeded a moment after they are stored."""
    wait_until_heeded(cluster)
    labelled = stash("BackupConfiguration", "tried", spec={})
    labelled["metadata"]["labels"] = {"later": "please"}
    recorder.asked.clear()
    created = cluster.kubectl("create", "--dry-run=server", "-f", "-", stdin=json.dumps(labelled))
    assert created.returncode == 0, created.stderr
    assert {path for path, _ in recorder.asked} == {"/mutate", "/later", "/validate"}


@pytest.fixture
def ask(own: Cluster, recorder: Recorder) -> Iterator[Ask]:
    yield Ask(own, recorder)
    recorder.down = False
    recorder.patches.clear()


@dataclass
class Ask:
    """Sends what kubectl sends, and tells what the webhooks were asked meanwhile."""

    cluster: Cluster
    recorder: Recorder

    def create(self, manifest: Manifest, query: str = "") -> Calls:
        return self._asked("POST", path_of(manifest).rpartition("/")[0] + query, manifest)

    def replace(self, manifest: Manifest, subresource: str = "") -> Calls:
        path = path_of(manifest)
        version = send(self.cluster, "GET", path)["metadata"]["resourceVersion"]
        metadata = {**manifest["metadata"], "resourceVersion": version}
        return self._asked("PUT", path + subresource, {**manifest, "metadata": metadata})

    def patch(self, kind: str, name: str, change: Any, subresource: str = "") -> Calls:
        """With a merge patch, or a JSON Patch if it is a list."""
        content_type = "application/json-patch+json" if isinstance(change, list) else "application/merge-patch+json"
        return self._asked("PATCH", path_of(stash(kind, name)) + subresource, change, content_type)

    def apply(self, manifest: Manifest, query: str = "") -> Calls:
        path = f"{path_of(manifest)}?fieldManager=test&force=true{query}"
        return self._asked("PATCH", path, manifest, "application/apply-patch+yaml")

    def delete(self, kind: str, name: str = "") -> Calls:
        """One object, or all."""
        return self._asked("DELETE", path_of(stash(kind, name)))

    def get(self, kind: str, name: str) -> Manifest:
        return send(self.cluster, "GET", path_of(stash(kind, name)))

    def _asked(self, *request: Any) -> Calls:
        self.recorder.asked.clear()
        answer = send(self.cluster, *request)
        asked = list(self.recorder.asked)
        self._settle(answer)
        return asked

    def _settle(self, answer: Manifest) -> None:
        """Wait until the API server's cache has what was written.

        An update is first tried on what the cache holds; if that was old, it is tried, and asked about, once more.
        """
        if answer["kind"] in SCHEMAS and (version := answer["metadata"].get("resourceVersion")):
            with suppress(Refused):  # it may be gone
                send(self.cluster, "GET", f"{path_of(answer)}?resourceVersion={version}")


def stash(kind: str, name: str, **fields: Any) -> Manifest:
    metadata: Manifest = {"name": name, "namespace": "asked"}
    return {"apiVersion": "stash.appscode.com/v1beta1", "kind": kind, "metadata": metadata, **fields}


def path_of(manifest: Manifest) -> str:
    plural, metadata = SCHEMAS[manifest["kind"]][0], manifest["metadata"]
    return f"/apis/{manifest['apiVersion']}/namespaces/{metadata['namespace']}/{plural}/{metadata['name']}"


SPEC: Manifest = {"schedule": "0 3 * * *", "members": [{"target": {"alias": "app"}}, {"target": {"alias": "db"}}]}
OTHER: Manifest = {"schedule": "0 3 * * *", "members": [{"target": {"alias": "app"}}, {"target": {"alias": "log"}}]}


@KEEPS_SPEC
def test_a_creation_is_asked_about(ask: Ask, kind: str) -> None:
    assert ask.create(stash(kind, "created", spec=SPEC)) == CREATED
    assert ask.create(stash(kind, "dry", spec=SPEC), "?dryRun=All") == CREATED
    assert ask.apply(stash(kind, "applied", spec=SPEC)) == CREATED


@KIND
def test_a_creation_without_spec_is_asked_about(ask: Ask, kind: str) -> None:
    assert ask.create(stash(kind, "without-spec")) == CREATED


def test_a_spec_that_the_schema_prunes_was_never_there(ask: Ask) -> None:
    assert ask.create(stash("RestoreBatch", "pruned", spec=SPEC)) == CREATED
    assert "spec" not in ask.get("RestoreBatch", "pruned")
    assert ask.replace(stash("RestoreBatch", "pruned", spec=OTHER)) == []


@KEEPS_SPEC
def test_a_change_of_the_spec_is_asked_about_however_it_is_sent(ask: Ask, kind: str) -> None:
    ask.create(stash(kind, "changes", spec=SPEC))
    assert ask.patch(kind, "changes", {"spec": {"schedule": "0 4 * * *"}}) == CHANGED
    assert ask.replace(stash(kind, "changes", spec=SPEC)) == CHANGED
    assert ask.apply(stash(kind, "changes", spec=OTHER)) == CHANGED
    assert ask.apply(stash(kind, "changes", spec=SPEC), "&dryRun=All") == CHANGED
    assert ask.patch(kind, "changes", {"spec": {"members": list(reversed(OTHER["members"]))}}) == CHANGED
    assert ask.patch(kind, "changes", {"spec": {"members": None}}) == CHANGED


@KEEPS_SPEC
def test_a_spec_that_comes_or_goes_is_a_change(ask: Ask, kind: str) -> None:
    ask.create(stash(kind, "comes"))
    assert ask.replace(stash(kind, "comes")) == []
    assert ask.replace(stash(kind, "comes", spec=SPEC)) == CHANGED
    assert ask.replace(stash(kind, "comes")) == CHANGED
    assert ask.replace(stash(kind, "comes", spec={})) == CHANGED
    assert ask.replace(stash(kind, "comes", spec={})) == []


@pytest.mark.parametrize("kind", ["BackupConfiguration", "RestoreSession"])
def test_a_spec_of_null_is_compared_like_any_other(ask: Ask, kind: str) -> None:
    assert ask.create(stash(kind, "null", spec=None)) == CREATED
    assert ask.get(kind, "null")["spec"] is None
    assert ask.patch(kind, "null", {"metadata": {"labels": {"some": "label"}}}) == []
    assert ask.replace(stash(kind, "null", spec={})) == CHANGED
    assert ask.replace(stash(kind, "null", spec=None)) == CHANGED
    assert ask.replace(stash(kind, "null", spec=None)) == []
    assert ask.replace(stash(kind, "null")) == CHANGED


def test_where_the_schema_lets_a_spec_be_anything_a_change_of_its_type_is_one(ask: Ask) -> None:
    ask.create(stash("RestoreSession", "odd", spec=[1, 2]))
    specs: list[Any] = [[1, 3], "text", 1, 1.5, True, [[]], {"deep": [{"er": None}]}, {"deep": [{}]}]
    for spec in specs:
        assert ask.replace(stash("RestoreSession", "odd", spec=spec)) == CHANGED, spec
        assert ask.patch("RestoreSession", "odd", {"metadata": {"labels": {"spec": type(spec).__name__}}}) == []


def untouched(ask: Ask, kind: str, spec: Manifest) -> None:
    """Everything that may happen to an object besides a change of its spec, up to its end."""
    ask.create(stash(kind, "lives", **spec))
    ask.recorder.down = True
    assert ask.patch(kind, "lives", {"metadata": {"labels": {"some": "label"}, "annotations": {"a": "b"}}}) == []
    assert ask.patch(kind, "lives", {"status": {"phase": "Ready"}}, "/status") == []
    # A PUT of the status shows the webhooks whatever spec it holds.
    assert ask.replace(stash(kind, "lives", spec=OTHER, status={"phase": "Invalid"}), "/status") == []
    assert ask.replace(stash(kind, "lives", **spec)) == []
    assert ask.apply(stash(kind, "lives", **spec)) == []
    assert ask.patch(kind, "lives", {"metadata": {"finalizers": ["stash.appscode.com/test"]}}) == []
    assert ask.delete(kind, "lives") == []
    assert "deletionTimestamp" in ask.get(kind, "lives")["metadata"]
    assert ask.patch(kind, "lives", {"metadata": {"labels": {"other": "label"}}}) == []
    assert ask.patch(kind, "lives", {"status": {"phase": "Ready"}}, "/status") == []
    assert ask.patch(kind, "lives", {"spec": OTHER}) == []
    # As a file that somebody wrote: no deletionTimestamp in it.
    written = stash(kind, "lives", **spec)
    written["metadata"]["finalizers"] = ["stash.appscode.com/test"]
    assert ask.replace(written) == []
    assert ask.patch(kind, "lives", {"metadata": {"finalizers": None}}) == []
    with pytest.raises(Refused, match="not found"):
        ask.get(kind, "lives")


@KEEPS_SPEC
def test_what_leaves_the_spec_alone_is_not_asked_about_and_works_while_nobody_answers(ask: Ask, kind: str) -> None:
    untouched(ask, kind, {"spec": SPEC})


@KIND
def test_so_it_is_with_an_object_without_spec(ask: Ask, kind: str) -> None:
    untouched(ask, kind, {})


@KIND
def test_deletion_without_finalizers_is_not_asked_about(ask: Ask, kind: str) -> None:
    ask.create(stash(kind, "one"))
    ask.create(stash(kind, "of-many"))
    ask.recorder.down = True
    assert ask.delete(kind, "one") == []
    assert ask.delete(kind) == []
    with pytest.raises(Refused, match="not found"):
        ask.get(kind, "of-many")


def test_while_nobody_answers_a_creation_and_a_change_of_the_spec_are_refused(ask: Ask) -> None:
    ask.create(stash("BackupBatch", "kept", spec=SPEC))
    ask.recorder.down = True
    failing = 'failed calling webhook "mutate.admission.stash.appscode.com"'
    with pytest.raises(Refused, match=failing):
        ask.create(stash("BackupBatch", "unborn", spec=SPEC))
    with pytest.raises(Refused, match=failing):
        ask.replace(stash("BackupBatch", "kept", spec=OTHER))
    assert ask.get("BackupBatch", "kept")["spec"]["members"] == SPEC["members"]


def test_pretending_to_be_deleted_evades_nothing(ask: Ask) -> None:
    pretending = stash("BackupBatch", "pretends", spec=SPEC)
    pretending["metadata"]["deletionTimestamp"] = "2020-01-01T00:00:00Z"
    assert ask.create(pretending) == CREATED
    with pytest.raises(Refused, match=r"metadata.deletionTimestamp.*field is immutable"):
        ask.replace(pretending | {"spec": OTHER})
    assert ask.get("BackupBatch", "pretends")["spec"]["members"] == SPEC["members"]


def test_objects_in_the_namespace_of_the_server_are_not_asked_about(ask: Ask) -> None:
    theirs = {"name": "own", "namespace": NAMESPACE}
    assert ask.create(stash("BackupBatch", "own", spec=SPEC) | {"metadata": theirs}) == []


def test_the_largest_object_is_compared_within_the_cost_that_cel_may_have(ask: Ask) -> None:
    """Beyond it the evaluation fails, and with failurePolicy Fail the change of a label would be refused."""
    members = [{"target": {"alias": f"app-{i}", "paths": ["x" * 100] * 20}} for i in range(500)]
    large = stash("BackupBatch", "large", spec={"schedule": "0 3 * * *", "members": members})
    assert 2**20 < len(json.dumps(large)) < 1.5 * 2**20, "what etcd takes"
    assert ask.create(large) == CREATED
    assert ask.patch("BackupBatch", "large", {"metadata": {"labels": {"some": "label"}}}) == []
    last = [{"op": "replace", "path": "/spec/members/499/target/paths/19", "value": "y"}]
    assert ask.patch("BackupBatch", "large", last) == CHANGED


def test_what_a_later_webhook_adds_is_seen_too(ask: Ask) -> None:
    """`reinvocationPolicy`: else a target that somebody's policy adds would be stored without its alias."""
    ask.recorder.patches["/later"] = [{"op": "add", "path": "/spec/members/0", "value": {"target": {}}}]
    born = stash("BackupBatch", "added-to", spec=SPEC)
    born["metadata"]["labels"] = {"later": "please"}
    paths = [path for path, _ in ask.create(born)]
    assert paths == ["/mutate", "/later", "/mutate", "/validate"]
