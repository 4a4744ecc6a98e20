"""Having the webhooks asked: only when a replica answers, and never again for nothing."""

import copy
import itertools
import ssl
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from typer.testing import CliRunner

from app.cli import app
from app.commands.doctor.client import Access
from app.commands.doctor.expected import RULES
from app.commands.register.registrar import FIELD_MANAGER, Registrar
from certs.names import Names
from kube.client import Object
from kube.errors import Conflict, Refused, Unavailable
from testbed.documents import load_all
from testbed.registered import registered
from tests.support.e2e.standin import Answer, Call, standing_in

SHIPPED = load_all((Path(__file__).parents[2] / "manifests/base/webhooks.yaml").read_text())
NAMES = Names()


class Cluster(Access):
    """An API server that holds the two configurations and a Service, and notes what is written."""

    def __init__(self, port: int, bundle: bytes) -> None:
        self.objects = {each["kind"]: copy.deepcopy(each) for each in SHIPPED}
        self.found: Object | None = {"spec": {"type": "ExternalName", "externalName": "127.0.0.1"}}
        self.written: list[tuple[str, str]] = []
        self.fails: list[Exception] = []
        for webhook in self.webhooks():
            webhook["clientConfig"]["service"]["port"] = port
        self.trust(bundle)

    def webhooks(self) -> Iterator[Any]:
        return (webhook for each in self.objects.values() for webhook in each["webhooks"])

    def trust(self, bundle: bytes) -> None:
        for webhook in self.webhooks():
            webhook["clientConfig"]["caBundle"] = b64encode(bundle).decode()

    def service(self, namespace: str, name: str) -> Object | None:
        assert (namespace, name) == ("stash-admission", "stash-admission")
        return self.found

    def configuration(self, kind: str, name: str) -> Object | None:
        assert name == "stash-admission"
        if self.fails:
            raise self.fails.pop()
        found = self.objects.get(kind)
        return {**found, "metadata": {**found["metadata"], "resourceVersion": "7"}} if found else None

    def apply_configuration(self, kind: str, name: str, fields: Object, manager: str = "") -> None:
        assert fields["metadata"] == {"name": name, "resourceVersion": "7"}
        self.written.append((kind, manager))
        rules = {each["name"]: each["rules"] for each in fields["webhooks"]}
        for webhook in self.objects[kind]["webhooks"]:
            if webhook["name"] in rules:
                webhook["rules"] = rules[webhook["name"]]


@pytest.fixture(scope="module")
def ca() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def port(ca: trustme.CA) -> Iterator[int]:
    """Where a replica answers."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert(NAMES.host).configure_cert(context)

    def answer(call: Call) -> Answer:
        raise AssertionError(call)

    with standing_in(context, answer) as listening:
        yield listening


@pytest.fixture
def cluster(port: int, ca: trustme.CA) -> Cluster:
    return Cluster(port, ca.cert_pem.bytes())


def run(cluster: Cluster, *changes: Any, settle: float = 0, longest: float | None = 30) -> list[str]:
    """What is said until the end. Each change is made in a pause; a second goes by with each look at the clock."""
    said, seconds, pending = list[str](), itertools.count(), list(changes)

    def pause(_: float) -> None:
        if pending:
            pending.pop(0)()

    Registrar(cluster, NAMES, settle, longest).run(said.append, pause, lambda: float(next(seconds)))
    return said


BOTH_WRITTEN = [("MutatingWebhookConfiguration", FIELD_MANAGER), ("ValidatingWebhookConfiguration", FIELD_MANAGER)]


def test_the_webhooks_are_asked_as_soon_as_a_replica_answers(cluster: Cluster) -> None:
    said = run(cluster)
    assert cluster.written == BOTH_WRITTEN
    assert {each["name"]: each["rules"] for each in cluster.webhooks()} == RULES
    assert said == [
        "MutatingWebhookConfiguration stash-admission: mutate.admission.stash.appscode.com is asked from now on",
        "ValidatingWebhookConfiguration stash-admission: validate.admission.stash.appscode.com, "
        "validate-repositories.admission.stash.appscode.com are asked from now on",
    ]


def test_nothing_is_written_where_every_webhook_has_its_rules_even_if_nobody_answers(cluster: Cluster) -> None:
    cluster.objects = {kind: registered(each) for kind, each in cluster.objects.items()}
    cluster.found = None
    assert run(cluster) == ["nothing to do: every webhook has its rules"]
    assert cluster.written == []


def test_wider_rules_are_left_alone_and_narrower_ones_are_not(cluster: Cluster) -> None:
    cluster.objects = {kind: registered(each) for kind, each in cluster.objects.items()}
    mutating, *_ = cluster.objects["MutatingWebhookConfiguration"]["webhooks"]
    mutating["rules"] = [{**mutating["rules"][0], "operations": ["*"], "resources": ["*"]}]
    run(cluster)
    assert cluster.written == []
    mutating["rules"] = [{**mutating["rules"][0], "operations": ["CREATE"]}]
    run(cluster)
    assert cluster.written == BOTH_WRITTEN[:1]
    assert mutating["rules"] == RULES[mutating["name"]]


def test_a_webhook_of_somebody_else_gets_no_rules(cluster: Cluster) -> None:
    other = {**next(cluster.webhooks()), "name": "other.example.com"}
    cluster.objects["MutatingWebhookConfiguration"]["webhooks"].append(other)
    run(cluster)
    assert [each["name"] for each in cluster.webhooks() if not each.get("rules")] == ["other.example.com"]


@pytest.mark.parametrize("name", ["", "validate-everything.example.com"])
def test_it_waits_for_a_webhook_that_is_not_there(cluster: Cluster, name: str) -> None:
    validating = cluster.objects["ValidatingWebhookConfiguration"]
    validating["webhooks"] = [{**each, "name": name} for each in validating["webhooks"][:1] if name]
    with pytest.raises(Refused, match="has no webhook validate"):
        run(cluster, longest=0)
    assert cluster.written == []


def test_it_waits_for_what_is_missing_and_says_each_thing_once(cluster: Cluster, ca: trustme.CA) -> None:
    service, validating = cluster.found, cluster.objects.pop("ValidatingWebhookConfiguration")
    good = cluster.objects["MutatingWebhookConfiguration"]["webhooks"][0]["clientConfig"]["service"]["port"]
    cluster.found = None
    cluster.fails = [Unavailable("no answer from the API server: it sleeps")]
    for webhook in cluster.webhooks():
        webhook["clientConfig"]["service"]["port"] = 1
    validating["webhooks"][0]["clientConfig"]["caBundle"] = ""

    def install() -> None:
        cluster.objects["ValidatingWebhookConfiguration"] = validating

    def serve() -> None:
        cluster.found = service

    def listen() -> None:
        for webhook in cluster.webhooks():
            webhook["clientConfig"]["service"]["port"] = good

    steps = (
        lambda: None, install, lambda: None, lambda: setattr(cluster, "found", {"spec": {"clusterIP": "None"}}), serve,
        listen, lambda: cluster.trust(b"no certificate"), lambda: cluster.trust(trustme.CA().cert_pem.bytes()),
        lambda: cluster.trust(ca.cert_pem.bytes()),
    )  # fmt: skip
    *waited, _, _ = run(cluster, *steps)
    mutate = "MutatingWebhookConfiguration stash-admission: mutate.admission.stash.appscode.com"
    assert [each.removeprefix("waiting: ") for each in waited] == [
        "no answer from the API server: it sleeps",
        "ValidatingWebhookConfiguration stash-admission does not exist: apply the manifests",
        "Service stash-admission/stash-admission does not exist: apply the manifests",
        f"{mutate}: the Service has no address of its own",
        f"{mutate}: no replica answers at 127.0.0.1, port 1: [Errno 111] Connection refused",
        "ValidatingWebhookConfiguration stash-admission: validate.admission.stash.appscode.com has no caBundle yet",
        f"{mutate}: caBundle cannot be read",
        f"{mutate}: caBundle does not cover the certificate that a replica shows: "
        "unable to get local issuer certificate",
    ]
    assert cluster.written == BOTH_WRITTEN


def test_a_replica_has_to_answer_for_a_while_without_a_break(cluster: Cluster) -> None:
    service = cluster.found
    break_it, mend_it = (lambda: setattr(cluster, "found", None)), (lambda: setattr(cluster, "found", service))
    said = run(cluster, lambda: None, break_it, mend_it, settle=3, longest=None)
    assert said[0] == "waiting: Service stash-admission/stash-admission does not exist: apply the manifests"
    assert len(said) == 3


def test_what_was_written_by_somebody_else_meanwhile_is_looked_at_again(cluster: Cluster) -> None:
    cluster.fails = [Conflict("the object has been modified")]
    assert run(cluster)[0] == "waiting: the object has been modified"
    assert cluster.written == BOTH_WRITTEN


def test_it_gives_up_where_it_may_wait_no_longer(cluster: Cluster) -> None:
    cluster.found = None
    with pytest.raises(Refused, match=r"everything is admitted unchecked: Service stash-admission/stash-admission"):
        run(cluster, longest=3)


def test_the_command_says_in_one_line_why_it_gives_up(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    monkeypatch.setattr(Access, "connect", lambda: cluster)
    assert CliRunner().invoke(app, ["register", "--settle-seconds=0"]).exit_code == 0
    cluster.objects = {}
    ended = CliRunner().invoke(app, ["register", "--wait-seconds=0"])
    assert ended.exit_code == 1
    assert ended.stderr.splitlines() == [
        "Error: nothing was registered, and everything is admitted unchecked: MutatingWebhookConfiguration "
        "stash-admission does not exist: apply the manifests"
    ]
