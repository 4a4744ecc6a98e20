"""The modes of certificates: each page followed command by command, on a real API server, while objects are created."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from certs import pem
from certs.api import Api
from certs.cluster import Cluster as Installed
from certs.reconcile import reconcile
from certs.state import Desired
from certs.trust import is_signed_by
from testbed.control_plane import binaries
from testbed.control_plane.cluster import Cluster
from testbed.control_plane.flags import free_ports
from testbed.control_plane.installation import NAME, crds, define
from testbed.patience import eventually
from tests.support.e2e import certmanager
from tests.support.e2e.deciding import CONFIGURATIONS, assert_decides, assert_none_failed, without_alias
from tests.support.e2e.page import commands
from tests.support.e2e.reader import Reader
from tests.support.e2e.steady import creating

WHATEVER_IS_THERE = "jobs,cronjobs,deployments,services,secrets,roles,rolebindings,serviceaccounts,certificates,issuers"


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """An API server of its own: the webhooks are registered for all of it."""
    with Cluster(binaries.find_or_build()) as started:
        define(started, crds() + certmanager.definitions())
        yield started


@pytest.fixture
def reader(own: Cluster, tmp_path: Path) -> Iterator[Reader]:
    """Somebody with a checkout, and a cluster without this project in it."""
    (port,) = free_ports(1)
    reader = Reader(own, tmp_path, port)
    with ExitStack() as stack:
        stack.callback(clean, own)
        stack.callback(reader.close)
        yield reader


def clean(cluster: Cluster) -> None:
    """Leave the namespace alone, which would never go."""
    everywhere = ",".join((*CONFIGURATIONS, "clusterroles", "clusterrolebindings"))
    done = cluster.kubectl("delete", everywhere, "-l", f"app.kubernetes.io/name={NAME}", "--ignore-not-found")
    assert done.returncode == 0, done.stderr
    done = cluster.kubectl("delete", WHATEVER_IS_THERE, "--all", "-n", NAME, "--ignore-not-found")
    assert done.returncode == 0, done.stderr


@pytest.fixture
def cert_manager(reader: Reader) -> Iterator[None]:
    with certmanager.cert_manager(reader.cluster, NAME):
        yield


def leaf(reader: Reader) -> bytes:
    return reader.served[-1]["tls.crt"]


def assert_trusted_alone(reader: Reader) -> None:
    """One CA is left in every `caBundle`, which signed what is served."""
    (bundle,) = set(reader.bundles())
    (ca,) = pem.certificates(bundle)
    assert is_signed_by(pem.certificates(leaf(reader))[0], ca)


# Each mode, installed and renewed.


def test_self_managed_as_its_page_says(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.follow("install/self-managed.md", "Install")
    assert_decides(reader)
    assert reader.follow("install/self-managed.md", "Look").count("covers the certificate") == 3
    monkeypatch.setenv("KUBECONFIG", str(reader.cluster.credentials.kubeconfig("admin")))
    installed_a_while_ago(reader)
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        first, (old,) = leaf(reader), pem.certificates(reader.bundles()[0])
        reader.rotate_flags = ("--settle-seconds=0",)
        reader.follow("install/self-managed.md", "Renewal")
        assert leaf(reader) != first
        assert not is_signed_by(pem.certificates(leaf(reader))[0], old)
        reader.replica.wait()
        second = leaf(reader)
        reader.follow("install/self-managed.md", "Give the CA a new key")
        assert leaf(reader) != second
        assert_none_failed(series)
    assert_trusted_alone(reader)


def installed_a_while_ago(reader: Reader) -> None:
    """What a run 250 days ago would have left, of a CA for a year: CA and certificate are both due, and both valid."""
    done = reader.cluster.kubectl("delete", "secret", f"{NAME}-tls", f"{NAME}-tls-ca", "-n", NAME)
    assert done.returncode == 0, done.stderr
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=250)
    wanted = Desired((f"{NAME}.{NAME}.svc",), ca_lifetime=datetime.timedelta(days=365))
    reconcile(Installed(Api.connect(), NAME, f"{NAME}-tls", NAME, NAME), wanted, lambda: then, lambda _: None)
    reader.served.clear()
    reader.settle()
    reader.replica.wait()
    assert_trusted_alone(reader)
    assert_decides(reader)


@pytest.mark.usefixtures("cert_manager")
def test_cert_manager_as_its_page_says(reader: Reader) -> None:
    page = "install/cert-manager.md"
    reader.follow(page, "Install")
    assert_decides(reader)
    assert reader.follow(page, "Look").count("covers the certificate") == 3
    reader.follow("install/certificates.md", "Two shell functions")
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        trusted = reader.bundles()
        with issuing(reader, "stash-admission-tls"):
            reader.follow(page, "Renew the certificate")
        assert reader.bundles() == trusted
        with issuing(reader, "stash-admission-ca"):
            reader.follow(page, "Renew the CA")
        with issuing(reader, "stash-admission-tls"):
            reader.follow(page, "Renew the certificate")
        assert [len(pem.certificates(bundle)) for bundle in reader.bundles()] == [2, 2, 2], "one CA twice, with one key"
        reader.follow(page, "Give the CA a new key")
        assert_none_failed(series)
    assert_trusted_alone(reader)


@contextmanager
def issuing(reader: Reader, secret: str) -> Iterator[None]:
    """What is done here has cert-manager issue a certificate once more, and trust its CA, which is waited for."""
    before = reader.secret(secret)
    yield
    eventually(lambda: reader.secret(secret) != before and is_injected(reader))
    reader.settle()


def is_injected(reader: Reader) -> bool:
    """Whether each `caBundle` has the CA of the certificate."""
    cas = pem.certificates((reader.secret(f"{NAME}-tls") or {}).get("ca.crt"))
    return all(set(cas) <= set(pem.certificates(bundle)) for bundle in reader.bundles())


def issue_once_more(reader: Reader) -> None:
    """The last command under "The pair", and the first under "Install": a certificate, verified."""
    *_, certificate = commands("install/own-secret.md", "The pair")
    verify, *_ = commands("install/own-secret.md", "Install")
    for command in (certificate, verify):
        reader.run(command)


def write_the_secret(reader: Reader) -> None:
    """The command under "Install" that does."""
    (command,) = [each for each in commands("install/own-secret.md", "Install") if "create secret" in each.text]
    reader.run(command)


def test_a_secret_of_ones_own_as_its_page_says(reader: Reader) -> None:
    page = "install/own-secret.md"
    reader.follow(page, "The pair", "Install")
    assert_decides(reader)
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        first, trusted = leaf(reader), reader.bundles()
        issue_once_more(reader)
        write_the_secret(reader)
        assert leaf(reader) != first
        assert reader.bundles() == trusted
        reader.replica.wait()
        reader.follow(page, "Renew the CA")
        issue_once_more(reader)
        write_the_secret(reader)
        reader.follow(page, "Drop the old CA")
        assert_none_failed(series)
    assert_trusted_alone(reader)


# From one mode to another.


@pytest.mark.usefixtures("cert_manager")
def test_from_self_managed_to_cert_manager_and_on_to_a_secret_of_ones_own(reader: Reader) -> None:
    page = "install/certificates.md"
    reader.follow("install/self-managed.md", "Install")
    reader.follow(page, "Two shell functions")
    assert_decides(reader)
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        reader.follow(page, "Leave self-managed", "To cert-manager", "Clean up after self-managed")
        assert_trusted_alone(reader)
        assert left_of_self_managed(reader) == ""
        reader.follow("install/own-secret.md", "The pair")
        reader.follow(page, "Leave cert-manager", "To a Secret of your own", "Clean up after cert-manager")
        reader.replica.wait()
        assert_none_failed(series)
    assert_trusted_alone(reader)
    assert [each["metadata"]["name"] for each in reader.there("/api/v1", "secrets")] == [f"{NAME}-tls"]


def left_of_self_managed(reader: Reader) -> str:
    """What has the name of its CronJob."""
    kinds = "cronjobs,jobs,roles,rolebindings,serviceaccounts,networkpolicies,clusterroles,clusterrolebindings"
    done = reader.cluster.kubectl("get", kinds, "-n", NAME, "-o", "name")
    assert done.returncode == 0, done.stderr
    return "\n".join(line for line in done.stdout.splitlines() if line.endswith(f"/{NAME}-certs"))


def test_from_self_managed_to_a_secret_of_ones_own_and_back(reader: Reader) -> None:
    page = "install/certificates.md"
    reader.follow("install/self-managed.md", "Install")
    reader.follow(page, "Two shell functions")
    assert_decides(reader)
    with creating(reader, without_alias(f"made-{reader.port}")) as series:
        reader.follow("install/own-secret.md", "The pair")
        reader.follow(page, "Leave self-managed", "To a Secret of your own", "Clean up after self-managed")
        assert_trusted_alone(reader)
        assert left_of_self_managed(reader) == ""
        mine = leaf(reader)
        reader.follow(page, "Leave a Secret of your own", "To self-managed")
        assert leaf(reader) == mine, "until its own CA has been trusted for ten minutes"
        assert [len(pem.certificates(bundle)) for bundle in reader.bundles()] == [2, 2, 2]
        reader.rotate_flags = ("--settle-seconds=0",)
        reader.follow("install/self-managed.md", "Renewal")
        assert leaf(reader) != mine
        reader.replica.wait()
        assert_none_failed(series)
