"""Where callers must show a client certificate: who is answered, who is not, and why; and a client CA that changes."""

import datetime
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme

from certs.issuing import issue_ca, issue_leaf
from testbed.patience import PATIENCE, eventually
from testbed.server import JSON, Running, body, issue, running
from tests.support.refusal import start

NAME = "kube-apiserver"
DAY = datetime.timedelta(days=1)


class Client:
    """A CA of client certificates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.ca = trustme.CA()

    @property
    def pem(self) -> bytes:
        """The CA's certificate."""
        return self.ca.cert_pem.bytes()

    def certificate(self, name: str | None, *hosts: str, until: datetime.datetime | None = None) -> Path:
        """A file with a certificate and its key."""
        leaf = self.ca.issue_cert(*(hosts or ("client.invalid",)), common_name=name, not_after=until)
        path = self.folder / f"{name}-{len(list(self.folder.iterdir()))}.pem"
        leaf.private_key_and_cert_chain_pem.write_to_path(str(path))
        return path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    issue(directory, "localhost", "127.0.0.1")
    return directory


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(tmp_path_factory.mktemp("clients") / "one")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Client:
    return Client(tmp_path_factory.mktemp("clients") / "other")


@pytest.fixture(scope="module")
def asking(certificates: Path, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that asks for a certificate of one name."""
    folder = tmp_path_factory.mktemp("asking")
    (folder / "client-ca.crt").write_bytes(client.pem)
    flags = ["--client-ca", str(folder / "client-ca.crt"), "--client-name", NAME, "--client-name", "other-name"]
    with running(folder, *flags, certificates=certificates) as it:
        yield it


def call(server: Running, shown: Path | None) -> httpx.Response:
    context = ssl.create_default_context(cafile=server.certificates / "ca.crt")
    if shown:
        context.load_cert_chain(shown)
    with httpx.Client(verify=context, trust_env=False, timeout=PATIENCE) as http:
        return http.post(f"{server.url}/validate", content=body(), headers=JSON)


def test_who_shows_a_certificate_of_the_name_is_answered(asking: Running, client: Client) -> None:
    answer = call(asking, client.certificate(NAME))
    assert answer.status_code == 200
    assert answer.json()["response"]["allowed"] is True


def test_who_shows_none_is_told_what_to_do(asking: Running) -> None:
    answer = call(asking, None)
    assert answer.status_code == 403
    assert answer.json()["kind"] == "Status"
    assert "client certificate is required" in answer.json()["message"]
    assert "WebhookAdmissionConfiguration" in answer.json()["message"]
    assert answer.headers["connection"] == "close"


def test_who_shows_one_of_another_name_is_told_which(asking: Running, client: Client) -> None:
    answer = call(asking, client.certificate("mallory", "mallory.example"))
    assert answer.status_code == 403
    assert "mallory, mallory.example" in answer.json()["message"]
    assert "--client-name" in answer.json()["message"]


def test_a_dns_name_of_the_certificate_will_do(asking: Running, client: Client) -> None:
    assert call(asking, client.certificate("anything", "other-name")).status_code == 200


def test_no_path_is_open_to_who_shows_none(asking: Running) -> None:
    with httpx.Client(verify=asking.verifying, trust_env=False, timeout=PATIENCE) as http:
        assert {http.get(f"{asking.url}{path}").status_code for path in ("/", "/mutate", "/healthz")} == {403}


def refused(server: Running, shown: Path) -> str:
    with pytest.raises((httpx.TransportError, ssl.SSLError)) as raised:
        call(server, shown)
    return str(raised.value)


def test_a_certificate_by_another_ca_is_refused_in_the_words_of_tls(asking: Running, other: Client) -> None:
    series = ("stash_admission_handshakes_refused_total", (("reason", "client certificate"),))
    before = asking.metrics()[series]
    assert "unknown ca" in refused(asking, other.certificate(NAME))
    assert asking.metrics()[series] == before + 1
    (line,) = [line for line in asking.log if line["event"] == "handshake refused"]
    assert "local issuer" in line["detail"]


def test_an_expired_certificate_is_refused_in_the_words_of_tls(asking: Running, client: Client) -> None:
    until = datetime.datetime.now(datetime.UTC) - DAY
    assert "expired" in refused(asking, client.certificate(NAME, until=until))


def test_tls_1_2_is_refused_since_a_session_of_it_could_be_resumed_after_its_certificate_expired(
    asking: Running, client: Client
) -> None:
    series = ("stash_admission_handshakes_refused_total", (("reason", "version"),))
    before = asking.metrics()[series]
    context = showing(asking, client.certificate(NAME))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(ssl.SSLError, match="PROTOCOL_VERSION"):
        connect(asking, context)
    eventually(lambda: asking.metrics()[series] == before + 1)


def test_no_session_is_resumed_so_that_each_connection_is_verified(asking: Running, client: Client) -> None:
    context = showing(asking, client.certificate(NAME))
    session, reused = connect(asking, context)
    assert not reused
    assert session is not None
    assert not session.has_ticket, "without a ticket there is nothing to resume it with"
    assert connect(asking, context, session)[1] is False


def showing(server: Running, shown: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.certificates / "ca.crt")
    context.load_cert_chain(shown)
    return context


def connect(
    server: Running, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> tuple[ssl.SSLSession | None, bool | None]:
    """The session of a connection after an answer, when a ticket would have come; and whether it is one resumed."""
    url = httpx.URL(server.url)
    call = f"GET / HTTP/1.1\r\nHost: {url.host}\r\nConnection: close\r\n\r\n"
    with (
        socket.create_connection((url.host, url.port or 443), PATIENCE) as plain,
        context.wrap_socket(plain, server_hostname=url.host, session=session) as secure,
    ):
        secure.sendall(call.encode())
        assert secure.recv(65536).startswith(b"HTTP/1.1 404")
        return secure.session, secure.session_reused


def test_the_server_is_ready_and_says_until_when_the_client_ca_is_valid(asking: Running) -> None:
    assert asking.manage("/readyz").text == "ok\n"
    not_after = "stash_admission_certificate_not_after_seconds"
    assert asking.metrics()[not_after, (("certificate", "client-ca"),)] > time.time()


def test_calls_without_certificate_are_counted(asking: Running) -> None:
    series = ("stash_admission_bad_calls_total", (("reason", "client certificate"),))
    before = asking.metrics().get(series, 0)
    call(asking, None)
    assert asking.metrics()[series] == before + 1


# --- A client CA that changes


@pytest.fixture
def changing(certificates: Path, client: Client, tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "client-ca.crt").write_bytes(client.pem)
    with running(tmp_path, "--client-ca", str(tmp_path / "client-ca.crt"), certificates=certificates) as it:
        yield it


def until(server: Running, event: str) -> None:
    eventually(
        lambda: any(line["event"] == event and line["certificate"] == "client-ca" for line in server.log),
        says=lambda: server.log,
    )


def test_any_name_will_do_where_none_is_asked_for(changing: Running, client: Client) -> None:
    assert call(changing, client.certificate("anybody")).status_code == 200
    assert call(changing, None).status_code == 403


def test_a_new_client_ca_is_used_at_once_and_the_old_one_no_more(
    changing: Running, client: Client, other: Client
) -> None:
    mine, theirs = client.certificate(NAME), other.certificate(NAME)
    context = ssl.create_default_context(cafile=changing.certificates / "ca.crt")
    context.load_cert_chain(mine)
    with httpx.Client(verify=context, trust_env=False, headers=JSON, timeout=PATIENCE) as live:
        assert live.post(f"{changing.url}/validate", content=body()).status_code == 200
        (changing.folder / "client-ca.crt").write_bytes(other.pem)
        until(changing, "certificate reloaded")
        assert call(changing, theirs).status_code == 200
        assert "unknown ca" in refused(changing, mine)
        assert live.post(f"{changing.url}/validate", content=body()).status_code == 200, "live connections go on"
    reloads = "stash_admission_certificate_reloads_total"
    assert changing.metrics()[reloads, (("certificate", "client-ca"), ("result", "done"))] == 1


def test_two_client_cas_in_one_file_are_both_used(changing: Running, client: Client, other: Client) -> None:
    (changing.folder / "client-ca.crt").write_bytes(client.pem + other.pem)
    until(changing, "certificate reloaded")
    assert [call(changing, each.certificate(NAME)).status_code for each in (client, other)] == [200, 200]


def expired_ca() -> bytes:
    return issue_ca(datetime.datetime.now(datetime.UTC) - 2 * DAY, DAY).certificate_pem


@pytest.mark.parametrize(
    "content",
    [None, b"", b"garbage", b"-----BEGIN CERTIFICATE-----\nMIIB", expired_ca()],
    ids=["missing", "empty", "garbage", "half-written", "expired"],
)
def test_a_bad_client_ca_never_takes_over(changing: Running, client: Client, content: bytes | None) -> None:
    path = changing.folder / "client-ca.crt"
    path.unlink() if content is None else path.write_bytes(content)
    until(changing, "certificate not reloaded")
    assert call(changing, client.certificate(NAME)).status_code == 200
    assert call(changing, None).status_code == 403
    ready = changing.manage("/readyz")
    assert ready.status_code == 200
    assert "client-ca.crt" in ready.text
    path.write_bytes(client.pem + b"\n")
    until(changing, "certificate reloaded")
    assert changing.manage("/readyz").text == "ok\n"


def test_a_new_serving_pair_is_used_although_the_client_ca_is_broken(tmp_path: Path, client: Client) -> None:
    certificates = tmp_path / "certs"
    issue(certificates, "localhost", "127.0.0.1")
    (tmp_path / "client-ca.crt").write_bytes(client.pem)
    with running(tmp_path, "--client-ca", str(tmp_path / "client-ca.crt"), certificates=certificates) as server:
        (tmp_path / "client-ca.crt").write_bytes(b"garbage")
        until(server, "certificate not reloaded")
        issue(certificates, "localhost", "127.0.0.1")
        eventually(lambda: any(line["event"] == "certificate reloaded" for line in server.log))
        assert call(server, client.certificate(NAME)).status_code == 200
        assert call(server, None).status_code == 403


def test_a_new_client_ca_that_waits_for_a_good_pair_is_told_and_used_with_it(
    tmp_path: Path, client: Client, other: Client
) -> None:
    certificates = tmp_path / "certs"
    issue(certificates, "localhost", "127.0.0.1")
    good = (certificates / "tls.crt").read_bytes()
    (tmp_path / "client-ca.crt").write_bytes(client.pem)
    with running(tmp_path, "--client-ca", str(tmp_path / "client-ca.crt"), certificates=certificates) as server:
        (certificates / "tls.crt").write_bytes(b"garbage")
        (tmp_path / "client-ca.crt").write_bytes(other.pem)
        until(server, "certificate not reloaded")
        assert "the new client CA is not used" in server.manage("/readyz").text
        assert call(server, client.certificate(NAME)).status_code == 200
        (certificates / "tls.crt").write_bytes(good)
        eventually(lambda: server.manage("/readyz").text == "ok\n", says=lambda: server.log)
        assert call(server, other.certificate(NAME)).status_code == 200
        assert "unknown ca" in refused(server, client.certificate(NAME))


# --- What cannot start


@pytest.mark.parametrize("content", [None, b"garbage"], ids=["missing", "garbage"])
def test_a_bad_client_ca_at_the_start_is_said(certificates: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "client-ca.crt"
    if content:
        path.write_bytes(content)
    refusal = start("--cert-dir", certificates, "--client-ca", path, "--port", "0", "--management-port", "0")
    assert refusal.exit_code == 2
    assert str(path) in refusal.stderr


def test_names_without_a_ca_are_refused(certificates: Path) -> None:
    refusal = start("--cert-dir", certificates, "--client-name", NAME, "--port", "0", "--management-port", "0")
    assert refusal.exit_code == 2
    assert "--client-ca" in refusal.stderr


def test_a_certificate_for_servers_is_none_for_clients(certificates: Path, tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ca = issue_ca(now)
    (tmp_path / "ca.crt").write_bytes(ca.certificate_pem)
    leaf = issue_leaf(ca, ["localhost"], now)
    (tmp_path / "leaf.pem").write_bytes(leaf.certificate_pem + leaf.key_pem)
    with running(tmp_path, "--client-ca", str(tmp_path / "ca.crt"), certificates=certificates) as server:
        assert "alert" in refused(server, tmp_path / "leaf.pem")
