"""What is applied to a cluster agrees with the code, and its parts with each other."""

import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from starlette.routing import Route
from typer.core import TyperGroup
from typer.main import get_command

from app.admission.engine import Admission
from app.commands.doctor.expected import RULES
from app.domain.invoker import GROUP, INVOKERS, VERSION
from app.inventory.store import KINDS as HELD
from app.inventory.store import NAMESPACE
from app.server.claims import Unclaimed
from app.server.management import create_app as create_management
from app.server.observability.metrics import Metrics
from app.server.observability.telemetry import Telemetry
from app.server.transport.in_flight import InFlightRequests
from app.server.webhooks import create_app
from app.settings import PREFIX, Settings, load
from certs.cli import app as certificates
from schemas.kinds import KINDS as DEFINED
from testbed.documents import load_all
from testbed.registered import registered as asked
from tools import deploy

Manifest = dict[str, Any]
FOLDERS = ("base", "components", "overlays")
NOT_RENDERED = ("cert-manager", "own-secret", "host-network", "openshift")
"""The overlays that are not `install.yaml`."""
TIMEOUT = 5
"""Seconds that the API server waits for an answer."""
POD_TEMPLATES = {
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
}


def parse(text: str) -> list[Manifest]:
    return load_all(text)


def read(path: str) -> list[Manifest]:
    return parse((deploy.MANIFESTS / path).read_text())


def of_cert_manager() -> list[Manifest]:
    """The issuers and certificates that cert-manager is asked for."""
    return [*read("overlays/cert-manager/ca.yaml"), *read("overlays/cert-manager/certificate.yaml")]


INSTALLED = read("install.yaml")
REGISTRATION = "stash-admission-register"
"""Whoever has the webhooks asked."""


def installed(kind: str, name: str = deploy.NAME) -> Manifest:
    (found,) = [each for each in INSTALLED if each["kind"] == kind and each["metadata"]["name"] == name]
    return found


def pods() -> dict[str, Manifest]:
    """The templates of all pods: of the replicas, and of the Jobs and CronJobs by what they are for."""
    found = {}
    for each in INSTALLED:
        if each["kind"] in POD_TEMPLATES:
            value = each
            for key in POD_TEMPLATES[each["kind"]]:
                value = value[key]
            found[f"{'register ' if each['metadata']['name'] == REGISTRATION else ''}{each['kind']}"] = value
    return found


def container(kind: str = "Deployment") -> Manifest:
    (only,) = pods()[kind]["spec"]["containers"]
    found: Manifest = only
    return found


def mounted(name: str) -> tuple[Manifest, Manifest]:
    """A volume of the replicas: where it is mounted, and what it is."""
    pod = pods()["Deployment"]["spec"]
    assert {each["name"] for each in container()["volumeMounts"]} == {each["name"] for each in pod["volumes"]}
    (mount,) = [each for each in container()["volumeMounts"] if each["name"] == name]
    (volume,) = [each for each in pod["volumes"] if each["name"] == name]
    return mount, volume


def environment() -> dict[str, str]:
    return {each["name"]: each["value"] for each in container()["env"]}


def settings() -> Settings:
    return load(**{name.removeprefix(PREFIX).lower(): value for name, value in environment().items()})


def registered() -> list[Manifest]:
    """All webhooks, as they are asked in the end."""
    kinds = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
    return [webhook for kind in kinds for webhook in asked(installed(kind))["webhooks"]]


def webhooks() -> dict[str, Manifest]:
    """Those that are asked about backups and restores, by their paths."""
    mutating, validating, _ = registered()
    return {"/mutate": mutating, "/validate": validating}


BOTH = pytest.mark.parametrize("path", ["/mutate", "/validate"])
PODS = ("Deployment", "Job", "CronJob", "register Job", "register CronJob")
POD = pytest.mark.parametrize("kind", PODS)


@pytest.mark.parametrize("name", ["base/webhooks.yaml", "install.yaml"])
def test_generated_files_are_up_to_date(name: str) -> None:
    assert (deploy.MANIFESTS / name).read_text() == deploy.files()[name], "run `make generate`"


def test_what_is_generated_comes_out_the_same_each_time() -> None:
    assert deploy.files() == deploy.files()


@BOTH
def test_the_rules_list_the_kinds_that_the_code_handles(path: str) -> None:
    (rule,) = webhooks()[path]["rules"]
    assert rule == {
        "apiGroups": [GROUP],
        "apiVersions": [VERSION],
        "resources": [DEFINED[kind].plural for kind in INVOKERS],
        "scope": "Namespaced",
        "operations": ["CREATE", "UPDATE"],
    }
    assert {DEFINED[kind].version for kind in INVOKERS} == {VERSION}


@pytest.mark.parametrize("kind", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"])
def test_nothing_is_asked_about_until_a_replica_answers(kind: str) -> None:
    assert not [each["name"] for each in installed(kind)["webhooks"] if "rules" in each]
    assert {each["name"] for each in installed(kind)["webhooks"]} <= RULES.keys()


@BOTH
def test_the_webhooks_are_registered_as_the_design_says(path: str) -> None:
    webhook = webhooks()[path]
    assert webhook["failurePolicy"] == "Fail"
    assert webhook["matchPolicy"] == "Equivalent"
    assert webhook["sideEffects"] == {"/mutate": "None", "/validate": "NoneOnDryRun"}[path]
    assert webhook["timeoutSeconds"] == TIMEOUT
    assert webhook["admissionReviewVersions"] == ["v1"]
    assert webhook["name"] == f"{path[1:]}.admission.{GROUP}"
    own = {
        "key": "kubernetes.io/metadata.name",
        "operator": "NotIn",
        "values": [installed("Namespace")["metadata"]["name"]],
    }
    assert webhook["namespaceSelector"] == {"matchExpressions": [own]}
    assert "caBundle" not in webhook["clientConfig"], "applying it again would break the certificates"


def test_repositories_have_a_webhook_of_their_own_which_validates_only_and_blocks_nothing() -> None:
    backups, repositories = webhooks()["/validate"], registered()[2]
    assert repositories["name"] == f"validate-repositories.admission.{GROUP}"
    (rule,) = repositories["rules"]
    assert (rule["apiVersions"], rule["resources"]) == (["v1alpha1"], ["repositories"])
    assert repositories["failurePolicy"] == "Ignore"
    assert repositories["sideEffects"] == "None"
    own = ("name", "rules", "failurePolicy", "sideEffects")
    assert without(repositories, own) == without(backups, own)
    assert without(rule, ("apiVersions", "resources")) == without(backups["rules"][0], ("apiVersions", "resources"))
    assert not any("repositories" in webhook["rules"][0]["resources"] for webhook in webhooks().values())


def without(document: Manifest, names: Iterable[str]) -> Manifest:
    return {name: value for name, value in document.items() if name not in names}


def test_only_the_mutating_webhook_is_called_again() -> None:
    assert [each.get("reinvocationPolicy") for each in registered()] == ["IfNeeded", None, None]


def test_the_paths_are_those_that_the_server_answers() -> None:
    app = create_app(Admission(), Telemetry().calls, InFlightRequests(most=1), Unclaimed(None))
    assert {route.path for route in app.routes if isinstance(route, Route)} == set(webhooks())


def test_the_api_server_finds_the_replicas_through_the_service() -> None:
    service = installed("Service")
    (port,) = service["spec"]["ports"]
    for path, webhook in zip(("/mutate", "/validate", "/validate"), registered(), strict=True):
        called = {"namespace": deploy.NAME, "name": service["metadata"]["name"], "path": path, "port": port["port"]}
        assert webhook["clientConfig"]["service"] == called
    assert port["port"] == 443
    assert {each["name"]: each["containerPort"] for each in container()["ports"]}[port["targetPort"]] == 10250


def test_the_ports_of_the_pod_are_those_that_the_server_listens_on() -> None:
    ports = {each["name"]: each["containerPort"] for each in container()["ports"]}
    assert ports == {"webhook": settings().port, "management": settings().management_port}
    assert settings().host == "0.0.0.0"  # noqa: S104  not the default, which only the pod itself reaches


def test_the_network_policy_lets_in_these_ports_and_lets_out_what_may_be_the_api_server() -> None:
    policy = installed("NetworkPolicy")["spec"]
    (ingress,) = policy["ingress"]
    ports = {each["containerPort"] for each in container()["ports"]}
    assert {each["port"] for each in ingress["ports"]} == ports
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == [{"ports": [{"protocol": "TCP"}]}]


@pytest.mark.parametrize("name", ["stash-admission-certs", REGISTRATION])
def test_the_jobs_are_reached_by_nobody(name: str) -> None:
    policy = installed("NetworkPolicy", name)["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert "ingress" not in policy


def test_the_probes_ask_what_the_management_port_answers() -> None:
    app = create_management(Metrics(), lambda: None, lambda: None)
    paths = {getattr(route, "path", "") for route in app.routes}
    probes = {name: container()[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    assert {name: probe["path"] for name, probe in probes.items()} == {
        "startup": "/healthz",
        "liveness": "/healthz",
        "readiness": "/readyz",
    }
    assert {probe["port"] for probe in probes.values()} == {"management"}
    assert {probe["path"] for probe in probes.values()} <= paths


def test_every_variable_is_a_setting() -> None:
    assert {name.removeprefix(PREFIX).lower() for name in environment()} <= Settings.model_fields.keys()


def test_the_service_does_not_pass_for_a_setting() -> None:
    """A Service stash-admission makes the kubelet set STASH_ADMISSION_PORT=tcp://... in its namespace."""
    assert installed("Service")["metadata"]["name"].upper().replace("-", "_") + "_" == PREFIX
    assert [pod["spec"]["enableServiceLinks"] for pod in pods().values()] == [False] * 5


def test_a_pod_is_not_killed_while_it_drains() -> None:
    grace = pods()["Deployment"]["spec"]["terminationGracePeriodSeconds"]
    assert grace >= settings().drain_seconds + TIMEOUT + 10


def test_the_certificates_are_where_the_server_looks() -> None:
    mount, volume = mounted("certificates")
    assert Path(mount["mountPath"]) == settings().cert_dir
    assert mount["readOnly"]
    assert volume["secret"]["defaultMode"] == 0o440
    assert pods()["Deployment"]["spec"]["securityContext"]["fsGroup"] == 65532, "the group that may read them"


def test_the_configuration_is_where_the_server_looks_and_nobody_needs_to_make_it() -> None:
    mount, volume = mounted("configuration")
    assert Path(mount["mountPath"]) == settings().config
    assert mount["readOnly"]
    assert "subPath" not in mount, "what is mounted so is never updated"
    assert volume["configMap"] == {"name": deploy.NAME, "defaultMode": 0o644, "optional": True}
    assert "ConfigMap" not in {each["kind"] for each in INSTALLED}, "applied again, it would undo what its owner wrote"


def test_everybody_means_the_same_secret_and_the_replicas_do_not_get_the_keys_of_cas() -> None:
    secret = mounted("certificates")[1]["secret"]["secretName"]
    named, creation = installed("Role", "stash-admission-certs")["rules"]
    assert named["resourceNames"] == [secret, f"{secret}-ca"]
    assert named["verbs"] == ["get", "update"]
    assert creation == {"apiGroups": [""], "resources": ["secrets"], "verbs": ["create"]}
    assert f"--secret={secret}" in container("Job")["args"]
    issued = [each["spec"] for each in of_cert_manager() if each["kind"] == "Certificate"]
    assert [each["secretName"] for each in issued if not each.get("isCA")] == [secret]
    assert [each["secretName"] for each in issued if each.get("isCA")] != [secret]


def test_rotate_is_told_the_names_of_what_is_installed() -> None:
    assert container("Job")["args"] == [
        f"--namespace={installed('Namespace')['metadata']['name']}",
        "--secret=stash-admission-tls",
        f"--service={installed('Service')['metadata']['name']}",
        f"--mutating={installed('MutatingWebhookConfiguration')['metadata']['name']}",
        f"--validating={installed('ValidatingWebhookConfiguration')['metadata']['name']}",
    ]


def test_rotate_knows_these_arguments() -> None:
    command = get_command(certificates)
    assert isinstance(command, TyperGroup)
    known = {option for parameter in command.commands["rotate"].params for option in parameter.opts}
    assert {argument.partition("=")[0] for argument in container("Job")["args"]} <= known


def test_rotate_may_touch_the_two_registrations_and_no_other() -> None:
    (rule,) = installed("ClusterRole", "stash-admission-certs")["rules"]
    assert rule["resourceNames"] == [deploy.NAME]
    assert rule["resources"] == ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
    assert rule["verbs"] == ["get", "patch"]


def test_no_right_has_a_wildcard() -> None:
    rules = [rule for each in INSTALLED if each["kind"] in ("Role", "ClusterRole") for rule in each["rules"]]
    assert len(rules) == 8
    assert not [rule for rule in rules if "*" in str(rule)]


def test_the_server_may_read_what_its_inventory_holds_and_write_claims_and_nothing_else() -> None:
    bindings = [
        each
        for each in INSTALLED
        if each["kind"].endswith("RoleBinding") and each["subjects"][0]["name"] == deploy.NAME
    ]
    assert {(each["kind"], each["roleRef"]["kind"]) for each in bindings} == {
        ("ClusterRoleBinding", "ClusterRole"),
        ("RoleBinding", "Role"),
    }
    assert {each["roleRef"]["name"] for each in bindings} == {deploy.NAME}
    rules = installed("ClusterRole")["rules"]
    assert {verb for rule in rules for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {(group, name) for rule in rules for group in rule["apiGroups"] for name in rule["resources"]} == {
        *((GROUP, DEFINED[kind].plural) for kind in HELD if kind != NAMESPACE),
        ("", "namespaces"),
    }
    (role,) = [each for each in INSTALLED if each["kind"] == "Role" and each["metadata"]["name"] == deploy.NAME]
    assert [(rule["apiGroups"], rule["resources"]) for rule in role["rules"]] == [(["coordination.k8s.io"], ["leases"])]
    assert settings().inventory == "cluster"


def test_claims_do_not_wait_for_the_seats_of_the_calls_that_wait_for_them() -> None:
    schema, level = installed("FlowSchema"), installed("PriorityLevelConfiguration")
    assert schema["spec"]["priorityLevelConfiguration"]["name"] == level["metadata"]["name"]
    assert schema["spec"]["matchingPrecedence"] < 9000, "the schema of all ServiceAccounts"
    (rule,) = schema["spec"]["rules"]
    (subject,) = rule["subjects"]
    account = {
        "namespace": deploy.NAME,
        "name": installed("Deployment")["spec"]["template"]["spec"]["serviceAccountName"],
    }
    assert subject == {"kind": "ServiceAccount", "serviceAccount": account}
    assert level["spec"]["limited"]["lendablePercent"] == 0


def test_each_pod_has_an_account_of_its_own() -> None:
    bindings = [each for each in INSTALLED if each["kind"].endswith("RoleBinding")]
    subjects = [subject["name"] for each in bindings for subject in each["subjects"]]
    assert sorted(subjects) == [
        *["stash-admission"] * 2,
        *["stash-admission-certs"] * 2,
        *[REGISTRATION] * 2,
    ]
    assert {pod["spec"]["automountServiceAccountToken"] for pod in pods().values()} == {True}
    certs = "stash-admission-certs"
    accounts = [pods()[kind]["spec"]["serviceAccountName"] for kind in PODS]
    assert accounts == [deploy.NAME, certs, certs, REGISTRATION, REGISTRATION]


def test_the_job_and_the_cron_job_run_the_same_pod() -> None:
    assert pods()["Job"] == pods()["CronJob"]


def test_the_job_waits_for_the_first_replica_for_ever_and_the_cron_job_does_not() -> None:
    job, cron = pods()["register Job"], pods()["register CronJob"]
    assert (job["spec"].pop("restartPolicy"), cron["spec"].pop("restartPolicy")) == ("OnFailure", "Never")
    assert cron["spec"]["containers"][0]["args"].pop() == "--wait-seconds=900"
    assert job == cron
    assert "activeDeadlineSeconds" not in installed("Job", REGISTRATION)["spec"]


def test_register_is_told_the_names_of_what_is_installed_and_may_touch_nothing_else() -> None:
    names = {f"--{each}={deploy.NAME}" for each in ("namespace", "service", "mutating", "validating")}
    assert set(container("register Job")["args"]) == names
    (configurations,) = installed("ClusterRole", REGISTRATION)["rules"]
    assert configurations["resources"] == ["mutatingwebhookconfigurations", "validatingwebhookconfigurations"]
    assert (configurations["resourceNames"], configurations["verbs"]) == ([deploy.NAME], ["get", "patch"])
    (service,) = installed("Role", REGISTRATION)["rules"]
    assert (service["resources"], service["resourceNames"], service["verbs"]) == (["services"], [deploy.NAME], ["get"])


@POD
def test_a_pod_has_only_what_it_needs(kind: str) -> None:
    pod, security = pods()[kind]["spec"]["securityContext"], container(kind)["securityContext"]
    assert (pod["runAsNonRoot"], pod["runAsUser"]) == (True, 65532)
    assert pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container(kind)["resources"].keys() == {"requests", "limits"}


def test_an_update_never_leaves_fewer_replicas_than_wanted() -> None:
    spec = installed("Deployment")["spec"]
    assert spec["replicas"] >= 2
    assert spec["strategy"] == {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    budget = installed("PodDisruptionBudget")["spec"]
    assert (budget["maxUnavailable"], budget["unhealthyPodEvictionPolicy"]) == (1, "AlwaysAllow")


def test_the_priority_of_the_replicas_is_granted_by_the_quota() -> None:
    (expression,) = installed("ResourceQuota")["spec"]["scopeSelector"]["matchExpressions"]
    assert expression["values"] == [pods()["Deployment"]["spec"]["priorityClassName"]]


def selectors() -> Iterator[dict[str, str]]:
    spec = pods()["Deployment"]["spec"]
    yield installed("Service")["spec"]["selector"]
    yield installed("Deployment")["spec"]["selector"]["matchLabels"]
    yield installed("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    yield installed("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    yield from (each["labelSelector"]["matchLabels"] for each in spec["topologySpreadConstraints"])
    (term,) = spec["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
    yield term["podAffinityTerm"]["labelSelector"]["matchLabels"]


def test_all_selectors_find_the_replicas_and_not_the_jobs() -> None:
    found = list(selectors())
    assert len(found) == 7
    for selector in found:
        assert selector.items() <= pods()["Deployment"]["metadata"]["labels"].items()
        for kind in PODS[1:]:
            assert not selector.items() <= pods()[kind]["metadata"]["labels"].items()
    for policy, job in (("stash-admission-certs", "Job"), (REGISTRATION, "register Job")):
        jobs = installed("NetworkPolicy", policy)["spec"]["podSelector"]["matchLabels"]
        bound = {kind for kind, pod in pods().items() if jobs.items() <= pod["metadata"]["labels"].items()}
        assert bound == {job, job.replace("Job", "CronJob")}


def test_the_image_is_that_of_this_version_and_of_no_registry() -> None:
    project = tomllib.loads((deploy.MANIFESTS.parent / "pyproject.toml").read_text())["project"]
    assert {container(kind)["image"] for kind in PODS} == {f"{project['name']}:{project['version']}"}
    assert {each["metadata"]["labels"]["app.kubernetes.io/version"] for each in INSTALLED} == {project["version"]}


def test_the_programs_are_those_of_the_project() -> None:
    scripts = tomllib.loads((deploy.MANIFESTS.parent / "pyproject.toml").read_text())["project"]["scripts"]
    commands = [container(kind)["command"] for kind in PODS]
    rotate, register = ["stash-certs", "rotate"], ["stash-admission", "register"]
    assert commands == [["stash-admission", "serve"], rotate, rotate, register, register]
    for_kubectl = {name for name in scripts if name.startswith("kubectl")}
    assert {command[0] for command in commands} == set(scripts) - for_kubectl


def test_everything_carries_the_recommended_labels() -> None:
    for each in INSTALLED:
        labels = each["metadata"]["labels"]
        assert labels["app.kubernetes.io/name"] == deploy.NAME, each["metadata"]
        assert labels["app.kubernetes.io/part-of"] == "stash"


def test_everything_with_a_namespace_is_in_the_one_that_is_installed_first() -> None:
    cluster_wide = (
        "Namespace", "ClusterRole", "ClusterRoleBinding", "FlowSchema", "PriorityLevelConfiguration",
    )  # fmt: skip
    assert INSTALLED[0]["kind"] == "Namespace"
    for each in INSTALLED:
        if each["kind"] not in cluster_wide and "webhooks" not in each:
            assert each["metadata"]["namespace"] == deploy.NAME


def test_the_registration_comes_last_and_the_definitions_apart() -> None:
    assert [each["kind"] for each in INSTALLED[-2:]] == [
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    ]
    assert "CustomResourceDefinition" not in {each["kind"] for each in INSTALLED}


def test_every_file_belongs_to_a_kustomization() -> None:
    used = set()
    for path in (path for folder in FOLDERS for path in (deploy.MANIFESTS / folder).rglob("kustomization.yaml")):
        (kustomization,) = parse(path.read_text())
        patches = [each["path"] for each in kustomization.get("patches", ()) if "path" in each]
        for entry in (*kustomization.get("resources", ()), *kustomization.get("components", ()), *patches):
            target = (path.parent / entry).resolve()
            used.add(target / "kustomization.yaml" if target.is_dir() else target)
    there = {path for folder in FOLDERS for path in (deploy.MANIFESTS / folder).rglob("*.yaml")}
    outermost = {deploy.MANIFESTS / "overlays" / name / "kustomization.yaml" for name in NOT_RENDERED}
    assert there - used == outermost


def test_cert_manager_issues_for_the_name_that_the_api_server_asks_for() -> None:
    service, namespace = (installed(kind)["metadata"]["name"] for kind in ("Service", "Namespace"))
    objects = {(each["kind"], each["metadata"]["name"]): each for each in of_cert_manager()}
    leaf, ca = (objects["Certificate", name]["spec"] for name in (deploy.NAME, "stash-admission-ca"))
    assert leaf["dnsNames"] == [f"{service}.{namespace}.svc"]
    assert objects["Issuer", leaf["issuerRef"]["name"]]["spec"] == {"ca": {"secretName": ca["secretName"]}}
    assert objects["Issuer", ca["issuerRef"]["name"]]["spec"] == {"selfSigned": {}}
    lifetime, rest = (int(leaf[key].removesuffix("h")) for key in ("duration", "renewBefore"))
    assert lifetime == 3 * rest
    assert int(ca["duration"].removesuffix("h")) > 10 * lifetime
    assert ca["privateKey"]["rotationPolicy"] == "Never", "a new key is a new CA, which nobody trusts yet"


def test_on_the_hosts_network_the_ports_agree_and_are_not_the_kubelets() -> None:
    (patch,) = read("components/host-network/deployment.yaml")
    (patched,) = patch["spec"]["template"]["spec"]["containers"]
    ports = {each["name"]: each["containerPort"] for each in patched["ports"] if "name" in each}
    variables = {each["name"]: each["value"] for each in patched["env"]}
    assert ports.keys() == {each["name"] for each in container()["ports"]}
    assert variables[f"{PREFIX}PORT"] == str(ports["webhook"])
    assert variables[f"{PREFIX}MANAGEMENT_PORT"] == str(ports["management"])
    assert not {10250, 10255, 10256, 8080} & set(ports.values())
    assert max(ports.values()) < 30000, "above are the ports of Services and of outgoing connections"


def test_on_the_hosts_network_an_update_needs_no_third_node() -> None:
    (patch,) = read("components/host-network/deployment.yaml")
    assert patch["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 1, "maxSurge": 0}


@pytest.mark.parametrize(
    ("kustomization", "problem"),
    [
        ({"patches": [{"path": "a.yaml"}]}, "patches"),
        ({"namePrefix": "a-", "namespace": "b"}, "namePrefix, namespace"),
        ({"labels": [{"pairs": {"a": "b"}}]}, "includeTemplates"),
        ({"labels": [{"pairs": {"a": "b"}, "includeTemplates": True, "includeSelectors": True}]}, "more than pairs"),
        ({"images": [{"name": "a", "newTag": "1", "newName": "b"}]}, "newTag"),
    ],
)
def test_what_cannot_be_rendered_faithfully_is_not_rendered(
    kustomization: dict[str, Any], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploy, "MANIFESTS", tmp_path)
    (tmp_path / "kustomization.yaml").touch()
    YAML(typ="safe", pure=True).dump({"resources": [], **kustomization}, tmp_path / "kustomization.yaml")
    with pytest.raises(deploy.Unsupported, match=problem):
        deploy.render(".")


def test_the_overlays_with_more_than_that_are_not_rendered() -> None:
    for name in NOT_RENDERED:
        with pytest.raises(deploy.Unsupported, match=r"patches|secretGenerator"):
            deploy.render(f"overlays/{name}")
