"""Hostile connections: what each gets, that it is bounded and counted, and that others are served meanwhile."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.server import limits
from testbed.patience import PATIENCE, eventually
from testbed.server import JSON, UNHURRIED, Running, body, issue, running

HEAD = b"POST /validate HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
CALL = HEAD + b"content-length: %d\r\n\r\n" % len(body()) + body()
HURRIED = """
from app.server import limits
for name in ("NEW", "HEAD", "CALL", "KEEPALIVE", "LEAVING"):
    setattr(limits, f"{name}_SECONDS", getattr(limits, f"{name}_SECONDS") / 20)
limits.HANDSHAKE_SECONDS = 2
from app.server.transport import connections
connections._POLL_SECONDS = 0.1
from app.cli import main
main()
"""
"""The server with its bounds on time a twentieth of what they are; for TLS, which callers work at, a fifth."""
FEW_FILES = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))
from app.cli import main
main()
"""
SMALL = 20


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("certificates")
    issue(directory, "localhost", "127.0.0.1")
    return directory


@pytest.fixture(scope="module")
def hurried(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("hurried")
    with running(folder, certificates=certificates, program=("-c", HURRIED)) as it:
        yield it


@pytest.fixture
def small(certificates: Path, tmp_path: Path) -> Iterator[Running]:
    """A server with room for few connections."""
    with running(tmp_path, "--max-connections", str(SMALL), certificates=certificates) as it:
        yield it


def plain(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def last_words(connection: socket.socket) -> bytes:
    """All that still comes until the connection ends, which it does in bounded time."""
    received = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLEOFError):
        while more := connection.recv(65536):
            received += more
    return received


def is_answered(connection: socket.socket) -> bool:
    """Whether a call is answered, to its end."""
    connection.sendall(CALL)
    received = b""
    while not received.endswith(b"}}"):
        received += (more := connection.recv(65536))
        if not more:
            break
    return received.startswith(b"HTTP/1.1 200")


def trickle(connection: socket.socket, piece: bytes) -> bytes:
    """Send a piece again and again, until the other side has had enough. Its last words."""
    connection.settimeout(0.05)
    deadline = time.monotonic() + PATIENCE
    received = b""
    while time.monotonic() < deadline:
        try:
            connection.sendall(piece)
            more = connection.recv(65536)
            if not more:
                return received
            received += more
        except TimeoutError:
            continue
        except OSError:
            return received
    raise AssertionError("the server goes on listening")


def counted(server: Running, name: str, reason: str) -> float:
    return server.metrics()[f"stash_admission_{name}_total", (("reason", reason),)]


def rises(server: Running, name: str, reason: str, before: float) -> None:
    eventually(lambda: counted(server, name, reason) > before, says=lambda: server.manage("/metrics").text)


# --- Time


@pytest.mark.parametrize("sent", [b"", b"\x16", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_who_does_not_end_the_handshake_is_sent_away(hurried: Running, sent: bytes) -> None:
    before = counted(hurried, "handshakes_refused", "timeout")
    with plain(hurried) as connection:
        connection.sendall(sent)
        assert last_words(connection) == b""
    rises(hurried, "handshakes_refused", "timeout", before)


def test_who_says_nothing_after_the_handshake_is_sent_away(hurried: Running) -> None:
    before = counted(hurried, "connections_ended", "never called")
    with hurried.connect() as connection:
        assert last_words(connection) == b""
    assert counted(hurried, "connections_ended", "never called") > before


@pytest.mark.parametrize(
    ("beginning", "piece", "reason"),
    [
        (b"POST", b"", "head too slow"),
        (HEAD, b"", "head too slow"),
        (HEAD, b"x: y\r\n", "head too slow"),
        (b"", b"\r\n", "head too slow"),
        (HEAD + b"content-length: 1000\r\n\r\n", b"", "body too slow"),
        (HEAD + b"content-length: 1000\r\n\r\n", b" ", "body too slow"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n", b"1\r\n \r\n", "body too slow"),
        (HEAD + b"transfer-encoding: chunked\r\n\r\n1\r\n \r\n0\r\n", b"x: y\r\n", "body too slow"),
    ],
    ids=["path", "half a head", "headers", "empty lines", "no body", "body", "chunks", "trailers"],
)
def test_who_does_not_end_a_call_is_told_so(hurried: Running, beginning: bytes, piece: bytes, reason: str) -> None:
    before = counted(hurried, "connections_ended", reason)
    with hurried.connect() as connection:
        connection.sendall(beginning)
        words = trickle(connection, piece) if piece else last_words(connection)
    assert words.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in words
    assert counted(hurried, "connections_ended", reason) > before


def test_a_connection_that_was_of_use_is_not_sent_away_for_being_idle(hurried: Running) -> None:
    with hurried.client() as client:
        for _ in range(3):
            assert client.post("/validate", content=body()).status_code == 200
            time.sleep(2.5)  # more than any call may take on this server


def test_who_has_called_and_then_sends_an_empty_line_is_sent_away_too(hurried: Running) -> None:
    with hurried.connect() as connection:
        assert is_answered(connection)
        connection.sendall(b"\r\n")
        assert last_words(connection) == b""


def test_who_calls_no_more_is_sent_away_without_a_word_in_the_log(hurried: Running) -> None:
    with hurried.connect() as connection:
        assert is_answered(connection)
        assert last_words(connection) == b""
        connection.unwrap()  # the end of TLS, not of the connection alone
    assert "" not in {line.get("reason") for line in hurried.log}


def test_a_call_that_is_refused_before_its_end_does_not_count_as_unanswered(hurried: Running) -> None:
    before = counted(hurried, "connections_ended", "answer not taken")
    with hurried.connect() as connection:
        connection.sendall(b"POST /elsewhere HTTP/1.1\r\nhost: localhost\r\ncontent-length: 2\r\n\r\n{")
        assert connection.recv(65536).startswith(b"HTTP/1.1 404")
        with contextlib.suppress(OSError):
            connection.sendall(b"}")
        last_words(connection)
    time.sleep(2)
    assert counted(hurried, "connections_ended", "answer not taken") == before


def test_while_many_are_slow_in_every_way_others_are_served(hurried: Running) -> None:
    beginnings = [b"", b"POST", HEAD, HEAD + b"content-length: 1000\r\n\r\n{"]
    with contextlib.ExitStack() as stack:
        for beginning in beginnings * 10:
            stack.enter_context(plain(hurried))
            stack.enter_context(hurried.connect()).sendall(beginning)
        for _ in range(20):
            assert hurried.call(body()).status_code == 200


def test_who_does_not_take_an_answer_is_sent_away(hurried: Running) -> None:
    before = counted(hurried, "connections_ended", "answer not taken")
    members = [{"target": {"ref": {"kind": "Deployment", "name": f"n{n}"}}} for n in range(45_000)]
    document = {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": "shop", "namespace": "demo"},
        "spec": {"repository": {"name": "r"}, "retentionPolicy": {"name": "p", "prune": True}, "members": members},
    }
    content = body(document)
    with socket.socket() as narrow:
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        narrow.settimeout(PATIENCE)
        narrow.connect(("127.0.0.1", hurried.port))
        with hurried.verifying.wrap_socket(narrow, server_hostname="localhost") as connection:
            head = HEAD.replace(b"validate", b"mutate") + b"content-length: %d\r\n\r\n" % len(content)
            connection.sendall(head + content)
            rises(hurried, "connections_ended", "answer not taken", before)


# --- Room


def test_of_too_many_connections_those_give_way_that_never_called(small: Running) -> None:
    with small.client() as client, contextlib.ExitStack() as stack:
        assert client.post("/validate", content=body()).status_code == 200
        for number in range(5 * SMALL):
            stack.enter_context(small.connect())
            if number % 10 == 0:
                assert small.call(body()).status_code == 200
        assert client.post("/validate", content=body()).status_code == 200, "the connection that called is still good"
    assert counted(small, "connections_ended", "gave way") >= 4 * SMALL
    assert small.metrics()["stash_admission_connections", ()] <= SMALL


def test_a_call_whose_connection_gives_way_may_be_tried_again(small: Running) -> None:
    with contextlib.ExitStack() as stack:
        begun = stack.enter_context(small.connect())
        begun.sendall(CALL[:-1])
        eventually(lambda: small.metrics()["stash_admission_in_flight", ()] == 1)
        for _ in range(2 * SMALL):
            stack.enter_context(plain(small))
        words = last_words(begun)
    assert words.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in words


def test_of_too_many_connections_that_do_not_even_begin_tls_those_give_way_too(small: Running) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(5 * SMALL):
            stack.enter_context(plain(small))
        assert small.call(body()).status_code == 200


def test_where_all_have_called_the_one_gives_way_that_was_idle_for_longest(small: Running) -> None:
    with contextlib.ExitStack() as stack:
        opened = []
        for _ in range(SMALL + 1):
            opened.append(stack.enter_context(small.connect()))
            assert is_answered(opened[-1])
        assert last_words(opened[0]) == b""
        for each in opened[2:]:
            assert is_answered(each)


@pytest.mark.parametrize("files", [300, 600])
def test_a_process_that_may_open_few_files_serves_on(certificates: Path, tmp_path: Path, files: int) -> None:
    with (
        running(tmp_path, certificates=certificates, program=("-c", FEW_FILES.format(files))) as server,
        contextlib.ExitStack() as stack,
    ):
        for _ in range(files + 100):
            with contextlib.suppress(OSError):
                stack.enter_context(plain(server))
        for _ in range(5):
            assert server.call(body()).status_code == 200
        assert server.manage("/readyz").status_code == 200
        assert [line for line in server.log if line["level"] == "error"] == []
        assert server.metrics()["stash_admission_connections_ended_total", (("reason", "no more files"),)] == 0


def test_bodies_that_never_end_give_way_to_calls(certificates: Path, tmp_path: Path) -> None:
    with (
        running(tmp_path, "--max-in-flight", "5", certificates=certificates) as server,
        contextlib.ExitStack() as stack,
    ):
        slow = [stack.enter_context(server.connect()) for _ in range(8)]
        for each in slow:
            each.settimeout(0.05)
            each.sendall(CALL[:-1])
        first = sent_away(slow, 3)
        assert server.call(body()).status_code == 200
        second = sent_away([each for each in slow if each not in first], 1)
        for each in slow:
            if each not in first + second:
                each.settimeout(PATIENCE)
                each.sendall(CALL[-1:])
                assert each.recv(65536).startswith(b"HTTP/1.1 200"), "who has not given way is still welcome"


def sent_away(connections: list[ssl.SSLSocket], expected: int) -> list[ssl.SSLSocket]:
    """Which of them are told to try again, as soon as so many are."""
    found: list[ssl.SSLSocket] = []
    deadline = time.monotonic() + PATIENCE
    while len(found) < expected:
        assert time.monotonic() < deadline
        for each in connections:
            with contextlib.suppress(TimeoutError):
                if each not in found:
                    answer = each.recv(65536)
                    assert answer.startswith(b"HTTP/1.1 503")
                    assert b"retry-after: 1" in answer
                    found.append(each)
    return found


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_many_large_bodies_that_never_end_take_bounded_memory(certificates: Path, tmp_path: Path) -> None:
    large = HEAD + b"content-length: 7000000\r\n\r\n" + b" " * 6_900_000
    with running(tmp_path, certificates=certificates) as server, contextlib.ExitStack() as stack:
        for _ in range(60):
            connection = stack.enter_context(server.connect())
            with contextlib.suppress(OSError):
                connection.sendall(large)
        assert server.call(body()).status_code == 200
        lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        (peak,) = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
        assert peak < 400_000, "kB: 60 such bodies are 420 MB, and a replica may have 512 MiB"


# --- What is no call


def context_of(server: Running, change: Callable[[ssl.SSLContext], None]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=server.certificates / "ca.crt")
    change(context)
    return context


def test_tls_1_1_is_refused_in_its_own_words(hurried: Running) -> None:
    def old(context: ssl.SSLContext) -> None:
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1

    before = counted(hurried, "handshakes_refused", "version")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context = context_of(hurried, old)
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.protocol.version"):
        hurried.connect(context)
    assert counted(hurried, "handshakes_refused", "version") > before


def test_who_does_not_accept_our_certificate_is_counted_and_told_of(hurried: Running) -> None:
    before = counted(hurried, "handshakes_refused", "our certificate not accepted")
    with pytest.raises(ssl.SSLCertVerificationError):
        hurried.connect(ssl.create_default_context())
    rises(hurried, "handshakes_refused", "our certificate not accepted", before)
    refused = [line for line in hurried.log if line["event"] == "handshake refused"]
    assert any(line["reason"] == "our certificate not accepted" and line["peer"] == "127.0.0.1" for line in refused)


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\0\1\2 garbage \xff" * 10])
def test_what_is_not_tls_is_sent_away(hurried: Running, sent: bytes) -> None:
    before = counted(hurried, "handshakes_refused", "not tls")
    with plain(hurried) as connection:
        connection.sendall(sent)
        assert b"HTTP" not in last_words(connection)
    rises(hurried, "handshakes_refused", "not tls", before)


def test_who_only_looks_whether_the_port_is_open_harms_nothing(hurried: Running) -> None:
    before = counted(hurried, "handshakes_refused", "left")
    for _ in range(3):
        plain(hurried).close()
    rises(hurried, "handshakes_refused", "left", before)


def test_a_call_without_sni_is_answered(hurried: Running) -> None:
    def careless(context: ssl.SSLContext) -> None:
        context.check_hostname = False

    context = context_of(hurried, careless)
    with (
        socket.create_connection(("127.0.0.1", hurried.port), timeout=PATIENCE) as tcp,
        context.wrap_socket(tcp) as tls,
    ):
        tls.sendall(CALL)
        assert tls.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("upgrade", [b"websocket", b"h2c"])
def test_who_wants_to_speak_something_else_is_refused(hurried: Running, upgrade: bytes) -> None:
    with hurried.connect() as connection:
        connection.sendall(HEAD + b"connection: upgrade\r\nupgrade: %s\r\ncontent-length: 2\r\n\r\n{}" % upgrade)
        words = last_words(connection)
    assert words.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in words


def test_the_port_of_probes_is_bounded_in_the_same_way(hurried: Running) -> None:
    with socket.create_connection(("127.0.0.1", hurried.management_port), timeout=PATIENCE) as connection:
        connection.sendall(b"GET /metrics HTTP/1.1\r\n")
        assert last_words(connection).startswith(b"HTTP/1.1 408 ")


def test_a_flood_of_bad_connections_does_not_flood_the_log(certificates: Path, tmp_path: Path) -> None:
    with running(tmp_path, certificates=certificates) as server:
        started = time.monotonic()
        for _ in range(100):
            with plain(server) as connection:
                connection.sendall(b"\0\1\2 garbage \xff" * 10)
                last_words(connection)
            with server.connect() as tls:
                tls.sendall(b"garbage\r\n\r\n")
                last_words(tls)
        assert server.call(body()).status_code == 200
        tens = (time.monotonic() - started) // 10
        assert len(server.log) < 20 + 5 * tens, "a line each ten seconds, of each reason"


def test_every_reason_is_a_series_from_the_start(small: Running) -> None:
    names = {name for name, _ in small.metrics()}
    for name in ("handshakes_refused", "connections_ended"):
        assert f"stash_admission_{name}_total" in names


# --- The end


def test_open_connections_of_every_kind_do_not_delay_the_end(certificates: Path, tmp_path: Path) -> None:
    unhurried = running(tmp_path, "--drain-seconds", "3600", certificates=certificates, program=("-c", UNHURRIED))
    with unhurried as server, contextlib.ExitStack() as stack:
        for beginning in (b"", b"POST", CALL[:-1]):
            stack.enter_context(plain(server))
            stack.enter_context(server.connect()).sendall(beginning)
        eventually(lambda: server.metrics()["stash_admission_connections", ()] == 6)
        server.process.terminate()
        eventually(lambda: server.manage("/readyz").status_code == 503)
        server.process.terminate()
        assert server.exit_code() == 0
        assert server.complaints == ""
        assert [line for line in server.log if line["level"] == "error"] == []


def test_many_at_once_are_all_served(certificates: Path, tmp_path: Path) -> None:
    failed: list[str] = []

    def call() -> None:
        try:
            with server.client() as client:
                for _ in range(5):
                    assert client.post("/mutate", content=body(), headers=JSON).status_code == 200
        except Exception as error:  # noqa: BLE001 -- it is told below
            failed.append(repr(error))

    with running(tmp_path, certificates=certificates) as server:
        threads = [threading.Thread(target=call) for _ in range(60)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert failed == []


def test_the_servers_page_says_how_long_each_may_take() -> None:
    said = " ".join((Path(__file__).parents[2] / "docs" / "reference" / "server.md").read_text().split())
    bounds = (limits.HANDSHAKE_SECONDS, limits.HEAD_SECONDS, limits.CALL_SECONDS, limits.NEW_SECONDS)
    greeting, head, whole, silent = (f"{seconds:.0f}" for seconds in bounds)
    assert f"{greeting} seconds for the TLS handshake, {head} for the head of a call and {whole} for the whole" in said
    assert f"{silent} for a connection on which nothing comes" in said
