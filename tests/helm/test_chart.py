"""The chart makes what the kustomizations make, and what the values say, of which nothing drifts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import trustme
from ruamel.yaml import YAML

from testbed.control_plane.cluster import Cluster
from testbed.documents import load, load_all
from tests.support.e2e.drift import drifts
from tests.support.helm import CHART, Helm
from tools import deploy

Manifest = dict[str, Any]
TRUSTED = trustme.CA().cert_pem.bytes()
OWN_SECRET = {"certificates": {"mode": "existingSecret", "caBundle": TRUSTED.decode()}}
LIKE_OVERLAYS: dict[str, Manifest] = {
    "self-managed": {},
    "host-network": {"hostNetwork": {"enabled": True}},
    "cert-manager": {"certificates": {"mode": "cert-manager"}},
    "own-secret": OWN_SECRET,
    "openshift": {"openshift": True},
}
FROM = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
COMBINATIONS: dict[str, Manifest] = {
    "nothing": {},
    "image": {"image": {"registry": "registry.example:5000", "repository": "backup/admission", "tag": "7"}},
    "digest": {"image": {"digest": f"sha256:{'a' * 64}", "pullPolicy": "Always", "pullSecrets": [{"name": "key"}]}},
    "placement": {
        "replicas": 3,
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"podAntiAffinity": None},
        "topologySpreadConstraints": [],
        "priorityClassName": "",
        "resources": {"limits": {"memory": "1Gi"}},
    },
    "budget": {"podDisruptionBudget": {"minAvailable": "50%"}},
    "no-budget": {"podDisruptionBudget": {"enabled": False}, "replicas": 1},
    "webhooks": {
        "webhooks": {
            "failurePolicy": "Ignore",
            "repositoriesFailurePolicy": "Fail",
            "timeoutSeconds": 10,
            "namespaceSelector": {
                "matchLabels": {"team": "backup"},
                "matchExpressions": [{"key": "exempt", "operator": "DoesNotExist"}],
            },
            "objectSelector": {"matchLabels": {"checked": "yes"}},
            "annotations": {"example.com/owner": "backup"},
        }
    },
    "cert-manager": {"certificates": {"mode": "cert-manager"}, "webhooks": {"annotations": {"example.com/a": "b"}}},
    "issuer": {"certificates": {"mode": "cert-manager", "issuerRef": {"kind": "Issuer", "name": "company"}}},
    "own-secret": {"certificates": {**OWN_SECRET["certificates"], "existingSecret": "from-vault"}},
    "injected": {
        "certificates": {"mode": "existingSecret"},
        "webhooks": {"annotations": {"cert-manager.io/inject-ca-from-secret": "stash-admission/from-vault"}},
    },
    "host-network": {"hostNetwork": {"enabled": True, "port": 9553, "managementPort": 9554}},
    "ipv6": {"host": "::", "port": 8443, "managementPort": 9090},
    "openshift": {"openshift": True, "certificates": {"mode": "cert-manager"}},
    "client-certificates": {"clientCertificates": {"secret": "client-ca", "names": ["kube-apiserver", "front-proxy"]}},
    "rules": {
        "rules": {
            "levels": {"nothing-kept": "enforce", "daemonset-alias": False, "valid-duration": "warn"},
            "namespaces": {"demo": {"unique-alias": "warn", "unique-host": "off"}},
        }
    },
    "without-inventory": {"inventory": {"enabled": False}},
    "strict-inventory": {"inventory": {"missing": "fail", "claims": False}},
    "network": {"networkPolicy": {"webhookFrom": FROM, "managementFrom": FROM}, "resourceQuota": {"enabled": False}},
    "no-network": {"networkPolicy": {"enabled": False}},
    "monitoring": {
        "podMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "interval": "15s"},
        "alerts": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True, "labels": {"folder": "backup"}, "annotations": {"grafana_folder": "Backup"}},
    },
    "service-monitor": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}},
    "extras": {
        "extraArgs": ["--max-in-flight=64"],
        "extraEnv": [{"name": "STASH_ADMISSION_MAX_CONNECTIONS", "value": "500"}],
        "extraVolumes": [{"name": "more", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "more", "mountPath": "/more"}],
        "commonLabels": {"team": "backup"},
        "podLabels": {"mesh": "no"},
        "podAnnotations": {"example.com/a": "b"},
        "serviceAccount": {"annotations": {"example.com/role": "backup"}},
    },
    "crds": {"crds": {"enabled": True}},
    "crds-that-go": {"crds": {"enabled": True, "keep": False}},
}
PLATFORMS = sorted(path.stem for path in (CHART / "platforms").glob("*.yaml"))


def key(manifest: Manifest) -> tuple[str, str]:
    return manifest["kind"], manifest["metadata"]["name"]


def by_key(objects: list[Manifest]) -> dict[tuple[str, str], Manifest]:
    found = {key(each): each for each in objects}
    assert len(found) == len(objects)
    return found


def overlaid(cluster: Cluster, overlay: str, folder: Path) -> list[Manifest]:
    """What kustomize makes of an overlay, but for the namespace, which Helm makes."""
    manifests = shutil.copytree(deploy.MANIFESTS, folder / "manifests", ignore=shutil.ignore_patterns("*.py", "ca.crt"))
    (manifests / "overlays" / "own-secret" / "ca.crt").write_bytes(TRUSTED)
    rendered = cluster.kubectl("kustomize", str(manifests / "overlays" / overlay))
    assert rendered.returncode == 0, rendered.stderr
    return [each for each in load_all(rendered.stdout) if each["kind"] != "Namespace"]


def test_lint_finds_nothing(helm: Helm) -> None:
    assert "0 chart(s) failed" in helm.run("lint", "--strict", str(CHART))


@pytest.mark.parametrize("overlay", LIKE_OVERLAYS)
def test_the_chart_makes_what_kustomize_makes_object_by_object(helm: Helm, overlay: str, tmp_path: Path) -> None:
    made, wanted = (
        by_key(each) for each in (helm.template(LIKE_OVERLAYS[overlay]), overlaid(helm.cluster, overlay, tmp_path))
    )
    for objects in (made, wanted):
        for each in objects.values():  # kustomize breaks what it encodes into lines
            for webhook in each.get("webhooks", ()):
                client = webhook["clientConfig"]
                client |= {"caBundle": "".join(client["caBundle"].split())} if "caBundle" in client else {}
    assert made == wanted


def test_the_monitoring_is_that_of_kustomize(helm: Helm) -> None:
    on = {"enabled": True}
    made = by_key(helm.template({"podMonitor": on, "alerts": on, "dashboard": on}))
    rendered = helm.cluster.kubectl("kustomize", str(deploy.MANIFESTS / "monitoring"))
    wanted = by_key(load_all(rendered.stdout))
    assert {name: made[name] for name in wanted} == wanted


@pytest.mark.parametrize("name", COMBINATIONS)
def test_what_values_make_is_accepted_and_stored_as_it_was_sent(helm: Helm, name: str) -> None:
    applied(helm, helm.template(COMBINATIONS[name]))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_the_values_of_a_platform_are_accepted(helm: Helm, platform: str) -> None:
    applied(helm, helm.template(load((CHART / "platforms" / f"{platform}.yaml").read_text())))


def listed(objects: list[Manifest]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})


def applied(helm: Helm, objects: list[Manifest]) -> None:
    """Apply, compare, and remove all but CRDs, whose removal takes the objects of other tests along."""
    definitions = [each for each in objects if each["kind"] == "CustomResourceDefinition"]
    others = [each for each in objects if each not in definitions]
    helm.cluster.kubectl("create", "namespace", deploy.NAME)
    try:
        assert drifts(helm.cluster, others, manager="argocd-controller") == []
        if definitions:
            tried = helm.cluster.kubectl(
                "apply", "--server-side", "--dry-run=server", "--force-conflicts", "-f", "-", stdin=listed(definitions)
            )
            assert tried.returncode == 0, tried.stderr
    finally:
        gone = helm.cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=listed(others))
        assert gone.returncode == 0, gone.stderr


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "replica"),
        ({"rules": {"levels": {"unique-alais": "warn"}}}, "unique-alais"),
        ({"rules": {"levels": {"deprecated-rules": "enforce"}}}, "deprecated-rules"),
        ({"webhooks": {"failurePolicy": "fail"}}, "failurePolicy"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"certificates": {"mode": "existingSecret"}}, "certificates.caBundle is empty"),
    ],
)
def test_a_value_that_cannot_be_is_refused(helm: Helm, values: Manifest, said: str) -> None:
    args = ("template", "some-release", str(CHART), *helm.values(values))
    assert said in helm.run(*args, code=1)


def test_the_levels_are_those_that_the_server_reads(helm: Helm) -> None:
    (written,) = [each for each in helm.template(COMBINATIONS["rules"]) if each["kind"] == "ConfigMap"]
    assert YAML(typ="safe", pure=True).load(written["data"]["config.yaml"]) == {
        "rules": {"daemonset-alias": "off", "nothing-kept": "enforce", "valid-duration": "warn"},
        "namespaces": {"demo": {"rules": {"unique-alias": "warn", "unique-host": "off"}}},
    }


def test_in_another_namespace_everything_is_there(helm: Helm) -> None:
    text = helm.run("template", "some-release", str(CHART), "--namespace=backup-admission", "--set=crds.enabled=true")
    for each in filter(None, load_all(text)):
        assert each["metadata"].get("namespace", "backup-admission") == "backup-admission"
    assert "stash-admission.backup-admission.svc" in text
    assert "namespace: stash-admission" not in text
