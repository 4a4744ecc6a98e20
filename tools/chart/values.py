"""The values of the chart: what each is for, what it may be, and its default, from the manifests where they have it."""

from dataclasses import dataclass, field
from typing import Any

from app.rules.registry import RULES
from testbed.documents import load_all
from tools import deploy

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
NAME: Schema = {"type": "string", "minLength": 1}
PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
OBJECT: Schema = {"type": "object"}
OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
NAMES: Schema = {"type": "array", "items": NAME}
POLICY: Schema = {"enum": ["Fail", "Ignore"]}
COUNT_OR_SHARE: Schema = {"type": ["integer", "string", "null"], "pattern": "^[0-9]+%$", "minimum": 0}


@dataclass(frozen=True)
class Value:
    """One value: its path, as in `image.tag`."""

    path: str
    schema: Schema
    default: Any
    said: str


@dataclass
class Tree:
    """Values by the parts of their paths."""

    said: str = ""
    branches: dict[str, "Tree | Value"] = field(default_factory=dict)


def _manifest(path: str, kind: str) -> dict[str, Any]:
    """The object of a kind in a file of `manifests/`."""
    written = deploy.files().get(path) or (deploy.MANIFESTS / path).read_text()
    found: dict[str, Any] = next(each for each in load_all(written) if each["kind"] == kind)
    return found


_DEPLOYMENT = _manifest("base/deployment.yaml", "Deployment")["spec"]
_POD = _DEPLOYMENT["template"]["spec"]
_CONTAINER = _POD["containers"][0]
_WEBHOOKS = _manifest(deploy.REGISTRATION, "ValidatingWebhookConfiguration")["webhooks"]
_BUDGET = _manifest("base/poddisruptionbudget.yaml", "PodDisruptionBudget")["spec"]
_ENDPOINT = _manifest("monitoring/podmonitor.yaml", "PodMonitor")["spec"]["podMetricsEndpoints"][0]
_PORTS = {each["name"]: each["containerPort"] for each in _CONTAINER["ports"]}
_VARIABLES = {each["name"]: each["value"] for each in _CONTAINER["env"]}
_HOST_PORTS = {
    each["name"]: each["containerPort"]
    for each in _manifest("components/host-network/deployment.yaml", "Deployment")["spec"]["template"]["spec"][
        "containers"
    ][0]["ports"]
    if "name" in each
}


def _levels() -> Schema:
    # `off` without quotes is a boolean to Helm.
    settable = {rule.id: [*rule.settable, *([False] if "off" in rule.settable else [])] for rule in RULES.values()}
    properties = {name: {"enum": levels} for name, levels in settable.items() if levels}
    return {"type": "object", "additionalProperties": False, "properties": properties}


VALUES = (
    Value("image.registry", TEXT, "", "Registry of the image, such as `registry.example`. Empty: none is written."),
    Value("image.repository", NAME, "stash-admission", "Repository of the image."),
    Value("image.tag", TEXT, "", "Tag of the image. Empty: the version of the chart's application."),
    Value(
        "image.digest",
        {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
        "",
        "Digest of the image, `sha256:…`, in place of a tag.",
    ),
    Value(
        "image.pullPolicy",
        {"enum": ["Always", "IfNotPresent", "Never"]},
        _CONTAINER["imagePullPolicy"],
        "When a node pulls the image.",
    ),
    Value("image.pullSecrets", OBJECTS, [], "Secrets for the registry: `[{name: …}]`."),
    Value("replicas", {"type": "integer", "minimum": 0}, _DEPLOYMENT["replicas"], "Replicas of the server."),
    Value("resources", OBJECT, _CONTAINER["resources"], "Requests and limits of a replica."),
    Value("nodeSelector", TEXTS, {}, "Labels of the nodes on which pods may run."),
    Value("tolerations", OBJECTS, [], "Taints of nodes on which pods may run."),
    Value("affinity", OBJECT, _POD["affinity"], "Affinity of the replicas: they prefer different nodes."),
    Value(
        "topologySpreadConstraints",
        OBJECTS,
        _POD["topologySpreadConstraints"],
        "How the replicas spread: they prefer different nodes and zones.",
    ),
    Value("priorityClassName", TEXT, _POD["priorityClassName"], "Priority of the replicas. Empty: none."),
    Value("podDisruptionBudget.enabled", FLAG, True, "Whether there is a PodDisruptionBudget."),
    Value(
        "podDisruptionBudget.maxUnavailable",
        COUNT_OR_SHARE,
        _BUDGET["maxUnavailable"],
        "How many replicas may be taken away at a time. Null, where `minAvailable` is set.",
    ),
    Value("podDisruptionBudget.minAvailable", COUNT_OR_SHARE, None, "How many replicas must stay."),
    Value(
        "webhooks.failurePolicy",
        POLICY,
        _WEBHOOKS[0]["failurePolicy"],
        "What becomes of backups and restores while nobody answers: `Fail` refuses, `Ignore` stores them unchecked.",
    ),
    Value(
        "webhooks.repositoriesFailurePolicy",
        POLICY,
        _WEBHOOKS[1]["failurePolicy"],
        "The same of Repositories.",
    ),
    Value(
        "webhooks.timeoutSeconds",
        {"type": "integer", "minimum": 1, "maximum": 30},
        _WEBHOOKS[0]["timeoutSeconds"],
        "How long the API server waits for an answer.",
    ),
    Value(
        "webhooks.namespaceSelector",
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {"matchLabels": TEXTS, "matchExpressions": OBJECTS},
        },
        {},
        "In which namespaces objects are checked. The installation's own is always left out.",
    ),
    Value("webhooks.objectSelector", OBJECT, {}, "Which objects are checked, by their labels."),
    Value("webhooks.annotations", TEXTS, {}, "Annotations of both webhook configurations."),
    Value(
        "certificates.mode",
        {"enum": ["self", "cert-manager", "existingSecret"]},
        "self",
        "Who issues and renews the certificates: a CronJob of the chart, cert-manager, or you.",
    ),
    Value(
        "certificates.issuerRef",
        OBJECT,
        {},
        "For `cert-manager`: the issuer, `{kind: ClusterIssuer, name: …}`. Empty: the chart brings a CA of its own.",
    ),
    Value(
        "certificates.existingSecret",
        TEXT,
        "",
        "For `existingSecret`: the Secret with `tls.crt` and `tls.key`.",
    ),
    Value(
        "certificates.caBundle",
        TEXT,
        "",
        "For `existingSecret`: the CAs that the API server believes, in PEM. Empty: an annotation has them injected.",
    ),
    Value("hostNetwork.enabled", FLAG, False, "Whether the replicas are on the network of the nodes."),
    Value("hostNetwork.port", PORT, _HOST_PORTS["webhook"], "Port of the webhooks there."),
    Value("hostNetwork.managementPort", PORT, _HOST_PORTS["management"], "Port of health and metrics there."),
    Value("host", NAME, _VARIABLES["STASH_ADMISSION_HOST"], 'Address to listen on. `"::"` in a cluster of IPv6 alone.'),
    Value("port", PORT, _PORTS["webhook"], "Port of the webhooks in the pods."),
    Value("managementPort", PORT, _PORTS["management"], "Port of health and metrics in the pods."),
    Value(
        "openshift",
        FLAG,
        False,
        "Whether the platform chooses the user ids of the pods, as the constraint restricted-v2 of OpenShift does.",
    ),
    Value(
        "clientCertificates.secret",
        TEXT,
        "",
        "Secret with `ca.crt`, by which callers' certificates must be signed. Empty: callers need none.",
    ),
    Value("clientCertificates.names", NAMES, [], "Names of which a caller's certificate must have one. Empty: any."),
    Value("rules.levels", _levels(), {}, "Levels of rules, `ID: enforce`, `warn` or `off`."),
    Value(
        "rules.namespaces",
        {"type": "object", "additionalProperties": _levels()},
        {},
        "Levels for single namespaces: `NAMESPACE: {ID: LEVEL}`.",
    ),
    Value(
        "inventory.enabled",
        FLAG,
        True,
        "Whether the server reads what else is in the cluster, which some rules ask about.",
    ),
    Value(
        "inventory.missing",
        {"enum": ["warn", "fail"]},
        "warn",
        "What becomes of an object where the inventory lacks what an enforced rule asks.",
    ),
    Value("inventory.claims", FLAG, True, "Whether a backup is claimed in a Lease before it is admitted."),
    Value(
        "networkPolicy.enabled", FLAG, True, "Whether there are NetworkPolicies. None bind pods on the host's network."
    ),
    Value("networkPolicy.webhookFrom", OBJECTS, [], "Who reaches the webhooks' port. Empty: everybody."),
    Value("networkPolicy.managementFrom", OBJECTS, [], "Who reaches the port of health and metrics. Empty: everybody."),
    Value("resourceQuota.enabled", FLAG, True, "Whether a quota permits the priority of the replicas, as GKE asks."),
    Value("podMonitor.enabled", FLAG, False, "Whether the Prometheus Operator scrapes the pods."),
    Value("podMonitor.interval", NAME, _ENDPOINT["interval"], "How often."),
    Value("podMonitor.labels", TEXTS, {}, "Labels by which Prometheus selects it."),
    Value(
        "serviceMonitor.enabled", FLAG, False, "Whether it scrapes them through a Service, in place of a PodMonitor."
    ),
    Value("serviceMonitor.interval", NAME, _ENDPOINT["interval"], "How often."),
    Value("serviceMonitor.labels", TEXTS, {}, "Labels by which Prometheus selects it."),
    Value("alerts.enabled", FLAG, False, "Whether there is a PrometheusRule with the alerts."),
    Value("alerts.labels", TEXTS, {}, "Labels by which Prometheus selects it."),
    Value("dashboard.enabled", FLAG, False, "Whether there is a ConfigMap with the dashboard for Grafana."),
    Value("dashboard.labels", TEXTS, {"grafana_dashboard": "1"}, "Labels by which Grafana's sidecar selects it."),
    Value("dashboard.annotations", TEXTS, {}, "Annotations, such as the folder in Grafana."),
    Value("serviceAccount.annotations", TEXTS, {}, "Annotations of the server's ServiceAccount."),
    Value("commonLabels", TEXTS, {}, "Labels of every object and pod."),
    Value("podLabels", TEXTS, {}, "Labels of the replicas."),
    Value("podAnnotations", TEXTS, {}, "Annotations of the replicas."),
    Value("extraArgs", NAMES, [], "Further flags of `stash-admission serve`."),
    Value("extraEnv", OBJECTS, [], "Further variables, every setting among them: `[{name: …, value: …}]`."),
    Value("extraVolumes", OBJECTS, [], "Further volumes of the replicas."),
    Value("extraVolumeMounts", OBJECTS, [], "Where they are mounted."),
    Value("crds.enabled", FLAG, False, "Whether the CRDs of this project are installed. Stash brings its own."),
    Value(
        "crds.keep", FLAG, True, "Whether they stay when the release is uninstalled: all objects would go with them."
    ),
    Value("test.namespace", NAME, "default", "Namespace of the dry run of `helm test`."),
)
"""Every value, in the order of `values.yaml`."""


def tree() -> Tree:
    """The values as nested as their paths are."""
    root = Tree()
    for value in VALUES:
        *above, last = value.path.split(".")
        at = root
        for part in above:
            below = at.branches.setdefault(part, Tree())
            assert isinstance(below, Tree)  # noqa: S101  a path that goes on below a value is a mistake of ours
            at = below
        at.branches[last] = value
    return root
