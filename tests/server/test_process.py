"""The server as a process: TLS, connections, hostile bytes, signals, and what it says where it cannot start."""

import contextlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from testbed.patience import PATIENCE, eventually
from testbed.server import PROGRAM, UNHURRIED, Running, backup, body, environment, issue, running
from tests.support.refusal import refusal

MIB = 2**20
HEAD = b"POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
LARGEST = body() + b" " * (7 * MIB - len(body()))

needs_proc = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certs")
    issue(directory, "localhost", "127.0.0.1")
    return directory


@pytest.fixture(scope="module")
def server(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The program itself, as it is started."""
    with running(tmp_path_factory.mktemp("server"), certificates=certificates, program=PROGRAM) as it:
        yield it


def message(content: bytes, *headers: bytes) -> bytes:
    """A whole call."""
    lines = b"".join(header + b"\r\n" for header in (*headers, b"content-length: %d" % len(content)))
    return HEAD + lines + b"\r\n" + content


def exchange(connection: socket.socket, sent: bytes) -> bytes:
    """The answer to the bytes; what has come where the connection ends before."""
    connection.sendall(sent)
    received = b""
    while not whole(received):
        more = connection.recv(65536)
        if not more:
            break
        received += more
    return received


def whole(answer: bytes) -> bool:
    """Whether an answer is complete."""
    head, end, content = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
    return bool(end) and len(content) == int(length[1] if length else 0)


# --- TLS


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("webhook", ["/mutate", "/validate"])
def test_a_client_that_verifies_the_certificate_is_answered(server: Running, host: str, webhook: str) -> None:
    with server.client() as client:
        response = client.post(f"https://{host}:{server.port}{webhook}", content=body())
    assert response.json()["response"]["allowed"] is True


def test_a_client_that_knows_other_authorities_only_does_not_accept_the_certificate(server: Running) -> None:
    with pytest.raises(ssl.SSLCertVerificationError), server.connect(ssl.create_default_context()):
        pass


def test_the_webhooks_do_not_answer_without_tls(server: Running) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(message(body()))
        with contextlib.suppress(ConnectionResetError):
            assert b"HTTP" not in connection.recv(100)


def offering(server: Running, version: ssl.TLSVersion, ciphers: str = "ALL:@SECLEVEL=0") -> ssl.SSLContext:
    """A client that speaks one version of TLS."""
    context = ssl.create_default_context(cafile=server.certificates / "ca.crt")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = version
        context.minimum_version = version
    context.set_ciphers(ciphers)
    return context


BY_THE_SERVER = {"UNEXPECTED_EOF_WHILE_READING", "TLSV1_ALERT_PROTOCOL_VERSION", "SSLV3_ALERT_HANDSHAKE_FAILURE"}
"""Why a handshake ends that the client would have gone on with."""


def handshake_fails(server: Running, context: ssl.SSLContext) -> bool:
    try:
        server.connect(context).close()
    except ConnectionResetError:
        return True
    except ssl.SSLError as error:
        return error.reason in BY_THE_SERVER
    return False


def test_tls_1_1_is_refused(server: Running) -> None:
    assert handshake_fails(server, offering(server, ssl.TLSVersion.TLSv1_1))


def test_tls_1_2_with_authenticated_encryption_is_accepted(server: Running) -> None:
    context = offering(server, ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM")
    with server.connect(context) as connection:
        assert exchange(connection, message(body())).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("ciphers", ["ECDHE+SHA256:!AEAD", "ECDHE+SHA1", "ECDHE+SHA384:!AEAD", "AESCCM", "kRSA"])
def test_tls_1_2_without_authenticated_encryption_and_forward_secrecy_is_refused(server: Running, ciphers: str) -> None:
    assert handshake_fails(server, offering(server, ssl.TLSVersion.TLSv1_2, f"{ciphers}:!aNULL:@SECLEVEL=0"))


def test_tls_1_3_is_what_a_client_gets_that_can_speak_it(server: Running) -> None:
    with server.connect() as connection:
        assert connection.version() == "TLSv1.3"


def test_http_2_is_not_negotiated(server: Running) -> None:
    context = ssl.create_default_context(cafile=server.certificates / "ca.crt")
    context.set_alpn_protocols(["h2", "http/1.1"])
    with server.connect(context) as connection:
        assert connection.selected_alpn_protocol() == "http/1.1"


# --- Connections and sizes


def test_one_connection_serves_many_calls(server: Running) -> None:
    with server.connect() as connection:
        for _ in range(50):
            assert exchange(connection, message(body())).startswith(b"HTTP/1.1 200")


def test_a_connection_serves_on_after_a_bad_review(server: Running) -> None:
    with server.connect() as connection:
        assert exchange(connection, message(b"no json")).startswith(b"HTTP/1.1 400")
        assert exchange(connection, message(body())).startswith(b"HTTP/1.1 200")


def test_calls_at_the_same_time_each_get_their_own_answer(server: Running) -> None:
    uids = [f"uid-{number}" for number in range(40)]
    answers: dict[str, str] = {}

    def call(uid: str) -> None:
        answers[uid] = server.call(body(uid=uid)).json()["response"]["uid"]

    threads = [threading.Thread(target=call, args=[uid]) for uid in uids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert answers == {uid: uid for uid in uids}


def test_a_body_of_seven_mib_is_read(server: Running) -> None:
    assert server.call(LARGEST).status_code == 200


def test_a_body_of_one_byte_more_is_too_large(server: Running) -> None:
    assert server.call(LARGEST + b" ").status_code == 413


def chunks(content: bytes) -> Iterator[bytes]:
    for position in range(0, len(content), 65536):
        yield content[position : position + 65536]


@pytest.mark.parametrize(("more", "status"), [(b"", 200), (b" ", 413)], ids=["seven-mib", "one-byte-more"])
def test_a_chunked_body_is_counted_too(server: Running, more: bytes, status: int) -> None:
    with server.client() as client:
        assert client.post("/validate", content=chunks(LARGEST + more)).status_code == status


def test_a_caller_that_waits_for_leave_to_send_its_body_gets_it(server: Running) -> None:
    whole = message(body(), b"expect: 100-continue")
    head, _, content = whole.partition(b"\r\n\r\n")
    with server.connect() as connection:
        assert exchange(connection, head + b"\r\n\r\n").startswith(b"HTTP/1.1 100")
        assert exchange(connection, content).startswith(b"HTTP/1.1 200")


def test_a_caller_that_waits_for_leave_to_send_too_large_a_body_does_not_get_it(server: Running) -> None:
    head = HEAD + b"expect: 100-continue\r\ncontent-length: %d\r\n\r\n" % (7 * MIB + 1)
    with server.connect() as connection:
        assert exchange(connection, head).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("kib", [100, 1000])
def test_headers_that_are_too_large_are_refused_or_the_connection_is_closed(server: Running, kib: int) -> None:
    with server.client() as client:
        try:
            response = client.post("/validate", content=body(), headers={"x-large": "x" * kib * 2**10})
        except httpx.TransportError:
            return
    assert response.status_code == 431


def test_headers_of_the_size_that_callers_send_are_fine(server: Running) -> None:
    with server.client() as client:
        assert client.post("/validate", content=body(), headers={"x-large": "x" * 16 * 2**10}).status_code == 200


def memory(server: Running) -> int:
    """Bytes that the process has in memory."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) * 2**10


def flood(connection: socket.socket, piece: bytes, size: int) -> None:
    """Send a piece again and again, until so many bytes are sent or the other side has had enough."""
    with contextlib.suppress(OSError):
        for _ in range(size // len(piece)):
            connection.sendall(piece)


def ended(connection: socket.socket) -> bool:
    """Whether the server refused what came, other than for taking long, or closed the connection."""
    try:
        received = connection.recv(65536)
    except TimeoutError:
        return False
    except OSError:
        return True
    return not received or (received.startswith(b"HTTP/1.1 4") and not received.startswith(b"HTTP/1.1 408"))


CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"
ENDLESS = pytest.mark.parametrize(
    ("beginning", "piece"),
    [
        (b"POST /", b"x" * 65536),
        (HEAD, b"x" * 65536),
        (HEAD + b"x: ", b"x" * 65536),
        (HEAD, b"x: y\r\n" * 10_000),
        (CHUNKED + b"x: ", b"x" * 65536),
        (CHUNKED, b"x: y\r\n" * 10_000),
    ],
    ids=["path", "name of a header", "value of a header", "headers", "value of a trailer", "trailers"],
)


@ENDLESS
def test_what_comes_without_end_around_a_body_is_refused(server: Running, beginning: bytes, piece: bytes) -> None:
    with server.connect() as connection:
        connection.sendall(beginning)
        flood(connection, piece, 2 * MIB)
        assert ended(connection)


@pytest.fixture(scope="module")
def lean(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that never read anything large, so that it has no memory to use again."""
    with running(tmp_path_factory.mktemp("lean"), certificates=certificates) as it:
        assert it.call(body()).status_code == 200
        yield it


@needs_proc
def test_calls_without_end_whose_answers_nobody_reads_take_no_memory(lean: Running) -> None:
    before = memory(lean)
    with lean.connect() as connection:
        connection.settimeout(2)
        flood(connection, message(b"{}") * 500, 8 * MIB)
        assert memory(lean) - before < 16 * MIB


@needs_proc
@ENDLESS
def test_what_comes_without_end_around_a_body_takes_no_memory(lean: Running, beginning: bytes, piece: bytes) -> None:
    before = memory(lean)
    with lean.connect() as connection:
        connection.settimeout(2)
        connection.sendall(beginning)
        flood(connection, piece, 16 * MIB)
        assert memory(lean) - before < 8 * MIB


@needs_proc
def test_the_memory_of_large_calls_is_given_back_when_nobody_calls(certificates: Path, tmp_path: Path) -> None:
    members = [{"target": {"alias": f"m-{n}", "ref": {"kind": "Deployment", "name": f"m-{n}"}}} for n in range(3_000)]
    large = body({**backup(members=members), "kind": "BackupBatch"}, kind="BackupBatch")
    with running(tmp_path, certificates=certificates) as server:
        for _ in range(20):
            server.call(body())
        before = memory(server)

        def call() -> None:
            with server.client() as client:
                for _ in range(3):
                    client.post("/validate", content=large)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(PATIENCE)
        eventually(lambda: memory(server) - before < 8 * MIB, says=lambda: memory(server) - before)


@pytest.mark.parametrize(
    "sent",
    [
        b"\0\1\2 garbage\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /\xff HTTP/1.1\r\nhost: x\r\n\r\n",
        HEAD + b"content-length: -1\r\n\r\n",
        HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"transfer-encoding: chunked\r\n\r\nno size\r\n",
        HEAD + b"no colon\r\n\r\n",
    ],
    ids=["garbage", "http2", "path", "negative", "two lengths", "length and chunks", "chunk", "header"],
)  # fmt: skip
def test_what_is_not_http_is_a_bad_request_and_ends_the_connection(server: Running, sent: bytes) -> None:
    with server.connect() as connection:
        answer = exchange(connection, sent)
        assert answer.startswith(b"HTTP/1.1 400")
        assert b"connection: close" in answer.lower()


def in_flight(server: Running) -> float:
    return server.metrics()["stash_admission_in_flight", ()]


def is_stopping(server: Running) -> bool:
    return server.manage("/readyz").status_code == 503


def test_a_caller_that_leaves_in_the_middle_of_a_body_is_forgotten(server: Running) -> None:
    with server.connect() as connection:
        connection.sendall(message(body())[:-1])
    eventually(lambda: in_flight(server) == 0)


# --- Logs, health and metrics


def test_each_decision_is_one_line_on_standard_output(server: Running) -> None:
    for number in range(3):
        server.call(body(uid=f"logged-{number}"))
        server.call(body(backup(schedule="0 24 * * *"), uid=f"logged-{number}"), "/mutate")
    lines = [line["uid"] for line in server.log if str(line.get("uid", "")).startswith("logged-")]
    assert lines == [f"logged-{number}" for number in range(3) for _ in range(2)]


def test_standard_error_stays_empty(server: Running) -> None:
    server.call(body())
    server.call(b"no json")
    assert server.complaints == ""


def test_health_readiness_and_metrics_are_on_a_port_of_their_own_without_tls(server: Running) -> None:
    assert [server.manage(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200, 200, 200]


def test_health_readiness_and_metrics_are_not_on_the_port_of_the_webhooks(server: Running) -> None:
    with server.client() as client:
        assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [404, 404, 404]


# --- Signals


@dataclass
class Farewell:
    """What happened after SIGTERM."""

    ready: list[int] = field(default_factory=list)
    healthy: list[int] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    """The heads of the answers on new connections."""
    idle: bytes = b""
    """The answer on a connection that was open already."""
    held: bytes = b""
    """The answer to a call that had begun already."""
    quiet: float = 0
    """Seconds from before the last call to the end."""
    code: int = -1
    complaints: str = ""


@pytest.fixture(scope="module")
def farewell(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Farewell:
    """A server that is told to stop while there is an idle connection, a call has begun, and more calls come."""
    seen = Farewell()
    with running(tmp_path_factory.mktemp("farewell"), "--drain-seconds", "3600", certificates=certificates) as it:
        with it.connect() as idle, it.connect() as held:
            assert exchange(idle, message(body())).startswith(b"HTTP/1.1 200")
            held.sendall(message(body())[:-10])
            it.signal(signal.SIGTERM)
            eventually(lambda: is_stopping(it))
            for _ in range(5):
                seen.ready.append(it.manage("/readyz").status_code)
                seen.healthy.append(it.manage("/healthz").status_code)
                with it.connect() as connection:
                    seen.answers.append(exchange(connection, message(body())))
                time.sleep(0.2)
            seen.idle = exchange(idle, message(body()))
            last = time.monotonic()
            seen.held = exchange(held, message(body())[-10:])
        seen.code = it.exit_code()
        seen.quiet = time.monotonic() - last
        seen.complaints = it.complaints
    return seen


def test_after_sigterm_the_server_is_not_ready_at_once(farewell: Farewell) -> None:
    assert farewell.ready == [503] * 5


def test_after_sigterm_the_server_is_still_alive(farewell: Farewell) -> None:
    assert farewell.healthy == [200] * 5


def test_after_sigterm_calls_on_new_connections_are_answered_and_the_connections_closed(farewell: Farewell) -> None:
    for answer in farewell.answers:
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()


def test_after_sigterm_a_call_on_an_idle_connection_is_answered_and_the_connection_closed(farewell: Farewell) -> None:
    assert farewell.idle.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in farewell.idle.lower()


def test_after_sigterm_a_call_that_had_begun_is_answered_and_the_connection_closed(farewell: Farewell) -> None:
    assert farewell.held.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in farewell.held.lower()


def test_after_sigterm_the_server_ends_with_0_when_calls_have_been_quiet_for_a_few_seconds(farewell: Farewell) -> None:
    assert farewell.code == 0
    assert farewell.quiet >= 3
    assert farewell.complaints == ""


def test_after_sigterm_the_server_ends_in_bounded_time_although_calls_keep_coming(
    certificates: Path, tmp_path: Path
) -> None:
    with running(tmp_path, "--drain-seconds", "1", certificates=certificates, program=("-c", UNHURRIED)) as it:
        started = time.monotonic()
        it.signal(signal.SIGTERM)
        with contextlib.suppress(OSError, httpx.TransportError):
            while time.monotonic() - started < PATIENCE:
                it.call(body())
        assert it.exit_code() == 0
        assert time.monotonic() - started >= 1


def listens(server: Running) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE).close()
    except ConnectionError:
        return False
    return True


@pytest.mark.parametrize("is_told_again", [False, True], ids=["once", "again after draining"])
def test_a_call_that_does_not_end_is_no_error_of_the_server_when_it_stops(
    certificates: Path, tmp_path: Path, is_told_again: bool
) -> None:
    with running(tmp_path, "--drain-seconds", "0", certificates=certificates) as it, it.connect() as held:
        held.sendall(message(body())[:-10])
        eventually(lambda: in_flight(it) == 1)
        it.signal(signal.SIGTERM)
        if is_told_again:
            eventually(lambda: not listens(it))
            it.signal(signal.SIGTERM)
        assert it.exit_code() == 0
        assert [line for line in it.log if line["level"] == "error"] == []
        assert it.complaints == ""


@pytest.mark.parametrize("signals", [[signal.SIGINT], [signal.SIGTERM, signal.SIGTERM]], ids=["sigint", "two-sigterm"])
def test_the_server_ends_at_once_with_0(certificates: Path, tmp_path: Path, signals: list[signal.Signals]) -> None:
    unhurried = running(tmp_path, "--drain-seconds", "3600", certificates=certificates, program=("-c", UNHURRIED))
    with unhurried as it, it.connect() as idle, it.connect() as held:
        assert exchange(idle, message(body())).startswith(b"HTTP/1.1 200")
        held.sendall(message(body())[:-10])
        eventually(lambda: in_flight(it) == 1)
        *first, last = signals
        for number in first:
            it.signal(number)
            eventually(lambda: is_stopping(it))
        it.signal(last)
        assert it.exit_code() == 0
        assert it.complaints == ""


# --- What cannot start


@pytest.mark.parametrize("flag", ["--port", "--management-port"])
def test_a_port_in_use_is_said_with_its_flag(certificates: Path, flag: str) -> None:
    command = [sys.executable, "-m", "app", "serve", "--cert-dir", str(certificates)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ports = {"--port": "0", "--management-port": "0", flag: port}
        command += [part for pair in ports.items() for part in pair]
        ended = subprocess.run(
            command, env=environment(), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
    assert (ended.returncode, ended.stdout) == (2, "")
    (line,) = ended.stderr.splitlines()
    assert port in line
    assert flag in line.replace(",", " ").split()
    assert "in use" in line


def test_a_missing_certificate_is_said_with_its_file_and_how_to_get_one(tmp_path: Path) -> None:
    line = refusal("--cert-dir", tmp_path)
    assert str(tmp_path / "tls.crt") in line
    assert "stash-certs issue" in line


def test_a_key_of_another_certificate_is_said_with_both_files(certificates: Path, tmp_path: Path) -> None:
    issue(tmp_path, "localhost")
    (tmp_path / "tls.crt").write_bytes((certificates / "tls.crt").read_bytes())
    line = refusal("--cert-dir", tmp_path)
    assert str(tmp_path / "tls.crt") in line
    assert str(tmp_path / "tls.key") in line


def test_a_bad_rule_is_said_with_flag_and_variable() -> None:
    line = refusal("--rule", "no-such-rule=off")
    assert all(part in line for part in ("--rule", "STASH_ADMISSION_RULE", "no-such-rule"))


def test_a_bad_port_in_a_variable_is_said_with_flag_and_variable() -> None:
    line = refusal(STASH_ADMISSION_PORT="http")
    assert all(part in line for part in ("--port", "STASH_ADMISSION_PORT"))


def test_a_variable_that_sets_nothing_is_refused_with_the_one_that_was_meant() -> None:
    line = refusal(STASH_ADMISSION_RULES="unique-alias=warn")
    assert "STASH_ADMISSION_RULES is not a known setting: write STASH_ADMISSION_RULE" in line


# --- What needs time


def test_a_connection_that_has_been_idle_for_six_seconds_is_still_good(server: Running) -> None:
    with server.connect() as connection:
        assert exchange(connection, message(body())).startswith(b"HTTP/1.1 200")
        time.sleep(6.5)
        assert exchange(connection, message(body())).startswith(b"HTTP/1.1 200")


def test_the_first_decisions_are_neither_counted_nor_logged(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        decided = {key: value for key, value in server.metrics().items() if key[0].startswith("stash_admission_dec")}
        assert decided
        assert set(decided.values()) == {0}
        assert "decided" not in {line["event"] for line in server.log}
