"""Where the manifests have holes for values: each is a piece of their text, and what a template has in its place.

A piece that is not there as often as it says is an error, so that nobody changes a manifest and forgets the chart.
"""

import re
from typing import NamedTuple


class Hole(NamedTuple):
    """A piece of a manifest, and the template's text for it."""

    piece: str | re.Pattern[str]
    template: str
    times: int = 1


def _region(key: str, indent: int, value: str) -> Hole:
    """A key with all below it, which is one value."""
    space = " " * indent
    below = re.compile(rf"^{space}{key}:\n(?:{space}[ -].*\n)+", re.MULTILINE)
    return Hole(below, _optional(value, indent, key))


def _block(value: str, indent: int) -> str:
    """A value as YAML on the lines below its key."""
    return f"{{{{- toYaml .Values.{value} | nindent {indent} }}}}"


def _optional(value: str, indent: int, key: str) -> str:
    """A key with its value, if there is one."""
    space = " " * indent
    inner = f"{space}  {{{{- toYaml . | nindent {indent + 2} }}}}\n"
    return f"{space}{{{{- with .Values.{value} }}}}\n{space}{key}:\n{inner}{space}{{{{- end }}}}\n"


def _line(text: str, template: str, times: int = 1) -> Hole:
    """Whole lines."""
    return Hole(re.compile("^" + re.escape(text), re.MULTILINE), template, times)


def _image(indent: int) -> tuple[Hole, ...]:
    """What every pod has."""
    space = " " * indent
    keys = (("image.pullSecrets", "imagePullSecrets"), ("nodeSelector", "nodeSelector"), ("tolerations", "tolerations"))
    options = "".join(_optional(value, indent, key) for value, key in keys)
    image = re.compile(rf"^{space}  image: stash-admission:\S+\n", re.MULTILINE)
    return (
        Hole(image, f'{space}  image: {{{{ include "stash-admission.image" . }}}}\n'),
        _line(
            f"{space}  imagePullPolicy: IfNotPresent\n",
            f"{space}  imagePullPolicy: {{{{ .Values.image.pullPolicy }}}}\n",
        ),
        _line(f"{space}containers:\n", f"{options}{space}containers:\n"),
    )


def _ids(text: str, indent: int) -> Hole:
    """The user ids, which OpenShift chooses itself."""
    space = " " * indent
    return _line(text, f"{space}{{{{- if not .Values.openshift }}}}\n{text}{space}{{{{- end }}}}\n")


def _job(indent: int) -> tuple[Hole, ...]:
    """The pod of a Job."""
    space = " " * (indent + 2)
    return (
        *_image(indent),
        _ids(f"{space}runAsUser: 65532\n{space}runAsGroup: 65532\n", indent + 2),
        _line(f"{space}- --namespace=stash-admission\n", f"{space}- --namespace={{{{ .Release.Namespace }}}}\n"),
    )


def _each_revision(name: str) -> Hole:
    """The template of a Job cannot be changed, so each revision of the release has a Job of its own."""
    revision = "{{ if gt .Release.Revision 1 }}-{{ .Release.Revision }}{{ end }}"
    named = f"kind: Job\nmetadata:\n  name: {name}"
    return Hole(f"{named}\n", f"{named}{revision}\n")


DEPLOYMENT = (
    Hole("replicas: 2\n", "replicas: {{ .Values.replicas }}\n"),
    Hole("maxUnavailable: 0\n", "maxUnavailable: {{ ternary 1 0 .Values.hostNetwork.enabled }}\n"),
    Hole("maxSurge: 1\n", "maxSurge: {{ ternary 0 1 .Values.hostNetwork.enabled }}\n"),
    Hole(
        "    metadata:\n      labels:\n",
        "    metadata:\n"
        + _optional("podAnnotations", 6, "annotations")
        + "      labels:\n"
        + "        {{- with .Values.podLabels }}\n        {{- toYaml . | nindent 8 }}\n        {{- end }}\n",
    ),
    Hole("automountServiceAccountToken: true\n", "automountServiceAccountToken: {{ .Values.inventory.enabled }}\n"),
    Hole(
        "      priorityClassName: system-cluster-critical\n",
        "      {{- with .Values.priorityClassName }}\n      priorityClassName: {{ . }}\n      {{- end }}\n",
    ),
    Hole(
        "      dnsPolicy: ClusterFirst\n",
        "      {{- if .Values.hostNetwork.enabled }}\n      hostNetwork: true\n      {{- end }}\n"
        '      dnsPolicy: {{ ternary "ClusterFirstWithHostNet" "ClusterFirst" .Values.hostNetwork.enabled }}\n',
    ),
    _ids("        runAsUser: 65532\n        runAsGroup: 65532\n        fsGroup: 65532\n", 8),
    _region("topologySpreadConstraints", 6, "topologySpreadConstraints"),
    _region("affinity", 6, "affinity"),
    _region("resources", 8, "resources"),
    *_image(6),
    Hole(
        "        command: [stash-admission, serve]\n",
        "        command: [stash-admission, serve]\n" + _optional("extraArgs", 8, "args"),
    ),
    Hole(
        "          value: 0.0.0.0\n",
        "          {{- if .Values.hostNetwork.enabled }}\n"
        "          valueFrom:\n            fieldRef:\n"
        "              apiVersion: v1\n              fieldPath: status.hostIP\n"
        "          {{- else }}\n          value: {{ .Values.host | quote }}\n          {{- end }}\n",
    ),
    Hole('value: "10250"\n', 'value: {{ include "stash-admission.port" . | quote }}\n'),
    Hole('value: "8080"\n', 'value: {{ include "stash-admission.managementPort" . | quote }}\n'),
    Hole("containerPort: 10250\n", 'containerPort: {{ include "stash-admission.port" . }}\n'),
    Hole("containerPort: 8080\n", 'containerPort: {{ include "stash-admission.managementPort" . }}\n'),
    Hole("value: stash-admission.stash-admission.svc\n", "value: stash-admission.{{ .Release.Namespace }}.svc\n"),
    Hole("          value: cluster\n", '          value: {{ ternary "cluster" "none" .Values.inventory.enabled }}\n'),
    Hole(
        '          value: "20"\n',
        '          value: "20"\n'
        '        {{- if ne .Values.inventory.missing "warn" }}\n'
        "        - name: STASH_ADMISSION_INVENTORY_MISSING\n          value: {{ .Values.inventory.missing }}\n"
        "        {{- end }}\n"
        "        {{- if not .Values.inventory.claims }}\n"
        '        - name: STASH_ADMISSION_CLAIMS\n          value: "off"\n'
        "        {{- end }}\n"
        "        {{- if .Values.clientCertificates.secret }}\n"
        "        - name: STASH_ADMISSION_CLIENT_CA\n          value: /etc/stash-admission/client-ca/ca.crt\n"
        "        {{- with .Values.clientCertificates.names }}\n"
        '        - name: STASH_ADMISSION_CLIENT_NAME\n          value: {{ join "," . | quote }}\n'
        "        {{- end }}\n        {{- end }}\n"
        "        {{- with .Values.extraEnv }}\n        {{- toYaml . | nindent 8 }}\n        {{- end }}\n",
    ),
    Hole(
        "        volumeMounts:\n",
        "        volumeMounts:\n"
        "        {{- if .Values.clientCertificates.secret }}\n"
        "        - name: client-ca\n          mountPath: /etc/stash-admission/client-ca\n          readOnly: true\n"
        "        {{- end }}\n"
        "        {{- with .Values.extraVolumeMounts }}\n        {{- toYaml . | nindent 8 }}\n        {{- end }}\n",
    ),
    Hole(
        "      volumes:\n",
        "      volumes:\n"
        "      {{- if .Values.clientCertificates.secret }}\n"
        "      - name: client-ca\n        secret:\n          secretName: {{ .Values.clientCertificates.secret }}\n"
        "          defaultMode: 288\n          items:\n          - key: ca.crt\n            path: ca.crt\n"
        "      {{- end }}\n"
        "      {{- with .Values.extraVolumes }}\n      {{- toYaml . | nindent 6 }}\n      {{- end }}\n",
    ),
    Hole("secretName: stash-admission-tls\n", 'secretName: {{ include "stash-admission.secret" . }}\n'),
)
JOB = (*_job(6), _each_revision("stash-admission-certs"))
CRON_JOB = _job(10)
REGISTRATION = (
    *_job(6),
    *_job(10),
    _each_revision("stash-admission-register"),
    _line(
        "apiVersion: networking.k8s.io/v1\n",
        "{{- if .Values.networkPolicy.enabled }}\napiVersion: networking.k8s.io/v1\n",
    ),
    Hole("  - ports:\n    - protocol: TCP\n---\n", "  - ports:\n    - protocol: TCP\n{{- end }}\n---\n"),
)
BUDGET = (
    Hole(
        "  maxUnavailable: 1\n",
        '  {{- if not (kindIs "invalid" .Values.podDisruptionBudget.minAvailable) }}\n'
        "  minAvailable: {{ .Values.podDisruptionBudget.minAvailable }}\n"
        "  {{- else }}\n  maxUnavailable: {{ .Values.podDisruptionBudget.maxUnavailable }}\n  {{- end }}\n",
    ),
)
SERVICE_ACCOUNT = (
    Hole(
        "metadata:\n",
        "metadata:\n" + _optional("serviceAccount.annotations", 2, "annotations"),
    ),
)
NETWORK_POLICY = (
    Hole(
        "  ingress:\n  - ports:\n    - protocol: TCP\n      port: 10250\n    - protocol: TCP\n      port: 8080\n",
        "  ingress:\n"
        "  {{- if or .Values.networkPolicy.webhookFrom .Values.networkPolicy.managementFrom }}\n"
        '  - ports:\n    - protocol: TCP\n      port: {{ include "stash-admission.port" . }}\n'
        + _optional("networkPolicy.webhookFrom", 4, "from")
        + '  - ports:\n    - protocol: TCP\n      port: {{ include "stash-admission.managementPort" . }}\n'
        + _optional("networkPolicy.managementFrom", 4, "from")
        + "  {{- else }}\n"
        '  - ports:\n    - protocol: TCP\n      port: {{ include "stash-admission.port" . }}\n'
        '    - protocol: TCP\n      port: {{ include "stash-admission.managementPort" . }}\n'
        "  {{- end }}\n",
    ),
)
WEBHOOKS = (
    Hole(
        "metadata:\n  name: stash-admission\n",
        "metadata:\n  name: stash-admission\n"
        '  {{- with include "stash-admission.webhookAnnotations" . | fromYaml }}\n'
        "  annotations:\n    {{- toYaml . | nindent 4 }}\n  {{- end }}\n",
        2,
    ),
    Hole(
        "  clientConfig:\n",
        "  clientConfig:\n"
        '    {{- with include "stash-admission.caBundle" . }}\n    caBundle: {{ . }}\n    {{- end }}\n',
        3,
    ),
    Hole(
        "  namespaceSelector:\n    matchExpressions:\n",
        "  namespaceSelector:\n"
        + _optional("webhooks.namespaceSelector.matchLabels", 4, "matchLabels")
        + "    matchExpressions:\n",
        3,
    ),
    Hole(
        "      values: [stash-admission]\n",
        "      values: [{{ .Release.Namespace }}]\n"
        "    {{- with .Values.webhooks.namespaceSelector.matchExpressions }}\n"
        "    {{- toYaml . | nindent 4 }}\n    {{- end }}\n",
        3,
    ),
    Hole("  objectSelector: {}\n", f"  objectSelector:\n    {_block('webhooks.objectSelector', 4)}\n", 3),
    Hole("failurePolicy: Fail\n", "failurePolicy: {{ .Values.webhooks.failurePolicy }}\n", 2),
    Hole("failurePolicy: Ignore\n", "failurePolicy: {{ .Values.webhooks.repositoriesFailurePolicy }}\n"),
    Hole("timeoutSeconds: 5\n", "timeoutSeconds: {{ .Values.webhooks.timeoutSeconds }}\n", 3),
)
FLOW_CONTROL = (Hole("      namespaces: [stash-admission]\n", "      namespaces: [{{ .Release.Namespace }}]\n"),)
CERTIFICATE = (
    Hole(
        "dnsNames: [stash-admission.stash-admission.svc]\n",
        "dnsNames: [stash-admission.{{ .Release.Namespace }}.svc]\n",
    ),
    Hole(
        "  issuerRef:\n    group: cert-manager.io\n    kind: Issuer\n    name: stash-admission\n",
        "  issuerRef:\n"
        "    {{- with .Values.certificates.issuerRef }}\n    {{- toYaml . | nindent 4 }}\n"
        "    {{- else }}\n    group: cert-manager.io\n    kind: Issuer\n    name: stash-admission\n    {{- end }}\n",
    ),
)
POD_MONITOR = (
    Hole("interval: 30s\n", "interval: {{ .Values.podMonitor.interval }}\n"),
    Hole(
        "  labels:\n",
        "  labels:\n    {{- with .Values.podMonitor.labels }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n",
    ),
)
ALERTS = (
    Hole(
        "  labels:\n    app",
        "  labels:\n    {{- with .Values.alerts.labels }}\n    {{- toYaml . | nindent 4 }}\n    {{- end }}\n    app",
    ),
)
TEST_ROLE = (
    Hole(
        "metadata:\n  name: stash-admission-doctor\n",
        "metadata:\n  name: stash-admission-test\n"
        '  annotations:\n    {{- include "stash-admission.testHook" -1 | nindent 4 }}\n',
    ),
)
QUOTA = (Hole("values: [system-cluster-critical]\n", "values: [{{ .Values.priorityClassName }}]\n"),)
QUOTA_CONDITION = "and .Values.resourceQuota.enabled .Values.priorityClassName"
