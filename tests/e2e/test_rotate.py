"""`stash-certs rotate` against a real API server: what it stores, what others do to that, and what it may do."""

from __future__ import annotations

import base64
import datetime
import itertools
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from certs import pem
from certs.api import Api
from certs.cli import app
from certs.cluster import Cluster as Installed
from certs.cluster import View
from certs.issuing import CA_LIFETIME, LEAF_LIFETIME
from certs.reconcile import reconcile
from certs.state import Desired, Step, Target
from certs.trust import is_valid, renewed_from
from kube.errors import Refused
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.credentials import GUEST
from testbed.documents import load_all

MANIFESTS = Path(__file__).parents[2] / "manifests"
NAME = "stash-admission"
KINDS = (Target.MUTATING.value, Target.VALIDATING.value)
SECOND, HOUR = datetime.timedelta(seconds=1), datetime.timedelta(hours=1)
_NO_CHECK_TIME = ssl.VerifyFlags(0x200000)
"""OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which Python has no name for."""
_NUMBERS = itertools.count(1)


class Interrupted(BaseException):
    """The process was ended."""


@dataclass(frozen=True)
class Watched(Installed):
    """An installation; `after` is called with the number of each write, from 1, when it is stored."""

    after: Callable[[int], None] = lambda _: None
    done: list[Step] = field(default_factory=list)

    def write(self, step: Step, view: View) -> None:
        super().write(step, view)
        self.done.append(step)
        self.after(len(self.done))


@pytest.fixture(scope="module")
def own(cluster: Cluster) -> Iterator[Cluster]:
    """An API server of its own: the registrations shipped concern the whole of it, and nobody answers them."""
    with Cluster(cluster.binaries) as started:
        yield started


@dataclass
class Place:
    """A namespace with its own pair of webhook configurations, as the manifests would make them."""

    cluster: Cluster
    name: str
    lines: list[str] = field(default_factory=list)

    def installed(self, after: Callable[[int], None] = lambda _: None) -> Watched:
        return Watched(Api.connect(), self.name, "tls", self.name, self.name, after)

    @property
    def wanted(self) -> Desired:
        return Desired((f"guard.{self.name}.svc",))

    def rotate(
        self,
        after: Callable[[int], None] = lambda _: None,
        later: datetime.timedelta = 0 * SECOND,
        **lifetimes: Any,
    ) -> list[Step]:
        """Run once, `later` from now; what was written."""
        installed = self.installed(after)
        now = datetime.datetime.now(datetime.UTC) + later
        reconcile(installed, replace(self.wanted, **lifetimes), lambda: now, self.lines.append)
        return installed.done

    def configuration(self, kind: str, *webhooks: str, bundle: str | None = None) -> str:
        """The manifest; without a `caBundle` as ours are, or with one as others write it."""
        client: dict[str, Any] = {"service": {"name": "guard", "namespace": self.name}}
        if bundle is not None:
            client["caBundle"] = bundle
        rule = {"apiGroups": ["none.example"], "apiVersions": ["*"], "operations": ["CREATE"], "resources": ["*"]}
        common = {"clientConfig": client, "rules": [rule], "sideEffects": "None", "admissionReviewVersions": ["v1"]}
        names = webhooks or ("backups.none.example", "restores.none.example")
        return json.dumps(
            {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": kind,
                "metadata": {"name": self.name},
                "webhooks": [{"name": each, **common} for each in names],
            }
        )

    def apply(self, *arguments: str, **how: str) -> None:
        """`kubectl apply` of both configurations."""
        for kind in KINDS:
            self.kubectl("apply", *arguments, "-f", "-", stdin=self.configuration(kind, **how))

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """What kubectl prints, which must succeed."""
        done = self.cluster.kubectl(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def set_data(self, secret: str, **files: str | None) -> None:
        """Change a Secret by hand; `tls_crt` is tls.crt, and None takes it out."""
        data = {
            key.replace("_", "."): None if value is None else base64.b64encode(value.encode()).decode()
            for key, value in files.items()
        }
        self.kubectl("patch", "secret", secret, "-n", self.name, "--type=merge", "-p", json.dumps({"data": data}))

    def stored(self, kind: str) -> dict[str, Any]:
        """A webhook configuration with its managed fields."""
        text = self.kubectl("get", kind, self.name, "-o", "json", "--show-managed-fields")
        stored: dict[str, Any] = json.loads(text)
        return stored

    def bundles(self) -> list[bytes]:
        """The `caBundle` of all four webhooks."""
        found = [each["clientConfig"].get("caBundle", "") for kind in KINDS for each in self.stored(kind)["webhooks"]]
        return [base64.b64decode(each) for each in found]

    def data(self, name: str = "tls") -> dict[str, bytes]:
        """A Secret's data."""
        stored = json.loads(self.kubectl("get", "secret", name, "-n", self.name, "-o", "json"))
        return {key: base64.b64decode(value) for key, value in stored["data"].items()}

    def assert_right(self, later: datetime.timedelta = 0 * SECOND) -> None:
        """All four bundles are the same, the certificate is believed by them, and there is nothing to do."""
        (bundle,) = set(self.bundles())
        data = self.data()
        assert data["ca.crt"] == bundle
        if not later:
            handshake(data, bundle, self.wanted.names[0], self.cluster.folder)
        assert self.rotate(later=later) == []
        assert self.lines[-1].startswith("nothing to do, valid until ")


@pytest.fixture
def place(own: Cluster, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A place of the test's own, with the manifests applied and nothing issued."""
    monkeypatch.setenv("KUBECONFIG", str(own.credentials.kubeconfig("admin")))
    place = Place(own, f"rotate-{next(_NUMBERS)}")
    place.kubectl("create", "namespace", place.name)
    place.apply()
    return place


def handshake(
    data: dict[str, bytes], bundle: bytes, name: str, folder: Path, now: datetime.datetime | None = None
) -> None:
    """TLS in memory, as between the API server and a Pod that serves the pair. Raises ssl.SSLError.

    `now` is when, if it is not at present. OpenSSL cannot be told that: what is not valid then is left out.
    """
    pair = folder / f"pair-{threading.get_ident()}.pem"
    pair.write_bytes(data["tls.crt"] + data["tls.key"])
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pair)
    pair.unlink()
    if now is not None:
        assert all(is_valid(each, now) for each in pem.certificates(data["tls.crt"]))
        bundle = pem.text([each for each in pem.certificates(bundle) if is_valid(each, now)])
    calling = ssl.create_default_context(cadata=bundle.decode())
    if now is not None:
        calling.verify_flags |= _NO_CHECK_TIME
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    client = calling.wrap_bio(to_client, to_server, server_hostname=name)
    unfinished = [client, server]
    while unfinished:
        for each in list(unfinished):
            try:
                each.do_handshake()
                unfinished.remove(each)
            except ssl.SSLWantReadError:
                continue


# --- The golden case.


def test_the_first_run_creates_and_the_second_does_nothing(place: Place) -> None:
    assert [step.target for step in place.rotate()] == [
        Target.AUTHORITY,
        Target.MUTATING,
        Target.VALIDATING,
        Target.SERVING,
    ]
    place.assert_right()
    kinds = json.loads(place.kubectl("get", "secrets", "-n", place.name, "-o", "json"))["items"]
    assert {each["metadata"]["name"]: each["type"] for each in kinds} == {
        "tls": "kubernetes.io/tls",
        "tls-ca": "Opaque",
    }
    assert set(place.data()) == {"ca.crt", "tls.crt", "tls.key"}


def test_only_the_ca_bundles_are_owned(place: Place) -> None:
    place.rotate()
    for kind in KINDS:
        (ours,) = (each for each in place.stored(kind)["metadata"]["managedFields"] if each["manager"] == "stash-certs")
        assert ours["operation"] == "Apply"
        # A list's item is owned by who names it, which does not keep others from owning the same name.
        item: dict[str, Any] = {".": {}, "f:name": {}, "f:clientConfig": {"f:caBundle": {}}}
        names = ("backups.none.example", "restores.none.example")
        assert ours["fieldsV1"] == {"f:webhooks": {f'k:{{"name":"{name}"}}': item for name in names}}


def test_eight_at_once_end_with_one_ca(place: Place) -> None:
    assert_agreed_at_once(place, 0 * SECOND)
    (bundle,) = set(place.bundles())
    assert len(pem.certificates(bundle)) == 1
    place.assert_right()


def test_eight_at_once_agree_on_the_same_new_ca(place: Place) -> None:
    place.rotate()
    assert_agreed_at_once(place, CA_LIFETIME * 0.7)
    (bundle,) = set(place.bundles())
    assert len(pem.certificates(bundle)) == 2
    place.assert_right(CA_LIFETIME * 0.7)


def test_eight_at_once_agree_after_the_secrets_were_deleted(place: Place) -> None:
    place.rotate()
    place.kubectl("delete", "secret", "tls", "tls-ca", "-n", place.name)
    assert_agreed_at_once(place, 0 * SECOND)
    (bundle,) = set(place.bundles())
    assert len(pem.certificates(bundle)) == 2
    place.assert_right()


def assert_agreed_at_once(place: Place, later: datetime.timedelta) -> None:
    start, failures = threading.Barrier(8), list[BaseException]()

    def one() -> None:
        try:
            place.installed()  # connects, which takes longest
            start.wait()
            place.rotate(later=later, settle=0 * SECOND)
        except BaseException as error:  # noqa: BLE001 -- told below, in the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=one) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not failures


# --- Renewal and rotation.


def test_the_certificate_is_renewed_at_two_thirds_and_no_ca_bundle_changes(place: Place) -> None:
    place.rotate()
    bundles, versions = place.bundles(), [place.stored(kind)["metadata"]["resourceVersion"] for kind in KINDS]
    leaf = pem.certificates(place.data()["tls.crt"])[0]
    until_due = renewed_from(leaf) - datetime.datetime.now(datetime.UTC)
    assert place.rotate(later=until_due - 2 * SECOND) == []
    assert [step.target for step in place.rotate(later=until_due + 2 * SECOND)] == [Target.SERVING]
    assert "two thirds of the last one's lifetime were over" in place.lines[-1]
    assert pem.certificates(place.data()["tls.crt"])[0] != leaf
    assert place.bundles() == bundles
    assert [place.stored(kind)["metadata"]["resourceVersion"] for kind in KINDS] == versions


def test_while_cas_succeed_each_other_every_certificate_in_use_is_believed_after_every_write(place: Place) -> None:
    """With a run each half hour: handshakes per write, of each certificate with each webhook's CAs."""
    lifetimes = {"ca_lifetime": 18 * HOUR, "leaf_lifetime": 8 * HOUR, "settle": HOUR}
    later = 0 * HOUR
    served: dict[bytes, dict[str, bytes]] = {}
    cas: dict[Any, None] = {}
    handshakes = 0

    def after(_: int) -> None:
        nonlocal handshakes
        bundles = place.bundles()
        if any(bundles):
            cas.update(dict.fromkeys(ca for bundle in bundles for ca in pem.certificates(bundle)))
        if "tls" not in names():
            return
        data = place.data()
        served[data["tls.crt"]] = data
        now = datetime.datetime.now(datetime.UTC) + later
        for old in list(served):
            if pem.certificates(old)[0].not_valid_after_utc <= now:
                del served[old]
        for pair in served.values():
            for bundle in bundles:
                handshake(pair, bundle, place.wanted.names[0], place.cluster.folder, now)
                handshakes += 1

    def names() -> list[str]:
        return place.kubectl("get", "secrets", "-n", place.name, "-o", "jsonpath={.items[*].metadata.name}").split()

    first: Any = None
    while len(cas) < 3 or first in pem.certificates(place.bundles()[0]):
        assert later < 10 * lifetimes["ca_lifetime"]
        place.rotate(after, later, **lifetimes)
        first = first or next(iter(cas))
        later += HOUR / 2
    assert handshakes > 40


# --- Whatever was broken: run again and it is right.

EMPTY = json.dumps([{"op": "remove", "path": f"/webhooks/{index}/clientConfig/caBundle"} for index in (0, 1)])


def nothing_yet(place: Place) -> None:
    place.kubectl("delete", "secret", "tls", "tls-ca", "-n", place.name, "--ignore-not-found")
    empty_bundles(place)


def empty_bundles(place: Place) -> None:
    for kind in KINDS:
        place.kubectl("patch", kind, place.name, "--type=json", "-p", EMPTY)


def delete(*secrets: str) -> Callable[[Place], None]:
    def damage(place: Place) -> None:
        place.kubectl("delete", "secret", *secrets, "-n", place.name)

    return damage


def recreated_by_hand(place: Place) -> None:
    delete("tls")(place)
    place.kubectl("create", "secret", "generic", "tls", "-n", place.name, "--from-literal=tls.crt=x")


DAMAGES: dict[str, Callable[[Place], None]] = {
    "nothing was there yet": nothing_yet,
    "the serving Secret was deleted": delete("tls"),
    "the CA's Secret was deleted": delete("tls-ca"),
    "both Secrets were deleted": delete("tls", "tls-ca"),
    "the certificate was garbled": lambda place: place.set_data("tls", tls_crt="x"),
    "the key was emptied": lambda place: place.set_data("tls", tls_key=""),
    "the Secret was made anew by hand with another type": recreated_by_hand,
    "the CA's key was garbled": lambda place: place.set_data("tls-ca", ca_key="x"),
    "the caBundles were emptied": empty_bundles,
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_run_again_and_it_is_right_also_when_interrupted_after_any_write(
    place: Place, damage: Callable[[Place], None]
) -> None:
    place.rotate()
    damage(place)
    writes = len(place.rotate(settle=0 * SECOND))
    assert writes > 0
    place.assert_right()
    for number in range(1, writes + 1):
        damage(place)

        def interrupt(count: int, number: int = number) -> None:
            if count == number:
                raise Interrupted

        with pytest.raises(Interrupted):
            place.rotate(interrupt, settle=0 * SECOND)
        place.rotate(settle=0 * SECOND)
        place.assert_right()


# --- Others who apply the manifests.


@pytest.mark.parametrize("arguments", [(), ("--server-side", "--force-conflicts")], ids=["client-side", "server-side"])
def test_a_later_apply_of_the_manifests_leaves_the_ca_bundles_alone(place: Place, arguments: tuple[str, ...]) -> None:
    place.rotate()
    bundles = place.bundles()
    place.apply(*arguments)
    for kind in KINDS:
        changed = place.configuration(kind).replace('"sideEffects": "None"', '"sideEffects": "NoneOnDryRun"')
        place.kubectl("apply", *arguments, "-f", "-", stdin=changed)
        assert place.stored(kind)["webhooks"][0]["sideEffects"] == "NoneOnDryRun"
    assert place.bundles() == bundles
    place.assert_right()


def test_a_client_side_apply_of_an_empty_ca_bundle_wipes_it_and_the_next_run_repairs(place: Place) -> None:
    place.rotate()
    place.apply(bundle="")
    assert place.bundles() == [b""] * 4
    place.rotate()
    place.assert_right()


def test_a_replace_wipes_the_ca_bundle_and_the_next_run_repairs(place: Place) -> None:
    place.rotate()
    for kind in KINDS:
        place.kubectl("replace", "-f", "-", stdin=place.configuration(kind))
    assert place.bundles() == [b""] * 4
    place.rotate()
    place.assert_right()


def test_a_server_side_apply_of_an_empty_ca_bundle_is_refused_as_ours_and_repaired_if_forced(place: Place) -> None:
    place.rotate()
    place.apply("--server-side", "--force-conflicts")
    manifest = place.configuration(KINDS[0], bundle="")
    refused = place.cluster.kubectl("apply", "--server-side", "-f", "-", stdin=manifest)
    assert refused.returncode == 1
    assert 'conflicts with "stash-certs"' in refused.stderr
    place.apply("--server-side", "--force-conflicts", bundle="")
    assert place.bundles() == [b""] * 4
    place.rotate()
    place.assert_right()


def test_a_webhook_leaves_a_configuration_by_client_side_apply_and_by_patch_but_not_by_server_side_apply(
    place: Place,
) -> None:
    """The item of a list that two own goes when both let go of it; a CA alone is no webhook, so it is refused."""
    place.rotate()
    mutating, validating = KINDS
    place.kubectl("apply", "-f", "-", stdin=place.configuration(mutating, "backups.none.example"))
    assert len(place.stored(mutating)["webhooks"]) == 1

    place.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=place.configuration(validating))
    fewer = place.configuration(validating, "backups.none.example")
    refused = place.cluster.kubectl("apply", "--server-side", "-f", "-", stdin=fewer)
    assert "webhooks[1].clientConfig: Required value" in refused.stderr
    removal = json.dumps([{"op": "remove", "path": "/webhooks/1"}])
    place.kubectl("patch", validating, place.name, "--type=json", "-p", removal)
    place.kubectl("apply", "--server-side", "-f", "-", stdin=fewer)
    assert len(place.stored(validating)["webhooks"]) == 1
    place.assert_right()


def test_a_webhook_that_is_added_later_gets_its_ca_bundle(place: Place) -> None:
    place.rotate()
    names = ("backups.none.example", "restores.none.example", "more.none.example")
    place.kubectl("apply", "-f", "-", stdin=place.configuration(KINDS[0], *names))
    assert [step.target for step in place.rotate()] == [Target.MUTATING]
    place.assert_right()


def test_labels_of_others_on_the_secret_stay(place: Place) -> None:
    place.rotate()
    place.kubectl("label", "secret", "tls", "-n", place.name, "team=backup")
    place.set_data("tls", tls_crt="x")
    place.rotate()
    labels = place.kubectl("get", "secret", "tls", "-n", place.name, "-o", "jsonpath={.metadata.labels}")
    assert json.loads(labels) == {"app.kubernetes.io/managed-by": "stash-certs", "team": "backup"}


def test_a_secret_of_somebody_else_is_not_overwritten(place: Place) -> None:
    place.kubectl("create", "secret", "generic", "tls", "-n", place.name, "--from-literal=password=x")
    with pytest.raises(
        Refused, match=r"does not belong to stash-certs, it has password: name another one, or delete it$"
    ):
        place.rotate()
    assert place.data() == {"password": b"x"}


def test_a_configuration_deleted_between_look_and_write_is_not_made_anew(place: Place) -> None:
    def after(number: int) -> None:
        if number == 1:
            place.kubectl("delete", KINDS[0], place.name)

    installed = place.installed(after)
    with pytest.raises(Refused, match="does not exist: apply the manifests, then run again"):
        reconcile(installed, place.wanted, installed.api.now, place.lines.append)
    assert place.cluster.kubectl("get", KINDS[0], place.name).returncode == 1


# --- The command line, with the permissions that the manifests give.


def invoke(*arguments: str, kubeconfig: Path) -> Result:
    return CliRunner(env={"KUBECONFIG": str(kubeconfig), "COLUMNS": "200"}).invoke(app, arguments)


def documents(path: str) -> str:
    texts = [json.dumps(each) for each in load_all((MANIFESTS / path).read_text())]
    return "\n---\n".join(texts)


@pytest.fixture(scope="module")
def account(own: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The kubeconfig of the Job's ServiceAccount, in the namespace of the manifests."""
    own.kubectl("create", "namespace", NAME)
    for path in ("overlays/self-managed/rbac.yaml", "base/webhooks.yaml"):
        done = own.kubectl("apply", "-f", "-", stdin=documents(path))
        assert done.returncode == 0, done.stderr
    token = own.kubectl("create", "token", f"{NAME}-certs", "-n", NAME).stdout.strip()
    kubeconfig = json.loads(own.credentials.kubeconfig(GUEST).read_text())
    kubeconfig["users"][0]["user"] = {"token": token}
    file = tmp_path_factory.mktemp("account") / "kubeconfig"
    file.write_text(json.dumps(kubeconfig))
    return file


def test_the_permissions_of_the_job_suffice_and_no_key_is_printed(own: Cluster, account: Path) -> None:
    shown = invoke("show", kubeconfig=account)
    assert shown.exit_code == 1
    assert "WRONG: it does not exist: run stash-certs rotate" in shown.stdout
    first = invoke("rotate", kubeconfig=account)
    assert (first.exit_code, first.stderr) == (0, "")
    assert len(first.stdout.splitlines()) == 4
    second = invoke("rotate", kubeconfig=account)
    assert (second.exit_code, second.stderr) == (0, "")
    assert second.stdout.startswith("nothing to do, valid until ")
    for secret in ("tls", "tls-ca"):
        own.kubectl("delete", "secret", f"{NAME}-{secret}", "-n", NAME)
    again = invoke("rotate", "--settle-seconds", "0", kubeconfig=account)
    assert (again.exit_code, again.stderr) == (0, "")
    shown = invoke("show", kubeconfig=account)
    assert shown.exit_code == 0
    assert f"names {NAME}.{NAME}.svc" in shown.stdout
    assert "covers the certificate" in shown.stdout
    for result in (first, second, again, shown):
        assert "PRIVATE" not in result.output
        assert "LS0t" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--mutating", "absent"], 'mutatingwebhookconfigurations.admissionregistration.k8s.io "absent" is forbidden'),
        (["--secret", "other"], 'secrets "other" is forbidden'),
        (["--namespace", "default"], 'in the namespace "default"'),
    ],
)
def test_what_is_forbidden_is_said_in_one_line(account: Path, arguments: list[str], message: str) -> None:
    result = invoke("rotate", *arguments, kubeconfig=account)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "grant it, or run as somebody who may (`stash-certs rotate --help` lists what)" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_what_is_missing_is_said_in_one_line(own: Cluster, tmp_path: Path) -> None:
    admin = own.credentials.kubeconfig("admin")
    result = invoke("rotate", "--namespace", "absent", kubeconfig=admin)
    assert (result.exit_code, result.stdout) == (2, "")
    creation = "create it (kubectl create namespace absent), then run again"
    assert result.stderr == f"Error: there is no namespace absent: {creation}\n"
    result = invoke(
        "rotate", "--namespace", "default", "--mutating", "absent", "--validating", "gone", kubeconfig=admin
    )
    assert result.exit_code == 2
    missing = "MutatingWebhookConfiguration absent and ValidatingWebhookConfiguration gone"
    assert result.stderr == f"Error: {missing} do not exist: apply the manifests, then run again\n"
    result = invoke("rotate", kubeconfig=tmp_path / "absent")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: there is no cluster to talk to, set KUBECONFIG: ")


def test_an_api_server_that_does_not_answer_is_said(own: Cluster, tmp_path: Path) -> None:
    kubeconfig = json.loads(own.credentials.kubeconfig(GUEST).read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
    result = invoke("show", kubeconfig=tmp_path / "kubeconfig")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: no answer from the API server: ")
    assert len(result.stderr.splitlines()) == 1
    result = invoke("rotate", kubeconfig=own.credentials.kubeconfig(GUEST))
    assert result.exit_code == 2
    assert 'User "guest" cannot get resource "secrets"' in result.stderr


def test_a_certificate_is_not_issued_by_a_clock_that_is_wrong(place: Place) -> None:
    installed = place.installed()
    installed.look()
    assert installed.api.time is not None
    assert abs(installed.api.time - datetime.datetime.now(datetime.UTC)) < 60 * SECOND
    installed.api.time -= LEAF_LIFETIME
    with pytest.raises(Refused, match="for the API server: set the wrong clock right, then run again"):
        installed.api.now()
