"""An installation as the doctor sees it: a good one, and what can be wrong with it."""

from __future__ import annotations

import copy
import datetime
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from app.commands.doctor.certificates import certificates
from app.commands.doctor.claims import claims
from app.commands.doctor.client import Access, Reply
from app.commands.doctor.definitions import definitions
from app.commands.doctor.dry_run import trial
from app.commands.doctor.dry_run_result import bad, good
from app.commands.doctor.endpoints import endpoints
from app.commands.doctor.expected import DEFINED_RESOURCES, WEBHOOKS
from app.commands.doctor.pods import pods
from app.commands.doctor.registration import registration
from app.commands.doctor.state import InstallationState, Unreadable
from certs.diagnostics import Diagnosis, Level
from certs.issuing import Pair, issue_ca, issue_leaf
from certs.names import Names
from certs.state import Target
from kube.client import Object
from kube.errors import Unavailable
from schemas.crd import crds
from testbed.documents import load_all
from testbed.registered import registered

ROOT = Path(__file__).parents[2]
NOW = datetime.datetime(2026, 6, 1, 12, tzinfo=datetime.UTC)
DAY, MINUTE = datetime.timedelta(days=1), datetime.timedelta(minutes=1)
NAMES = Names()
MUTATE, VALIDATE = WEBHOOKS.values()
INSTALLED: dict[tuple[str, str], Object] = {
    (each["kind"], each["metadata"]["name"]): registered(each) if "webhooks" in each else each
    for each in load_all((ROOT / "manifests/install.yaml").read_text())
}


def manifest(kind: str, name: str = "stash-admission") -> Object:
    """An object of `install.yaml`."""
    return copy.deepcopy(INSTALLED[kind, name])


CA = issue_ca(NOW - DAY)
LEAF = issue_leaf(CA, [NAMES.host], NOW - DAY)


def secret(leaf: Pair = LEAF, key: Pair | None = None, **metadata: Any) -> Object:
    """The Secret with a pair, as `stash-certs rotate` labels it."""
    files = {"tls.crt": leaf.certificate_pem, "tls.key": (key or leaf).key_pem, "ca.crt": CA.certificate_pem}
    metadata = {"labels": {"app.kubernetes.io/managed-by": "stash-certs"}, **metadata}
    return {"metadata": metadata, "data": {name: b64encode(content).decode() for name, content in files.items()}}


def configuration(
    kind: str, bundle: bytes = CA.certificate_pem, service: Object | None = None, **fields: Any
) -> Object:
    """A webhook configuration as shipped, with a `caBundle`; keyword arguments replace fields of its first webhook."""
    document = manifest(kind)
    for webhook in document["webhooks"]:
        webhook["clientConfig"]["caBundle"] = b64encode(bundle).decode()
    document["webhooks"][0]["clientConfig"]["service"] |= service or {}
    document["webhooks"][0] |= fields
    return document


def both(**how: Any) -> dict[str, Object]:
    """Both configurations, for `seen`."""
    return {each.name.lower(): configuration(each.value, **how) for each in (Target.MUTATING, Target.VALIDATING)}


def slices(*ready: bool | None) -> list[Object]:
    """An EndpointSlice with these endpoints."""
    conditions: list[Object] = [{} if each is None else {"ready": each} for each in ready]
    found = [{"addresses": [f"192.0.2.{number}"], "conditions": each} for number, each in enumerate(conditions)]
    return [{"addressType": "IPv4", "endpoints": found, "ports": [{"name": "webhook", "port": 10250}]}]


REFUSED = 'Error creating: pods "stash-admission-6d4b75cb6d-x7k2p" is forbidden: '
SCC = (
    f"{REFUSED}unable to validate against any security context constraint: [provider restricted-v2: "
    ".containers[0].runAsUser: Invalid value: 65532: must be in the ranges: [1000650000, 1000659999]]"
)


def event(
    message: str, maker: str = "ReplicaSet/stash-admission-6d4b75cb6d", *, minutes: int = 1, **changes: Any
) -> Object:
    """An event of a pod that could not be made, so many minutes ago."""
    kind, name = maker.split("/")
    stamp = (NOW - minutes * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"kind": kind, "name": name, "namespace": "stash-admission"}
    return {
        "metadata": {"creationTimestamp": stamp},
        "involvedObject": about,
        "reason": "FailedCreate",
        "message": message,
        "lastTimestamp": stamp,
        **changes,
    }


def cron_job(success: datetime.datetime | None = NOW, born: datetime.datetime = NOW, **spec: Any) -> Object:
    """The CronJob, with its status."""
    document = manifest("CronJob", "stash-admission-certs")
    document["metadata"]["creationTimestamp"] = born.isoformat()
    document["spec"] |= spec
    return {**document, "status": {"lastSuccessfulTime": success.isoformat()} if success else {}}


def without_claims() -> Object:
    """The Deployment, whose replicas make no claims."""
    document = manifest("Deployment")
    document["spec"]["template"]["spec"]["containers"][0]["args"] = ["--claims", "off"]
    return document


def definition(resource: str) -> Object:
    """One of our CRDs, as the API server serves it."""
    return {
        **copy.deepcopy(crds()[f"{resource}.yaml"]),
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }


def seen(**changes: Any) -> InstallationState:
    """A good installation; keyword arguments replace what was seen."""
    good_one: dict[str, Any] = {
        "names": NAMES,
        "now": NOW,
        "ahead": datetime.timedelta(),
        **both(),
        "secret": secret(),
        "namespace": manifest("Namespace"),
        "service": manifest("Service"),
        "slices": slices(True, None),
        "deployments": [manifest("Deployment")],
        "cron_jobs": [cron_job()],
        "events": [],
        "definitions": {each: definition(each) for each in DEFINED_RESOURCES},
        "tried_in": {"metadata": {"name": "default"}},
        "may_claim": lambda _: True,
    }
    return InstallationState(**{**good_one, **changes})


def looked(sight: InstallationState) -> list[Diagnosis]:
    """Everything but the dry run."""
    return [
        *registration(sight),
        *endpoints(sight),
        *pods(sight),
        *certificates(sight),
        *claims(sight),
        *definitions(sight),
    ]


def refusal(message: str) -> Reply:
    """What the API server answers with this message."""
    return Reply(500, {"message": message})


def call(words: str, webhook: str = MUTATE) -> Reply:
    """The same of a call that failed."""
    return refusal(f'Internal error occurred: failed calling webhook "{webhook}": failed to call webhook: {words}')


def admitted(alias: str | None = None, warnings: str = "", seconds: float = 0.0) -> Reply:
    """What the API server answers where nobody refuses."""
    target = {"alias": alias} if alias else {}
    return Reply(201, {"spec": {"target": target}}, warnings, seconds)


def leaf(name: str = NAMES.host, days: int = 0, ca: Pair = CA) -> Pair:
    """A serving pair for 30 days, issued so many days from now."""
    return issue_leaf(ca, [name], NOW + days * DAY, 30 * DAY)


class Tried(Access):
    """An API server that replies to dry runs."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)

    def try_to_create(self, namespace: str, plural: str, document: Object) -> Reply:  # noqa: ARG002
        if not self.replies:
            raise Unavailable("no answer from the API server: it sleeps")
        return self.replies.pop(0)


def changed_rules(**fields: Any) -> Object:
    return {"rules": [{**manifest("MutatingWebhookConfiguration")["webhooks"][0]["rules"][0], **fields}]}


def without(document: Object, *path: Any) -> Object:
    """The document without what is at a path."""
    *above, last = path
    holder = document
    for each in above:
        holder = holder[each]
    del holder[last]
    return document


OTHER_CA = issue_ca(NOW - 400 * DAY, 300 * DAY)
OLD_CA = issue_ca(NOW - 80 * DAY, 100 * DAY)
MANAGED: dict[str, Any] = {"labels": {}, "annotations": {"cert-manager.io/certificate-name": "webhooks"}}
SPEC_MISSING = without(
    definition("backupbatches"),
    "spec", "versions", 0, "schema", "openAPIV3Schema", "properties", "spec", "properties", "maintainOrder",
)  # fmt: skip

WRONG, NOTE = Level.WRONG, Level.NOTE
_FINDINGS: dict[str, tuple[Iterable[Diagnosis], Level, str]] = {
    # Registration
    "no configuration": (looked(seen(mutating=None)), WRONG, "it does not exist, so nothing is changed"),
    "no other one": (looked(seen(validating=None)), WRONG, "it does not exist, so nothing is refused"),
    "no webhooks": (looked(seen(mutating={"metadata": {}, "webhooks": None})), WRONG, "it has no webhooks"),
    "no rules": (
        looked(seen(**both(rules=[]))),
        WRONG,
        "it asks about nothing, so everything is admitted unchecked",
    ),
    "an operation": (
        looked(seen(**both(**changed_rules(operations=["CREATE"])))),
        WRONG,
        "it does not ask about UPDATE of backupconfigurations, UPDATE of backupbatches",
    ),
    "a group": (
        looked(seen(**both(**changed_rules(apiGroups=["apps"])))),
        WRONG,
        "it does not ask about CREATE of backupconfigurations, UPDATE of backupconfigurations",
    ),
    "cluster scope": (looked(seen(**both(**changed_rules(scope="Cluster")))), WRONG, "it does not ask about CREATE"),
    "another Service": (
        looked(seen(**both(service={"namespace": "other"}))),
        WRONG,
        "calls Service other/stash-admission, not stash-admission/stash-admission",
    ),
    "another path": (
        looked(seen(mutating=configuration("MutatingWebhookConfiguration", service={"path": "/validate"}))),
        WRONG,
        "calls the path /validate, where the server does not answer, not /mutate",
    ),
    "v1beta1 first": (
        looked(seen(**both(admissionReviewVersions=["v1beta1", "v1"]))),
        WRONG,
        "asks in AdmissionReview v1beta1, which the server does not support",
    ),
    "a url": (
        looked(seen(**both(clientConfig={"url": "https://stash.example/mutate"}))),
        NOTE,
        "calls https://stash.example/mutate, not a Service: what is there is not checked",
    ),
    "Ignore": (
        looked(seen(**both(failurePolicy="Ignore"))),
        NOTE,
        "has failurePolicy Ignore: while the server is down",
    ),
    "long": (
        looked(seen(**both(timeoutSeconds=30))),
        NOTE,
        "has timeoutSeconds 30: while the server is down, every user",
    ),
    "short": (looked(seen(**both(timeoutSeconds=1))), NOTE, "has timeoutSeconds 1: a replica that is busy"),
    "another namespaceSelector": (
        looked(seen(**both(namespaceSelector={"matchLabels": {"guarded": "yes"}}))),
        NOTE,
        'leaves out other namespaces than shipped: {"matchLabels":{"guarded":"yes"}}',
    ),
    "no namespaceSelector": (looked(seen(**both(namespaceSelector={}))), NOTE, "leaves out no namespace"),
    "an objectSelector": (
        looked(seen(**both(objectSelector={"matchLabels": {"guarded": "yes"}}))),
        NOTE,
        "leaves out objects by their labels, which anyone may set",
    ),
    "no matchConditions": (
        looked(seen(**both(matchConditions=[]))),
        NOTE,
        "lacks matchConditions created-or-spec-changed, not-being-deleted as shipped",
    ),
    "further matchConditions": (
        looked(seen(**both(matchConditions=[{"name": "mine", "expression": "true"}]))),
        NOTE,
        "has further matchConditions, which may keep objects from being checked: mine",
    ),
    # Service
    "no Namespace": (looked(seen(namespace=None)), WRONG, "Namespace stash-admission: it does not exist"),
    "no Service": (looked(seen(service=None)), WRONG, "Service stash-admission/stash-admission: it does not exist"),
    "headless": (
        looked(seen(service={"spec": {**manifest("Service")["spec"], "clusterIP": "None"}})),
        WRONG,
        "it has no address of its own (clusterIP None)",
    ),
    "no port": (
        looked(seen(**both(service={"port": 8443}))),
        WRONG,
        "it has no port 8443, which a webhook calls; it has 443",
    ),
    "no selector": (
        looked(seen(service=without(manifest("Service"), "spec", "selector"))),
        NOTE,
        "it has no selector, so its endpoints must be written by hand",
    ),
    "no endpoints": (
        looked(seen(slices=[])),
        WRONG,
        "no endpoint is ready, so no call is answered (0 of 0 endpoints ready)",
    ),
    "none ready": (
        looked(seen(slices=slices(False, False))),
        WRONG,
        "no endpoint is ready, so no call is answered (0 of 2 endpoints ready)",
    ),
    "one ready": (looked(seen(slices=slices(True, False))), NOTE, "only one endpoint is ready: without it"),
    # Pods
    "constraints of OpenShift": (
        looked(seen(events=[event(SCC)])),
        WRONG,
        "Deployment stash-admission/stash-admission: the security context constraints of OpenShift refuse its pods",
    ),
    "user ids": (
        looked(seen(events=[event(f"{REFUSED}ValidatingAdmissionPolicy 'ids' denied request: runAsUser is set")])),
        WRONG,
        "Deployment stash-admission/stash-admission: a policy refuses the user ids of its pods",
    ),
    "Pod Security": (
        looked(seen(events=[event(f'{REFUSED}violates PodSecurity "baseline:latest": host namespaces')])),
        WRONG,
        "Deployment stash-admission/stash-admission: Pod Security refuses its pods",
    ),
    "another policy": (
        looked(seen(events=[event('Error creating: admission webhook "x" denied the request: no', "Job/first-29384")])),
        WRONG,
        "Job stash-admission/first: a policy refuses its pods",
    ),
    "a quota of pods": (
        looked(seen(events=[event(f"{REFUSED}exceeded quota: pods")])),
        WRONG,
        "Deployment stash-admission/stash-admission: a quota refuses its pods",
    ),
    # Certificates
    "no Secret": (looked(seen(secret=None)), WRONG, "Secret stash-admission/stash-admission-tls: it does not exist"),
    "another key": (
        looked(seen(secret=secret(key=leaf()))),
        WRONG,
        "tls.crt or tls.key cannot be read, or they do not belong together",
    ),
    "expired": (
        looked(seen(secret=secret(leaf(days=-40)))),
        WRONG,
        "the certificate is not valid now: it expired at 2026-05-22T12:00:00Z",
    ),
    "not yet": (
        looked(seen(secret=secret(leaf(days=1)))),
        WRONG,
        "the certificate is not valid now: it will be valid from 2026-06-02T11:55:00Z, by the API server's clock",
    ),
    "another name": (
        looked(seen(secret=secret(leaf("stash.svc")))),
        WRONG,
        "the certificate is not for stash-admission.stash-admission.svc",
    ),
    "overdue": (
        looked(seen(secret=secret(leaf(days=-25)))),
        WRONG,
        "the certificate is valid until 2026-06-06T12:00:00Z and should have been renewed from 2026-05-27T11:58:20Z",
    ),
    "CA overdue": (
        looked(seen(secret=secret(leaf(ca=OLD_CA)), **both(bundle=OLD_CA.certificate_pem))),
        WRONG,
        "the CA that signed the certificate is valid until 2026-06-21T12:00:00Z and should have been renewed from",
    ),
    "others' due": (
        looked(seen(secret=secret(leaf(days=-25), **MANAGED))),
        NOTE,
        "the certificate is valid until 2026-06-06T12:00:00Z: two thirds of its lifetime are over",
    ),
    "others' late": (
        looked(seen(secret=secret(leaf(days=-28), labels={}))),
        WRONG,
        "the certificate is valid until 2026-06-03T12:00:00Z, and it has not been renewed",
    ),
    "others' CA late": (
        looked(
            replace(
                seen(secret=secret(leaf(ca=OLD_CA), labels={}), **both(bundle=OLD_CA.certificate_pem)),
                now=NOW + 15 * DAY,
            )
        ),
        WRONG,
        "the CA that signed the certificate is valid until 2026-06-21T12:00:00Z, and it has not been renewed",
    ),
    "empty bundle": (looked(seen(**both(bundle=b""))), WRONG, f"{MUTATE}: caBundle is empty"),
    "cert-manager's empty bundle": (
        looked(seen(secret=secret(**MANAGED), **both(bundle=b""))),
        WRONG,
        f"{MUTATE}: caBundle is empty",
    ),
    "unreadable bundle": (looked(seen(**both(bundle=b"x"))), WRONG, f"{MUTATE}: caBundle cannot be read"),
    "another CA": (
        looked(seen(**both(bundle=issue_ca(NOW).certificate_pem))),
        WRONG,
        f"{VALIDATE}: caBundle does not cover the certificate",
    ),
    "expired CA": (
        looked(seen(**both(bundle=OTHER_CA.certificate_pem))),
        WRONG,
        "no CA in caBundle is valid now",
    ),
    "expired CA too": (
        looked(seen(**both(bundle=OTHER_CA.certificate_pem + CA.certificate_pem))),
        NOTE,
        "caBundle holds 1 CA(s) not valid now",
    ),
    "no CronJob": (looked(seen(cron_jobs=[])), NOTE, "no CronJob in stash-admission runs stash-certs rotate"),
    "suspended": (
        looked(seen(cron_jobs=[cron_job(suspend=True)])),
        WRONG,
        "it is suspended, so the certificate is not renewed",
    ),
    "never": (
        looked(seen(cron_jobs=[cron_job(None, born=NOW - 2 * DAY)])),
        NOTE,
        "CronJob stash-admission/stash-admission-certs: it has never succeeded",
    ),
    "long ago": (
        looked(seen(cron_jobs=[cron_job(NOW - 2 * DAY)])),
        NOTE,
        "CronJob stash-admission/stash-admission-certs: it last succeeded at 2026-05-30T12:00:00Z",
    ),
    "clocks": (
        looked(seen(ahead=5 * MINUTE)),
        NOTE,
        "the API server's clock is 5 minutes ahead of ours, and certificates are checked against it",
    ),
    # Claims
    "no right to claim": (
        looked(seen(may_claim=lambda _: False)),
        WRONG,
        "Deployment stash-admission/stash-admission: its ServiceAccount stash-admission may not write Leases, so two "
        "replicas may admit what clashes at the same moment",
    ),
    "claims off": (
        looked(seen(deployments=[without_claims()])),
        NOTE,
        "Deployment stash-admission/stash-admission: claims are off, so two replicas may admit what clashes at the "
        "same moment",
    ),
    # CRDs
    "no CRD": (
        looked(seen(definitions={"backupbatches": None})),
        WRONG,
        "CRD backupbatches.stash.appscode.com: it does not exist, so no object of it can be created",
    ),
    "another version": (
        looked(seen(definitions={"backupbatches": {"spec": {"versions": [{"name": "v1alpha1", "served": True}]}}})),
        WRONG,
        "version v1beta1 is not served",
    ),
    "not established": (
        looked(seen(definitions={"backupbatches": {**definition("backupbatches"), "status": {}}})),
        WRONG,
        "it is not established, so the API server does not serve it",
    ),
    "another schema": (
        looked(seen(definitions={"backupbatches": SPEC_MISSING})),
        NOTE,
        "it is another version, so the API server drops spec.maintainOrder",
    ),
    # Dry run
    "no alias": (good(admitted(), seen()), WRONG, "is admitted, but /mutate did not write its alias"),
    "not refused": (bad(admitted(), seen()), WRONG, "is admitted: /validate did not refuse it"),
    "levels": (
        bad(admitted(warnings='299 - "spec.schedule: ... (valid-schedule)"'), seen()),
        NOTE,
        "is admitted with warnings: the rules valid-schedule do not refuse",
    ),
    "another version of the server": (
        good(refusal(f'admission webhook "{VALIDATE}" denied the request: no (no-such-rule)'), seen()),
        WRONG,
        "a good BackupConfiguration is refused, but not as it should be",
    ),
    "another webhook": (
        good(call("EOF", "guard.other.example"), seen()),
        WRONG,
        "guard.other.example, a webhook of another program, cannot be called, so no one can create a",
    ),
    "a matchCondition": (
        good(refusal("... is forbidden: expression 'object.x' resulted in error: no such key: x"), seen()),
        WRONG,
        "a matchCondition of a webhook cannot be evaluated",
    ),
    "slow": (
        good(admitted("host-0", seconds=2.6), seen()),
        NOTE,
        "the dry run took 2.6 s, and the API server waits 5 s for a webhook",
    ),
    "no answer": (trial(Tried(), seen(), "default"), WRONG, "dry run: no answer from the API server: it sleeps"),
    "no CRD to try": (
        trial(Tried(), seen(definitions={"backupconfigurations": None}), "default"),
        NOTE,
        "dry run: not tried, the CRD of BackupConfiguration does not exist",
    ),
    "an unknown resource": (
        good(refusal("404 page not found"), seen()),
        NOTE,
        "dry run: not tried: the API server does not know BackupConfiguration",
    ),
    "no namespace to try in": (
        trial(Tried(), seen(tried_in=None), "absent"),
        NOTE,
        "dry run: not tried, namespace absent does not exist",
    ),
    "a namespace left out": (
        trial(Tried(), seen(), "stash-admission"),
        NOTE,
        "dry run: not tried, the MutatingWebhookConfiguration leaves namespace stash-admission out",
    ),
    "no permission": (
        good(refusal('... User "jane" cannot create resource "backupconfigurations" in API group ...'), seen()),
        NOTE,
        "dry run: not tried: grant create on backupconfigurations in the namespace",
    ),
    "a quota": (
        bad(refusal("... is forbidden: exceeded quota: few"), seen()),
        NOTE,
        "dry run: the bad BackupConfiguration is refused by something else, so nothing is proved",
    ),
    "unseen": (
        looked(seen(service=Unreadable("Service a/b", "grant get on services in namespace a"))),
        NOTE,
        "Service a/b: not checked: grant get on services in namespace a",
    ),
}
FINDINGS = {name: (list(remarks), level, line) for name, (remarks, level, line) in _FINDINGS.items()}
"""What is said of one thing that is wrong: remarks, and of the one that is meant the level and words of its line."""

CALLS = {
    "is not valid yet": (
        'Post "https://a.b.svc:443/mutate": tls: failed to verify certificate: x509: certificate has expired or is not '
        "yet valid: current time 2026-11-22T20:40:26Z is before 2026-12-22T20:34:59Z",
    ),
    "the certificate that is served has expired": (
        "x509: certificate has expired or is not yet valid: current time 2026-11-22T20:40:25Z is after "
        "2026-08-14T20:39:59Z",
    ),
    "no CA in caBundle signed the certificate that is served": (
        'x509: certificate signed by unknown authority (possibly because of "x509: ECDSA verification failure" while '
        'trying to verify candidate authority certificate "CA")',
    ),
    "is for another name": (
        "x509: certificate is valid for other.svc, not a.b.svc",
        "x509: certificate is not valid for any names, but wanted to match a.b.svc",
        "x509: certificate relies on legacy Common Name field, use SANs instead",
    ),
    "caBundle cannot be read": (
        "could not get REST client: unable to load root certificates: unable to parse bytes as PEM block",
    ),
    "the certificate that is served is not accepted": ("x509: unhandled critical extension",),
    "requires a client certificate": (
        "remote error: tls: certificate required",
        "remote error: tls: bad certificate",
        "calls need a client certificate",
    ),
    "does not speak TLS as the API server does": (
        "http: server gave HTTP response to HTTPS client",
        "remote error: tls: handshake failure",
        "tls: first record does not look like a TLS handshake",
    ),
    "no replica is ready": ('no endpoints available for service "a"',),
    "the Service does not exist": ('service "a" not found',),
    "the Service has no such port": ('no service port 443 found for service "a"',),
    "cannot call a Service of this type": (
        'cannot route to service with ClusterIP "None"',
        'unsupported service type "ExternalName"',
    ),
    "nothing listens there": ("dial tcp 10.0.0.1:443: connect: connection refused",),
    "the control plane cannot reach the pods": (
        "dial tcp 10.0.0.1:443: i/o timeout",
        "dial tcp 10.0.0.1:443: connect: no route to host",
        "Address is not allowed",
        "504 Gateway Timeout",
    ),
    "tunnel to the nodes is down": ("No agent available",),
    "no answer in time": (
        "context deadline exceeded",
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
        "net/http: TLS handshake timeout",
    ),
    "the host that the Service stands for cannot be resolved": (
        "dial tcp: lookup a.invalid on 10.0.0.10:53: no such host",
        "dial tcp: lookup a.invalid on 10.0.0.10:53: read udp 10.0.0.1:1->10.0.0.10:53: i/o timeout",
    ),
    "calls through a proxy": ("proxyconnect tcp: dial tcp 10.0.0.1:3128: connect: connection refused",),
    "the connection was closed instead of answered": (
        "EOF",
        "read tcp 10.0.0.1:1->10.0.0.2:2: read: connection reset by peer",
    ),
    "nothing answers at the path": (
        "the server could not find the requested resource",
        "there are POST /mutate and POST /validate, and nothing else",
        "the server does not allow this method on the requested resource",
    ),
    "get more calls than they take at once": (
        "too many calls at once: try again",
        "the server is currently unable to handle the request",
    ),
    "the server fails to answer": (
        "internal error",
        'an error on the server ("unknown") has prevented the request from succeeding',
    ),
    "a program other than stash-admission": (
        'received invalid webhook response: expected response.uid="a", got "b"',
        "unknown",
        "the server has asked for the client to provide credentials",
    ),
    "it cannot be called": ("something that Kubernetes says from 1.50 on",),
}
"""What a failed call means, by what the API server says of it."""
