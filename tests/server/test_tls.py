"""The serving certificate changes while the server runs: good pairs take over, bad ones never do."""

import datetime
import shutil
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import NameOID

from certs.files import write
from certs.issuing import Pair, issue_ca, issue_leaf
from testbed.patience import PATIENCE, eventually
from testbed.server import Running, body, running
from tests.support.refusal import start

NAMES = ["localhost", "127.0.0.1"]
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture(scope="module")
def ca() -> Pair:
    return issue_ca(NOW)


@pytest.fixture
def server(tmp_path: Path, ca: Pair) -> Iterator[Running]:
    certificates = tmp_path / "certs"
    write(certificates, ca, issue_leaf(ca, NAMES, NOW))
    with running(tmp_path, certificates=certificates) as it:
        yield it


def shown(server: Running) -> bytes | None:
    """The certificate that a new connection is shown."""
    with server.connect() as connection:
        return connection.getpeercert(binary_form=True)


def der(pair: Pair) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pair.certificate_pem.decode())


def until(server: Running, event: str, count: int = 1) -> None:
    """Wait until the log has so many lines of an event."""
    eventually(lambda: sum(line["event"] == event for line in server.log) >= count, says=lambda: server.log)


def test_a_new_pair_is_shown_without_a_restart_and_live_connections_go_on(server: Running, ca: Pair) -> None:
    before = shown(server)
    new = issue_leaf(ca, NAMES, NOW)
    with server.client() as client:
        assert client.post("/validate", content=body()).status_code == 200
        write(server.certificates, ca, new)
        until(server, "certificate reloaded")
        assert client.post("/validate", content=body()).status_code == 200
    assert before != shown(server) == der(new)
    metrics = server.metrics()
    assert metrics["stash_admission_certificate_reloads_total", (("certificate", "serving"), ("result", "done"))] == 1
    not_after = new.certificate.not_valid_after_utc.timestamp()
    assert metrics["stash_admission_certificate_not_after_seconds", (("certificate", "serving"),)] == not_after


def mismatched(directory: Path, ca: Pair) -> None:
    (directory / "tls.key").write_bytes(issue_leaf(ca, NAMES, NOW).key_pem)


def half_written(directory: Path, _: Pair) -> None:
    certificate = directory / "tls.crt"
    certificate.write_bytes(certificate.read_bytes()[:200])


def empty(directory: Path, _: Pair) -> None:
    (directory / "tls.crt").write_bytes(b"")


def missing(directory: Path, _: Pair) -> None:
    shutil.rmtree(directory)


def expired(directory: Path, ca: Pair) -> None:
    write(directory, ca, issue_leaf(ca, NAMES, NOW - datetime.timedelta(days=400)))


@pytest.mark.parametrize("breaking", [mismatched, half_written, empty, missing, expired])
def test_a_bad_pair_never_takes_over_and_a_good_one_does_again(server: Running, ca: Pair, breaking: object) -> None:
    before = shown(server)
    assert callable(breaking)
    breaking(server.certificates, ca)
    until(server, "certificate not reloaded")
    assert shown(server) == before
    assert server.call(body()).status_code == 200
    ready = server.manage("/readyz")
    assert ready.status_code == 200
    assert "tls.crt" in ready.text
    assert "still in use" in ready.text
    metrics = server.metrics()
    assert metrics["stash_admission_certificate_reloads_total", (("certificate", "serving"), ("result", "failed"))] >= 1
    new = issue_leaf(ca, NAMES, NOW)
    write(server.certificates, ca, new)
    until(server, "certificate reloaded")
    assert shown(server) == der(new)
    assert server.manage("/readyz").text == "ok\n"


def test_a_secret_that_kubernetes_swaps_is_read(tmp_path: Path, ca: Pair) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    for version in ("one", "two"):
        write(mounted / version, ca, issue_leaf(ca, NAMES, NOW))
    (mounted / "..data").symlink_to("one")
    for name in ("ca.crt", "tls.crt", "tls.key"):
        (mounted / name).symlink_to(f"..data/{name}")
    with running(tmp_path, certificates=mounted) as server:
        before = shown(server)
        (mounted / "..next").symlink_to("two")
        (mounted / "..next").replace(mounted / "..data")
        until(server, "certificate reloaded")
        assert shown(server) != before


def test_a_caller_without_sni_is_shown_the_new_pair_too(server: Running, ca: Pair) -> None:
    new = issue_leaf(ca, NAMES, NOW)
    write(server.certificates, ca, new)
    until(server, "certificate reloaded")
    answer = httpx.get(
        f"https://127.0.0.1:{server.port}/none", verify=server.verifying, trust_env=False, timeout=PATIENCE
    )
    assert answer.status_code == 404


def for_a_common_name(directory: Path, ca: Pair) -> None:
    """A certificate as old instructions make it: Go programs know no name that is only the subject's."""
    leaf = issue_leaf(ca, NAMES, NOW)
    builder = x509.CertificateBuilder(
        leaf.certificate.issuer,
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
        leaf.key.public_key(),
        x509.random_serial_number(),
        leaf.certificate.not_valid_before_utc,
        leaf.certificate.not_valid_after_utc,
    )
    write(directory, ca, Pair(builder.sign(ca.key, hashes.SHA256()), leaf.key))


def for_an_impossible_name(directory: Path, ca: Pair) -> None:
    write(directory, ca, issue_leaf(ca, [".localhost"], NOW))


def not_yet_valid(directory: Path, ca: Pair) -> None:
    write(directory, ca, issue_leaf(ca, NAMES, NOW + datetime.timedelta(days=1)))


def for_another_name(directory: Path, ca: Pair) -> None:
    write(directory, ca, issue_leaf(ca, ["elsewhere.example"], NOW))


def by_another_ca(directory: Path, _: Pair) -> None:
    """A pair that `ca.crt` does not know: the API server would not either."""
    stranger = issue_ca(NOW)
    leaf = issue_leaf(stranger, NAMES, NOW)
    (directory / "tls.crt").write_bytes(leaf.certificate_pem)
    (directory / "tls.key").write_bytes(leaf.key_pem)


def with_a_broken_ca(directory: Path, ca: Pair) -> None:
    write(directory, ca, issue_leaf(ca, NAMES, NOW))
    (directory / "ca.crt").write_bytes(b"garbage")


BREAKING = [not_yet_valid, for_another_name, for_a_common_name, by_another_ca, with_a_broken_ca]


@pytest.mark.parametrize("breaking", BREAKING)
def test_a_pair_that_the_api_server_would_not_accept_never_takes_over(
    tmp_path: Path, ca: Pair, breaking: Callable[[Path, Pair], None]
) -> None:
    certificates = tmp_path / "certs"
    write(certificates, ca, issue_leaf(ca, NAMES, NOW))
    with running(tmp_path, "--server-name", "localhost", certificates=certificates) as server:
        before = shown(server)
        breaking(certificates, ca)
        until(server, "certificate not reloaded")
        assert shown(server) == before
        ready = server.manage("/readyz")
        assert ready.status_code == 200
        assert "still in use" in ready.text
        assert server.call(body()).status_code == 200
        write(certificates, ca, issue_leaf(ca, NAMES, NOW))
        until(server, "certificate reloaded")
        assert server.manage("/readyz").text == "ok\n"


@pytest.mark.parametrize("breaking", [for_a_common_name, for_an_impossible_name])
def test_a_pair_without_a_name_to_call_it_by_never_takes_over(
    server: Running, ca: Pair, breaking: Callable[[Path, Pair], None]
) -> None:
    before = shown(server)
    breaking(server.certificates, ca)
    until(server, "certificate not reloaded")
    assert shown(server) == before
    assert "name" in server.manage("/readyz").text
    write(server.certificates, ca, issue_leaf(ca, NAMES, NOW))
    until(server, "certificate reloaded")
    assert server.manage("/readyz").text == "ok\n"


def test_the_api_servers_ca_may_change_with_the_pair(server: Running, ca: Pair) -> None:
    successor = issue_ca(NOW, datetime.timedelta(days=5000))
    series = "stash_admission_certificate_not_after_seconds", (("certificate", "ca"),)
    before = server.metrics()[series]
    (server.certificates / "ca.crt").write_bytes(successor.certificate_pem + ca.certificate_pem)
    until(server, "certificate reloaded")
    assert server.metrics()[series] == before, "of the two, the one that signed the certificate in use"
    write(server.certificates, successor, issue_leaf(successor, NAMES, NOW))
    until(server, "certificate reloaded", 2)
    assert server.manage("/readyz").text == "ok\n"
    not_after = successor.certificate.not_valid_after_utc.timestamp()
    assert server.metrics()[series] == not_after


def not_ready(folder: Path, *flags: str) -> str:
    """What /readyz says of a server that does not get ready."""
    with running(folder, *flags, certificates=folder / "certs", ready=False) as server:
        until(server, "not ready")
        answer = server.manage("/readyz")
        assert answer.status_code == 503
        assert server.manage("/healthz").status_code == 200
        return answer.text


def test_a_server_whose_certificate_is_for_another_name_is_not_ready(tmp_path: Path, ca: Pair) -> None:
    write(tmp_path / "certs", ca, issue_leaf(ca, NAMES, NOW))
    assert "stash.demo.svc" in not_ready(tmp_path, "--server-name", "stash.demo.svc")


def test_a_server_whose_certificate_is_by_another_ca_is_not_ready(tmp_path: Path, ca: Pair) -> None:
    write(tmp_path / "certs", issue_ca(NOW), issue_leaf(ca, NAMES, NOW))
    assert "the API server would not accept the certificate" in not_ready(tmp_path)


@pytest.mark.parametrize("flags", [[], ["--server-name", "localhost"]], ids=["any name", "its name"])
@pytest.mark.parametrize("is_ca_known", [True, False])
def test_a_server_whose_certificate_has_only_a_common_name_is_not_ready(
    tmp_path: Path, ca: Pair, flags: list[str], is_ca_known: bool
) -> None:
    for_a_common_name(tmp_path / "certs", ca)
    if not is_ca_known:
        shutil.copytree(tmp_path / "certs", tmp_path / "without", ignore=shutil.ignore_patterns("ca.crt"))
        flags = [*flags, "--cert-dir", str(tmp_path / "without")]
    assert "the API server would not accept the certificate" in not_ready(tmp_path, *flags)


@pytest.mark.parametrize("name", [".localhost", "local..host", "a" * 64])
def test_a_name_that_nobody_can_call_is_refused_at_the_start(tmp_path: Path, ca: Pair, name: str) -> None:
    write(tmp_path, ca, issue_leaf(ca, NAMES, NOW))
    refused = start("--cert-dir", tmp_path, "--port", "0", "--management-port", "0", "--server-name", name)
    assert refused.exit_code == 2
    assert "--server-name" in refused.stderr
    assert name in refused.stderr.replace("\n", "")


def test_a_server_without_ca_whose_certificate_is_for_another_name_is_not_ready(tmp_path: Path, ca: Pair) -> None:
    for directory in ("certs", "without"):
        write(tmp_path / directory, ca, issue_leaf(ca, NAMES, NOW))
    (tmp_path / "without" / "ca.crt").unlink()
    flags = ["--cert-dir", str(tmp_path / "without"), "--server-name", "stash.demo.svc"]
    assert "stash.demo.svc" in not_ready(tmp_path, *flags)


def test_a_ca_that_is_taken_away_is_shown_no_more(server: Running) -> None:
    series = "stash_admission_certificate_not_after_seconds", (("certificate", "ca"),)
    assert series in server.metrics()
    (server.certificates / "ca.crt").rename(server.folder / "ca.crt")
    until(server, "certificate reloaded")
    assert series not in server.metrics()
    assert server.manage("/readyz").text == "ok\n"


def test_a_pair_without_ca_is_served(tmp_path: Path, ca: Pair) -> None:
    for directory in ("certs", "without"):
        write(tmp_path / directory, ca, issue_leaf(ca, NAMES, NOW))
    (tmp_path / "without" / "ca.crt").unlink()
    flags = ["--cert-dir", str(tmp_path / "without"), "--server-name", "localhost"]
    with running(tmp_path, *flags, certificates=tmp_path / "certs") as server:
        assert server.call(body()).status_code == 200


A_YEAR_LATER = """
import datetime, pathlib, types
import app.server.tls.pair


class Clock(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return super().now(tz) + datetime.timedelta(days=365 * pathlib.Path({!r}).exists())


app.server.tls.pair.datetime = types.SimpleNamespace(datetime=Clock, UTC=datetime.UTC)
from app.cli import main
main()
"""
"""The server, whose clock is a year fast when a file is there."""


def test_a_server_whose_certificate_ends_is_not_ready(tmp_path: Path, ca: Pair) -> None:
    certificates, late = tmp_path / "certs", tmp_path / "late"
    write(certificates, ca, issue_leaf(ca, NAMES, datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)))
    program = ("-c", A_YEAR_LATER.format(str(late)))
    with running(tmp_path, certificates=certificates, program=program) as server:
        late.touch()
        eventually(lambda: server.manage("/readyz").status_code != 200)
        assert server.manage("/readyz").text == "the certificate in use has expired\n"
        assert server.manage("/healthz").status_code == 200


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(tmp_path: Path, ca: Pair) -> None:
    leaf = issue_leaf(ca, NAMES, NOW)
    write(tmp_path, ca, leaf)
    encryption = serialization.BestAvailableEncryption(b"secret")
    form = serialization.PrivateFormat.PKCS8
    (tmp_path / "tls.key").write_bytes(leaf.key.private_bytes(serialization.Encoding.PEM, form, encryption))
    refused = start("--cert-dir", tmp_path, "--port", "0", "--management-port", "0")
    assert refused.exit_code == 2
    assert "not a certificate and its key" in refused.stderr
