"""`stash-admission doctor` and `stash-certs show`: each thing broken on purpose, and what they say of it."""

from __future__ import annotations

import base64
import contextlib
import copy
import datetime
import json
import re
import shlex
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.commands.doctor.call_failures import failed_call
from certs import cli, pem
from certs.issuing import Pair, issue_ca, issue_leaf
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.flags import free_ports
from testbed.control_plane.installation import NAME, apply, crds, define, shipped_crds, whole
from testbed.patience import PATIENCE, eventually
from testbed.server import environment, running
from tests.support.e2e.standin import Answer, Call, Fault, standing_in
from tests.support.installation import CALLS, FINDINGS, call, seen

DOCS = (Path(__file__).parents[2] / "docs" / "cli" / "doctor.md").read_text()
HOST = f"{NAME}.{NAME}.svc"
DAY = datetime.timedelta(days=1)
KINDS = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
WEBHOOKS = ("mutate.admission.stash.appscode.com", "validate.admission.stash.appscode.com")
MUTATING, VALIDATING = (f"{kind} {NAME}" for kind in KINDS)
ROTATE = "run stash-certs rotate"
RESTART = f"kubectl -n {NAME} rollout restart deployment"
EXTERNAL = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": NAME, "namespace": NAME},
    "spec": {"type": "ExternalName", "externalName": "localhost"},
}


@dataclass
class Said:
    """What a command printed."""

    result: Result
    remarks: list[tuple[str, str]] = field(init=False)
    """Level and line of each."""
    remedies: dict[str, str] = field(init=False)
    """By line."""

    def __post_init__(self) -> None:
        self.remarks, self.remedies = [], {}
        for line in self.result.stdout.splitlines():
            if match := re.fullmatch(r"  (ok|note|WRONG) +(.*)", line):
                self.remarks.append((match[1], match[2]))
            elif match := re.fullmatch(r" +fix: (.*)", line):
                self.remedies[self.remarks[-1][1]] = match[1]
            elif match := re.fullmatch(r" {14}(.*)", line):
                self.remedies[self.remarks[-1][1]] += f"\n{match[1]}"

    def __str__(self) -> str:
        return self.result.output

    def level(self, level: str) -> list[str]:
        """The lines of one level."""
        return [line for found, line in self.remarks if found == level]

    @property
    def wrong(self) -> list[str]:
        """What is wrong."""
        return self.level("WRONG")

    def remedy(self, fragment: str) -> str:
        """What is to be done about the one remark that holds these words."""
        (line,) = (line for _, line in self.remarks if fragment in line)
        return self.remedies[line]


@dataclass
class Patient:
    """An installation as `install.yaml` makes it, but that the Service stands for this machine."""

    cluster: Cluster
    folder: Path
    port: int = 0
    objects: list[dict[str, Any]] = field(default_factory=list)
    """The Secret and both configurations in their good state."""

    def doctor(self, *arguments: str, user: str = "admin") -> Said:
        return Said(self._run(app, "doctor", *arguments, user=user))

    def show(self) -> Result:
        return self._run(cli.app, "show")

    def rotate(self) -> None:
        done = self._run(cli.app, "rotate")
        assert done.exit_code == 0, done.output

    def _run(self, command: Any, *arguments: str, user: str = "admin") -> Result:
        variables = {"KUBECONFIG": str(self.cluster.credentials.kubeconfig(user)), "COLUMNS": "80"}
        return CliRunner(env=variables).invoke(command, arguments)

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        done = self.cluster.kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def secret(self, name: str) -> dict[str, bytes]:
        stored = json.loads(self.kubectl("get", "secret", name, "-n", NAME, "-o", "json"))
        return {key: base64.b64decode(value) for key, value in stored["data"].items()}

    @property
    def ca(self) -> Pair:
        """The CA that `stash-certs rotate` made."""
        data = self.secret(f"{NAME}-tls-ca")
        found = pem.ca(data["ca.crt"], data["ca.key"])
        assert found is not None
        return found

    def remember(self) -> None:
        """The state that `heal` brings back."""
        names = (f"secret/{NAME}-tls", *(f"{kind}/{NAME}" for kind in KINDS))
        for name in names:
            found = json.loads(self.kubectl("get", "-n", NAME, name, "-o", "json"))
            kept = {key: found["metadata"][key] for key in ("name", "namespace", "labels") if key in found["metadata"]}
            self.objects.append({**found, "metadata": kept})

    def heal(self) -> None:
        apply(self.cluster, EXTERNAL, *self.objects)

    def register(self, port: int, bundle: bytes | None = None, **fields: Any) -> None:
        """Both configurations with another port, `caBundle` or further fields."""
        changed = copy.deepcopy(self.objects[1:])
        for webhook in (webhook for each in changed for webhook in each["webhooks"]):
            webhook["clientConfig"]["service"]["port"] = port
            if bundle is not None:
                webhook["clientConfig"]["caBundle"] = base64.b64encode(bundle).decode()
            webhook |= fields
        apply(self.cluster, *changed)

    def keep(self, leaf: Pair, ca: Pair, **metadata: Any) -> None:
        """Put a pair into the Secret."""
        files = {"tls.crt": leaf.certificate_pem, "tls.key": leaf.key_pem, "ca.crt": ca.certificate_pem}
        data = {name: base64.b64encode(content).decode() for name, content in files.items()}
        secret = self.objects[0]
        apply(self.cluster, {**secret, "data": data, "metadata": {**secret["metadata"], **metadata}})

    @contextlib.contextmanager
    def served_by(self, leaf: Pair, answer: Answer = 500, *, asks_for_certificate: bool = False) -> Iterator[int]:
        """The port of somebody who serves a pair, and answers so."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = self.folder / "pair.pem"
        pair.write_bytes(leaf.certificate_pem + leaf.key_pem)
        context.load_cert_chain(pair)
        if asks_for_certificate:
            context.verify_mode = ssl.CERT_REQUIRED

        def reply(_: Call) -> Answer:
            return answer

        with standing_in(context, reply) as port:
            yield port

    def until(self, *fragments: str, arguments: tuple[str, ...] = ()) -> Said:
        """What doctor says as soon as it says all of these: the API server takes a moment to use what it is told."""
        said = list[Said]()

        def says() -> bool:
            said.append(self.doctor(*arguments))
            return all(any(fragment in line for _, line in said[-1].remarks) for fragment in fragments)

        eventually(says, says=lambda: f"{fragments} in\n{said[-1]}")
        return said[-1]

    def until_well(self) -> Said:
        """The same for nothing."""
        said = eventually(lambda: None if (now := self.doctor()).result.exit_code else now, says=self.doctor)
        assert said.wrong == []
        return said


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    with Cluster(binaries.find_or_build()) as cluster:
        patient = Patient(cluster, tmp_path_factory.mktemp("patient"))
        define(cluster, crds())
        apply(cluster, *(each for each in whole() if each["kind"] != "Service"), EXTERNAL)
        patient.rotate()
        certificates = patient.folder / "certs"
        certificates.mkdir()
        for name, content in patient.secret(f"{NAME}-tls").items():
            (certificates / name).write_bytes(content)
        with running(patient.folder, certificates=certificates) as server:
            patient.port = server.port
            patient.remember()
            for webhook in (webhook for each in patient.objects[1:] for webhook in each["webhooks"]):
                webhook["clientConfig"]["service"]["port"] = server.port
            patient.heal()
            patient.until_well()
            yield patient


@pytest.fixture
def patient(installed: Patient) -> Iterator[Patient]:
    """In its good state, and afterwards again, as doctor sees too."""
    yield installed
    installed.heal()
    installed.until_well()


def leaf(patient: Patient, *, ca: Pair | None = None, name: str = HOST, days: int = 0, lifetime: int = 30) -> Pair:
    """A serving pair, issued so many days from now."""
    now = datetime.datetime.now(datetime.UTC) + days * DAY
    return issue_leaf(ca or patient.ca, [name], now, lifetime * DAY)


# --- The golden case.


def test_of_an_installation_without_fault_everything_is_ok(patient: Patient) -> None:
    said = patient.doctor()
    assert said.result.exit_code == 0
    assert {level for level, _ in said.remarks} == {"ok"}


def shown(text: str) -> list[str]:
    """Lines without what differs from run to run: numbers, moments, fingerprints."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+Z", "MOMENT", text)
    return re.sub(r"\b[0-9a-f]{16}\b|\d+", "N", text).strip().splitlines()


def runs(documentation: str) -> list[list[str]]:
    """The runs that a page shows."""
    return [
        shown(each) for each in re.findall(r"```console\n\$ stash-admission doctor\n(.*?)```", documentation, re.DOTALL)
    ]


def succeeded(patient: Patient) -> None:
    """What the CronJob's controller would write after a run."""
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = json.dumps({"status": {"lastSuccessfulTime": moment, "lastScheduleTime": moment}})
    patient.kubectl(
        "patch", "cronjob", f"{NAME}-certs", "-n", NAME, "--subresource=status", "--type=merge", "-p", status
    )


def test_a_good_run_is_as_the_documentation_shows_it(patient: Patient) -> None:
    succeeded(patient)
    good, _ = runs(DOCS)
    lines = shown(str(patient.doctor()))
    service = next(number for number, line in enumerate(lines) if f"{NAME}/{NAME} stands for localhost" in line)
    # This Service selects no Pods, so what is said of those that it would select is what another test below sees.
    ready = f"  ok     Service {NAME}/{NAME}: N of N endpoints ready"
    claims = ["Claims", f"  ok     Deployment {NAME}/{NAME}: its ServiceAccount {NAME} may write claims"]
    crds = lines.index("CRDs")
    assert [*lines[:service], ready, *lines[service + 1 : crds], *claims, *lines[crds:]] == good


def test_it_runs_as_a_process_and_without_a_dry_run(patient: Patient) -> None:
    command = [sys.executable, "-m", "app", "doctor", "--no-try"]
    variables = environment(KUBECONFIG=str(patient.cluster.credentials.kubeconfig("admin")))
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert "Dry run" not in done.stdout
    assert done.stdout.endswith("nothing wrong\n")


# --- Certificates.


def test_an_expired_certificate(patient: Patient) -> None:
    ca = patient.ca
    expired = leaf(patient, days=-40)
    with patient.served_by(expired) as port:
        patient.keep(expired, ca)
        patient.register(port)
        said = patient.until("has expired")
    secret, call = said.wrong
    assert secret.startswith(f"Secret {NAME}/{NAME}-tls: the certificate is not valid now: it expired at 20")
    assert call == f"{WEBHOOKS[0]}: the certificate that is served has expired"
    assert said.remedies[secret] == said.remedies[call] == ROTATE
    assert "x509: certificate has expired or is not yet valid: current time" in str(said)
    assert said.result.exit_code == 1
    shown = patient.show()
    assert shown.exit_code == 1
    assert "  WRONG: the certificate is not valid now: it expired at" in shown.stdout


def test_a_certificate_of_tomorrow(patient: Patient) -> None:
    early = leaf(patient, days=1)
    with patient.served_by(early) as port:
        patient.keep(early, patient.ca)
        patient.register(port)
        said = patient.until("is not valid yet")
    secret, call = said.wrong
    assert "it will be valid from 20" in secret
    assert said.remedies[call].startswith("check whether the clock")


def test_replicas_that_serve_another_certificate_than_the_secrets(patient: Patient) -> None:
    for served, means in (
        (leaf(patient, days=-40), "the certificate that is served has expired"),
        (leaf(patient, name="other.svc"), "the certificate that is served is for another name"),
        (leaf(patient, ca=issue_ca(datetime.datetime.now(datetime.UTC))), "no CA in caBundle signed the certificate"),
    ):
        with patient.served_by(served) as port:
            patient.register(port)
            said = patient.until(means)
        assert len(said.wrong) == 1
        assert said.remedy(means).endswith(f"so the replicas serve another certificate:\n{RESTART}")


def test_a_certificate_for_another_name(patient: Patient) -> None:
    other = leaf(patient, name=f"other.{NAME}.svc")
    with patient.served_by(other) as port:
        patient.keep(other, patient.ca)
        patient.register(port)
        said = patient.until("is for another name")
    assert said.wrong == [
        f"Secret {NAME}/{NAME}-tls: the certificate is not for {HOST}",
        f"{WEBHOOKS[0]}: the certificate that is served is for another name",
    ]
    assert set(said.remedies.values()) == {ROTATE}
    assert f"certificate is valid for other.{NAME}.svc, not {HOST}" in str(said)


@pytest.mark.parametrize(
    ("bundle", "line", "means"),
    [
        (None, "caBundle does not cover the certificate", "no CA in caBundle signed the certificate that is served"),
        (b"", "caBundle is empty", "no CA in caBundle signed the certificate that is served"),
        (b"x", "caBundle cannot be read", "caBundle cannot be read"),
    ],
    ids=["another CA", "empty", "unreadable"],
)
def test_a_ca_bundle_that_covers_nothing_and_the_remedy_mends_it(
    patient: Patient, bundle: bytes | None, line: str, means: str
) -> None:
    if bundle is None:
        bundle = issue_ca(datetime.datetime.now(datetime.UTC)).certificate_pem
    patient.register(patient.port, bundle)
    said = patient.until(f"{WEBHOOKS[0]}: {means}")
    assert said.wrong == [
        f"{MUTATING}: {WEBHOOKS[0]}: {line}",
        f"{VALIDATING}: {WEBHOOKS[1]}: {line}",
        f"{VALIDATING}: validate-repositories.admission.stash.appscode.com: {line}",
        f"{WEBHOOKS[0]}: {means}",
    ]
    assert set(said.remedies.values()) == {ROTATE}
    assert f"    WRONG: {line}: {ROTATE}" in patient.show().stdout.splitlines()
    patient.rotate()
    patient.until_well()


def test_a_ca_bundle_with_an_expired_ca_beside_the_right_one(patient: Patient) -> None:
    expired = issue_ca(datetime.datetime.now(datetime.UTC) - 400 * DAY, 300 * DAY)
    patient.register(patient.port, expired.certificate_pem + patient.ca.certificate_pem)
    said = patient.until("holds 1 CA(s) not valid now")
    assert said.result.exit_code == 0
    assert said.remedy(f"{WEBHOOKS[0]}: caBundle holds") == ROTATE
    shown = patient.show()
    assert shown.exit_code == 0
    assert f"    NOTE: caBundle holds 1 CA(s) not valid now: {ROTATE}" in shown.stdout.splitlines()


def test_a_key_that_is_not_the_certificates(patient: Patient) -> None:
    one, other = leaf(patient), leaf(patient)
    patient.keep(Pair(one.certificate, other.key), patient.ca)
    said = patient.until("do not belong together")
    assert said.wrong == [
        f"Secret {NAME}/{NAME}-tls: tls.crt or tls.key cannot be read, or they do not belong together"
    ]
    assert said.remedy("do not belong together") == ROTATE


def test_a_secret_that_is_missing(patient: Patient) -> None:
    patient.kubectl("delete", "secret", f"{NAME}-tls", "-n", NAME)
    said = patient.doctor()
    assert said.wrong == [f"Secret {NAME}/{NAME}-tls: it does not exist"]
    assert said.remedy("it does not exist") == ROTATE


def test_a_renewal_that_did_not_happen(patient: Patient) -> None:
    late = leaf(patient, days=-25)
    patient.keep(late, patient.ca)
    said = patient.doctor()
    (line,) = said.wrong
    assert "and should have been renewed from 20" in line
    assert said.remedies[line] == f"{ROTATE}, and see why no CronJob does:\nkubectl -n {NAME} get cronjobs,jobs,pods"
    shown = patient.show()
    assert shown.exit_code == 1
    assert "and should have been renewed from 20" in shown.stdout


def test_the_certificate_of_cert_manager_is_left_to_it(patient: Patient) -> None:
    made_for = {"labels": {}, "annotations": {"cert-manager.io/certificate-name": "webhooks"}}
    patient.kubectl("delete", "secret", f"{NAME}-tls", "-n", NAME)
    patient.keep(leaf(patient, days=-40), patient.ca, **made_for)
    describe = f"kubectl -n {NAME} describe certificate webhooks"
    remedy = f"see what keeps cert-manager from it, then have it renewed:\n{describe}\ncmctl renew -n {NAME} webhooks"
    said = patient.doctor()
    assert said.remedy("it expired at") == remedy
    assert "CronJob" not in str(said)
    shown = patient.show().stdout
    assert (
        f": see what keeps cert-manager from it, then have it renewed: {describe}; cmctl renew -n {NAME} webhooks"
        in shown
    )
    assert "rotate" not in shown


def test_a_certificate_that_somebody_brought_is_theirs_to_replace(patient: Patient) -> None:
    patient.kubectl("delete", "secret", f"{NAME}-tls", "-n", NAME)
    patient.keep(leaf(patient, days=-40), patient.ca, labels={})
    remedy = patient.doctor().remedy("it expired at")
    assert remedy.startswith(
        f"put a certificate for {HOST} in its place, and its key:\nkubectl -n {NAME} create secret"
    )
    command = remedy.splitlines()[1]
    new = leaf(patient)
    (patient.folder / "tls.crt").write_bytes(new.certificate_pem)
    (patient.folder / "tls.key").write_bytes(new.key_pem)
    made, applied = command.split(" | ")
    arguments = [
        str(patient.folder / each) if each in ("tls.crt", "tls.key") else each for each in shlex.split(made)[1:]
    ]
    patient.kubectl(*shlex.split(applied)[1:], stdin=patient.kubectl(*arguments))
    assert patient.doctor().wrong == []


def test_a_cron_job_that_is_suspended_and_the_remedy_mends_it(patient: Patient) -> None:
    patient.kubectl("patch", "cronjob", f"{NAME}-certs", "-n", NAME, "-p", '{"spec":{"suspend":true}}')
    said = patient.doctor()
    assert said.wrong == [f"CronJob {NAME}/{NAME}-certs: it is suspended, so the certificate is not renewed"]
    patient.kubectl(*shlex.split(said.remedy("suspended").splitlines()[1])[1:])
    assert patient.doctor().result.exit_code == 0


# --- The Service, and the way to it.


def test_a_service_that_is_missing(patient: Patient) -> None:
    patient.kubectl("delete", "service", NAME, "-n", NAME)
    patient.register(free_ports(1)[0])  # else the API server goes on with the connections that it has
    said = patient.until(f"{WEBHOOKS[0]}: the Service does not exist")
    assert said.wrong == [
        f"Service {NAME}/{NAME}: it does not exist",
        f"{WEBHOOKS[0]}: the Service does not exist",
    ]
    assert set(said.remedies.values()) == {
        "apply the manifests again (or -k and the overlay in use):\nkubectl apply -f manifests/install.yaml"
    }


def test_a_service_without_the_port(patient: Patient) -> None:
    patient.kubectl("delete", "service", NAME, "-n", NAME)
    spec = {"ports": [{"name": "webhook", "port": 8443}]}
    apply(patient.cluster, {**EXTERNAL, "spec": spec})
    port = free_ports(1)[0]
    patient.register(port)
    said = patient.until("the Service has no such port")
    service, nobody, call = said.wrong
    assert service == f"Service {NAME}/{NAME}: it has no port {port}, which a webhook calls; it has 8443"
    assert nobody == f"Service {NAME}/{NAME}: no endpoint is ready, so no call is answered (0 of 0 endpoints ready)"
    assert call.endswith("the Service has no such port")
    patient.kubectl("delete", "service", NAME, "-n", NAME)


def test_a_port_on_which_nobody_listens(patient: Patient) -> None:
    patient.register(free_ports(1)[0])
    said = patient.until("nothing listens there")
    assert said.wrong == [f"{WEBHOOKS[0]}: nothing listens there"]
    assert said.remedy("nothing listens").startswith("see whether the replicas run, and on the port that the Service")
    assert "connect: connection refused" in str(said)


def test_a_port_that_never_answers(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        patient.register(silent.getsockname()[1], timeoutSeconds=2)
        said = patient.until("no answer in time")
    means = "no answer in time: what is sent is dropped on the way, or the replicas are too slow"
    assert said.wrong == [f"{WEBHOOKS[0]}: {means}"]
    assert "let the control plane reach the pods' port 10250" in said.remedy("no answer in time")


def test_a_port_on_which_somebody_else_answers(patient: Patient) -> None:
    for answer, means in (
        (404, "nothing answers at the path that is called, or another program does"),
        (Fault(500, "internal error"), "the server fails to answer, and its log says why"),
        (503, "the replicas get more calls than they take at once"),
        (Fault(503, "too many calls at once: try again"), "the replicas get more calls than they take at once"),
        (Fault(403, "a client certificate is needed"), "the server requires a client certificate, and the API server"),
        ({"uid": "other", "allowed": True}, "what answers is a program other than stash-admission"),
        (418, "what answers is a program other than stash-admission"),
    ):
        assert isinstance(answer, int | dict | Fault)
        with patient.served_by(leaf(patient), answer) as port:
            patient.register(port)
            said = patient.until(f"{WEBHOOKS[0]}: {means}")
        assert len(said.wrong) == 1


def test_a_server_that_asks_for_a_client_certificate_in_the_handshake(patient: Patient) -> None:
    with patient.served_by(leaf(patient), asks_for_certificate=True) as port:
        patient.register(port)
        said = patient.until("the server requires a client certificate")
    assert said.remedy("client certificate").startswith("start the server without --client-ca, or give the API server")
    assert f"a kubeconfig for {HOST}" in said.remedy("client certificate")


def test_an_installation_under_other_names(patient: Patient) -> None:
    said = patient.doctor("--namespace", "elsewhere", "--service", "guard", "--no-try")
    assert said.wrong[:2] == [
        f"{configuration}: {webhook} calls Service {NAME}/{NAME}, not elsewhere/guard"
        for configuration, webhook in zip((MUTATING, VALIDATING), WEBHOOKS, strict=True)
    ]
    assert "Namespace elsewhere: it does not exist" in said.wrong
    assert f"Secret elsewhere/{NAME}-tls: it does not exist" in said.wrong
    remedy = "run stash-certs rotate --namespace elsewhere --service guard"
    assert said.remedy(f"Secret elsewhere/{NAME}-tls") == remedy


# --- The registration.


def test_a_configuration_that_is_missing(patient: Patient) -> None:
    patient.kubectl("delete", KINDS[0].lower(), NAME)
    said = patient.until("/mutate did not write its alias")
    assert said.wrong == [
        f"{MUTATING}: it does not exist, so nothing is changed",
        "a good BackupConfiguration is admitted, but /mutate did not write its alias",
    ]
    assert said.remedy("it does not exist").endswith(f"\nthen {ROTATE}")
    patient.heal()
    patient.until_well()
    patient.kubectl("delete", KINDS[1].lower(), NAME)
    said = patient.until("/validate did not refuse it")
    assert said.wrong == [
        f"{VALIDATING}: it does not exist, so nothing is refused",
        "a bad BackupConfiguration is admitted: /validate did not refuse it",
    ]


def test_a_path_that_nobody_serves(patient: Patient) -> None:
    changed = copy.deepcopy(patient.objects[1:])
    for each in changed:
        each["webhooks"][0]["clientConfig"]["service"]["path"] = "/"
    apply(patient.cluster, *changed)
    said = patient.until(f"{WEBHOOKS[0]}: nothing answers at the path")
    assert said.wrong == [
        f"{MUTATING}: {WEBHOOKS[0]} calls the path /, where the server does not answer, not /mutate",
        f"{VALIDATING}: {WEBHOOKS[1]} calls the path /, where the server does not answer, not /validate",
        f"{WEBHOOKS[0]}: nothing answers at the path that is called, or another program does",
    ]


def test_rules_that_leave_a_resource_out(patient: Patient) -> None:
    rule = copy.deepcopy(patient.objects[1]["webhooks"][0]["rules"][0])
    rule["resources"].remove("restorebatches")
    patient.register(patient.port, rules=[{**rule, "operations": ["CREATE"]}])
    said = patient.doctor()
    assert len(said.wrong) == 2
    assert said.wrong[0].startswith(
        f"{MUTATING}: it does not ask about UPDATE of backupconfigurations, UPDATE of backup"
    )
    assert "CREATE of restorebatches, UPDATE of restorebatches" in said.wrong[0]


def test_failure_policy_ignore_is_a_note_and_hides_an_outage_which_is_found(patient: Patient) -> None:
    patient.register(patient.port, failurePolicy="Ignore")
    said = patient.doctor()
    assert said.result.exit_code == 0
    assert [line.partition(" has ")[2] for line in said.level("note")] == [
        "failurePolicy Ignore: while the server is down, every object is stored unchecked"
    ] * 2
    patient.register(free_ports(1)[0], failurePolicy="Ignore")
    said = patient.until("/mutate did not write its alias", "/validate did not refuse it")
    assert len(said.wrong) == 2
    assert "failurePolicy Ignore hides why" in said.remedy("/mutate did not")


def test_what_differs_from_what_is_shipped_is_noted(patient: Patient) -> None:
    selector = {"matchLabels": {"guarded": "yes"}}
    patient.register(patient.port, matchConditions=[], objectSelector=selector, timeoutSeconds=30)
    said = patient.doctor("--no-try")
    assert said.result.exit_code == 0
    notes = [line.removeprefix(f"{MUTATING}: {WEBHOOKS[0]} ") for line in said.level("note")[:3]]
    assert notes == [
        "has timeoutSeconds 30: while the server is down, every user waits that long",
        'leaves out objects by their labels, which anyone may set: {"matchLabels":{"guarded":"yes"}}',
        "lacks matchConditions created-or-spec-changed, not-being-deleted as shipped: an outage blocks more than "
        "necessary",
    ]
    patient.until("/mutate did not write its alias", "/validate did not refuse it")


def test_a_match_condition_that_cannot_be_evaluated(patient: Patient) -> None:
    patient.register(patient.port, matchConditions=[{"name": "mine", "expression": "object.spec.absent.absent == 1"}])
    said = patient.until("a matchCondition of a webhook cannot be evaluated")
    assert "has further matchConditions, which may keep objects from being checked: mine" in str(said)


# --- CRDs, the dry run, permissions.


def test_crds_that_are_missing(patient: Patient) -> None:
    names = [f"{resource}.stash.appscode.com" for resource in ("backupconfigurations", "backupbatches")]
    patient.kubectl("delete", "crd", *names)
    try:
        said = patient.doctor()
    finally:
        define(patient.cluster, crds())
    assert said.wrong == [f"CRD {name}: it does not exist, so no object of it can be created" for name in names]
    assert said.remedy(names[0]).endswith("kubectl apply -f manifests/crds")
    assert said.level("note") == ["dry run: not tried, the CRD of BackupConfiguration does not exist"]


def test_the_crds_of_the_shipped_operator_are_noted(patient: Patient) -> None:
    define(patient.cluster, shipped_crds())
    try:
        said = patient.doctor()
    finally:
        define(patient.cluster, crds())
    assert said.result.exit_code == 0
    drops = "it is another version, so the API server drops"
    assert said.level("note") == [
        f"CRD backupbatches.stash.appscode.com: {drops} spec.maintainOrder",
        f"CRD restorebatches.stash.appscode.com: {drops} spec.members[].rules, spec.maintainOrder",
    ]


@pytest.mark.parametrize(
    ("namespace", "line"),
    [
        (NAME, "dry run: not tried, the MutatingWebhookConfiguration leaves namespace stash-admission out"),
        ("absent", "dry run: not tried, namespace absent does not exist"),
    ],
)
def test_a_namespace_in_which_nothing_can_be_tried(patient: Patient, namespace: str, line: str) -> None:
    said = patient.doctor("--try-in", namespace)
    assert said.result.exit_code == 0
    assert said.level("note") == [line]
    assert said.remedy("dry run") == "name another: --try-in NAMESPACE"


def test_a_webhook_of_another_program_that_cannot_be_called(patient: Patient) -> None:
    other = copy.deepcopy(patient.objects[2])
    other["metadata"] = {"name": "other"}
    other["webhooks"][0] |= {"name": "guard.other.example", "clientConfig": {"url": "https://127.0.0.1:1/"}}
    apply(patient.cluster, other)
    said = patient.until("guard.other.example, a webhook of another program, cannot be called")
    assert len(said.wrong) == 1
    patient.kubectl("delete", KINDS[1].lower(), "other")


def test_levels_that_let_the_bad_object_through_are_noted(patient: Patient, tmp_path: Path) -> None:
    rules = [f"--rule={rule}=warn" for rule in ("alias-syntax", "valid-schedule", "valid-duration")]
    with running(tmp_path, *rules, certificates=patient.folder / "certs") as lenient:
        patient.register(lenient.port)
        said = patient.until("a bad BackupConfiguration is admitted with warnings")
    assert said.result.exit_code == 0
    assert said.level("note")[0].endswith("the rules alias-syntax, valid-schedule, valid-duration do not refuse")


def test_who_may_do_nothing_is_told_so(patient: Patient) -> None:
    said = patient.doctor(user="guest")
    assert (said.result.exit_code, said.result.stdout) == (2, "")
    assert said.result.stderr.startswith("Error: you may not read anything of an installation: docs/cli/doctor.md")
    assert len(said.result.stderr.splitlines()) == 1


def test_without_a_permission_the_rest_is_checked(patient: Patient) -> None:
    role = re.search(r"```yaml\n(.*?kind: ClusterRole\n.*?)```", DOCS, re.DOTALL)
    assert role is not None
    patient.kubectl("apply", "-f", "-", stdin=role[1])
    patient.kubectl("create", "clusterrolebinding", "doctor", "--clusterrole=stash-admission-doctor", "--user=guest")
    said = patient.doctor(user="guest")
    assert said.result.exit_code == 0
    assert {level for level, _ in said.remarks} == {"ok"}
    reads = json.dumps([{"op": "remove", "path": "/rules/0"}])
    patient.kubectl("patch", "clusterrole", "stash-admission-doctor", "--type=json", "-p", reads)
    said = eventually(lambda: now if (now := patient.doctor(user="guest")).level("note") else None)
    assert said.result.exit_code == 0
    assert f"Secret {NAME}/{NAME}-tls: not checked: grant get on secrets in namespace {NAME}" in said.level("note")
    assert len(said.level("ok")) > 5
    patient.kubectl("delete", "clusterrolebinding", "doctor")


def test_an_api_server_that_does_not_answer_is_said(patient: Patient, tmp_path: Path) -> None:
    kubeconfig = json.loads(patient.cluster.credentials.kubeconfig("guest").read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    result = CliRunner(env={"KUBECONFIG": str(tmp_path / "kubeconfig")}).invoke(app, ["doctor"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: no answer from the API server: ")


def test_the_commands_in_remedies_are_such_that_kubectl_takes_them(patient: Patient) -> None:
    said = [each.remedy for remarks, _, _ in FINDINGS.values() for each in remarks]
    said += [failed_call(call(cause).message, seen()).remedy for every in CALLS.values() for cause in every]
    commands = {line for remedy in said for line in remedy.splitlines() if line.startswith("kubectl ")}
    words = [shlex.split(each.partition(" | ")[0])[1:] for each in sorted(commands)]
    changes, harmless = ("annotate", "patch", "scale"), ("get", "describe")
    ran = []
    for arguments in words:
        verb = arguments[2] if arguments[0] == "-n" else arguments[0]
        if verb in (*changes, *harmless) and "certificate" not in arguments:  # of which cert-manager has the CRD
            patient.kubectl(*arguments, *(["--dry-run=server"] if verb in changes else []))
            ran.append(verb)
    assert set(ran) == {*changes, *harmless}


# --- Where the API server calls the pods itself, as it can only if it is told their addresses.


@pytest.fixture(scope="module")
def routed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Patient]:
    """`install.yaml` as it is, with nobody to run its pods."""
    with Cluster(binaries.find_or_build(), "--enable-aggregator-routing=true") as cluster:
        patient = Patient(cluster, tmp_path_factory.mktemp("routed"))
        define(cluster, crds())
        apply(cluster, *whole())
        patient.rotate()
        yield patient


def endpoints(*ready: bool) -> dict[str, Any]:
    """What the endpoint controller would write. The addresses are nobody's (RFC 5737)."""
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": NAME, "namespace": NAME, "labels": {"kubernetes.io/service-name": NAME}},
        "addressType": "IPv4",
        "ports": [{"name": "webhook", "port": 10250, "protocol": "TCP"}],
        "endpoints": [
            {"addresses": [f"192.0.2.{number}"], "conditions": {"ready": each}} for number, each in enumerate(ready, 1)
        ],
    }


def test_a_service_without_endpoints(routed: Patient) -> None:
    said = routed.until(f"{WEBHOOKS[0]}: no replica is ready")
    service = f"Service {NAME}/{NAME}: no endpoint is ready, so no call is answered (0 of 0 endpoints ready)"
    assert said.wrong == [service, f"{WEBHOOKS[0]}: no replica is ready"]
    assert said.remedies[service].startswith(
        f"Deployment {NAME} wants 2 replicas; see what keeps them from being ready"
    )
    assert f'no endpoints available for service "{NAME}"' in str(said)
    apply(routed.cluster, endpoints(False, False))
    succeeded(routed)
    said = routed.until("(0 of 2 endpoints ready)")
    _, broken = runs(DOCS)
    assert shown(str(said)) == broken


def test_a_deployment_that_is_scaled_to_nothing_and_the_remedy_mends_it(routed: Patient) -> None:
    routed.kubectl("scale", "deployment", NAME, "-n", NAME, "--replicas", "0")
    remedy = routed.doctor("--no-try").remedy("no endpoint is ready")
    assert remedy.startswith(f"Deployment {NAME} is scaled to 0:\n")
    routed.kubectl(*shlex.split(remedy.splitlines()[1])[1:])
    assert "wants 2 replicas" in routed.doctor("--no-try").remedy("no endpoint is ready")


def test_a_service_that_selects_no_pods(routed: Patient) -> None:
    selector = '{"spec":{"selector":{"app.kubernetes.io/name":"other"}}}'
    routed.kubectl("patch", "service", NAME, "-n", NAME, "-p", selector)
    assert (
        routed.doctor("--no-try")
        .remedy("no endpoint is ready")
        .startswith(f"no Deployment in {NAME} makes pods that the Service selects, so apply the manifests again")
    )
    apply(routed.cluster, *whole())


def test_one_endpoint_is_a_note_and_two_are_well(routed: Patient) -> None:
    apply(routed.cluster, endpoints(True, False))
    said = routed.doctor("--no-try")
    line = f"Service {NAME}/{NAME}: only one endpoint is ready: without it no call is answered (1 of 2 endpoints ready)"
    assert said.level("note") == [line]
    apply(routed.cluster, endpoints(True, True))
    said = routed.doctor("--no-try")
    assert f"Service {NAME}/{NAME}: 2 of 2 endpoints ready" in said.level("ok")
    assert (said.level("note"), said.wrong) == ([], [])
