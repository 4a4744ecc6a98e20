"""The client of the API server, against a stand-in on loopback that answers as real ones do."""

import contextlib
import datetime
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from kube.client import Client, PatchType
from kube.config import Config
from kube.errors import Conflict, Expired, Forbidden, Gone, KubeError, Refused, Unavailable
from testbed.patience import PATIENCE

SECONDS = (PATIENCE, PATIENCE)


@dataclass
class Call:
    """What came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class StandIn:
    """An API server that says the same to everything."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    """It takes calls and never answers."""
    calls: list[Call] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    @property
    def last(self) -> Call:
        return self.calls[-1]


@contextlib.contextmanager
def client_of(stand_in: StandIn, **config: Any) -> Iterator[Client]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            stand_in.calls.append(Call(self.command, self.path, dict(self.headers), body))
            if stand_in.silent:
                stand_in.closing.wait(PATIENCE)
                return
            self.send_response_only(stand_in.status)
            for name, value in stand_in.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(stand_in.body)))
            self.end_headers()
            self.wfile.write(stand_in.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  the base class names them so

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        client = Client(Config(f"http://127.0.0.1:{server.server_address[1]}", **config), "tester")
        try:
            yield client
        finally:
            client.close()
            stand_in.closing.set()
            server.shutdown()
            serving.join()


def status(code: int, message: str) -> StandIn:
    return StandIn(code, orjson.dumps({"kind": "Status", "code": code, "message": message}))


def test_each_call_is_what_the_api_server_knows_by_that_name() -> None:
    stand_in = StandIn(body=b'{"kind": "Thing"}')
    with client_of(stand_in, authorization=lambda: "Bearer secret") as client:
        said = [
            client.get("/things", {"labelSelector": "a=b,c", "limit": "5"}, seconds=SECONDS),
            client.create("/things", {"a": 1}, {"dryRun": "All"}, seconds=SECONDS),
            client.replace("/things/x", {"a": 2}, seconds=SECONDS),
            client.patch("/things/x", PatchType.JSON, [{"op": "add"}], seconds=SECONDS),
            client.patch("/things/x", PatchType.MERGE, {"a": None}, seconds=SECONDS),
            client.patch("/things/x", PatchType.APPLY, {"a": 3}, {"force": "true"}, seconds=SECONDS),
            client.delete("/things/x", seconds=SECONDS),
        ]
    assert said == [{"kind": "Thing"}] * len(said)
    assert [(call.method, call.path, call.headers.get("Content-Type"), call.body) for call in stand_in.calls] == [
        ("GET", "/things?labelSelector=a%3Db%2Cc&limit=5", None, b""),
        ("POST", "/things?dryRun=All", "application/json", b'{"a":1}'),
        ("PUT", "/things/x", "application/json", b'{"a":2}'),
        ("PATCH", "/things/x", "application/json-patch+json", b'[{"op":"add"}]'),
        ("PATCH", "/things/x", "application/merge-patch+json", b'{"a":null}'),
        ("PATCH", "/things/x?force=true", "application/apply-patch+yaml", b'{"a":3}'),
        ("DELETE", "/things/x", None, b""),
    ]
    assert {call.headers["User-Agent"] for call in stand_in.calls} == {"tester"}
    assert {call.headers["Authorization"] for call in stand_in.calls} == {"Bearer secret"}


@pytest.mark.parametrize(
    ("code", "kind", "message"),
    [
        (301, Refused, "the API server refuses it with 301: why"),
        (400, Refused, "the API server refuses it with 400: why"),
        (401, Refused, "the API server does not accept these credentials: why"),
        (403, Forbidden, "why: grant it, or run as somebody who may"),
        (404, Gone, "why"),
        (408, Unavailable, "the API server answers 408: why"),
        (409, Conflict, "why"),
        (410, Expired, "why"),
        (422, Refused, "the API server refuses it with 422: why"),
        (429, Unavailable, "the API server answers 429: why"),
        (500, Unavailable, "the API server answers 500: why"),
        (504, Unavailable, "the API server answers 504: why"),
    ],
)
@pytest.mark.parametrize("streams", [False, True], ids=["call", "stream"])
def test_a_status_means_one_thing_whoever_asks(code: int, kind: type[KubeError], message: str, streams: bool) -> None:
    with client_of(status(code, "why")) as client, pytest.raises(KubeError) as raised:
        (client.open if streams else client.get)("/things", seconds=SECONDS)
    error = raised.value
    assert (type(error), str(error), error.status, error.said, error.retry_after) == (kind, message, code, "why", 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"404 page not found\n", "404 page not found"),
        (b'{"message": "two\\nlines"}', "two lines"),
        (b'["no Status"]', '["no Status"]'),
        (b"\xff", "\ufffd"),
        (b"", "Service Unavailable"),
        (b"-----BEGIN EC PRIVATE KEY----- MHc", "..."),
        (b"[" * 100_000, "[" * 500),
    ],
    ids=["text", "lines", "a list", "bytes", "nothing", "a key", "deep"],
)
def test_what_is_said_about_a_refusal_is_one_line_without_keys(body: bytes, said: str) -> None:
    with client_of(StandIn(503, body)) as client, pytest.raises(Unavailable) as raised:
        client.get("/things", seconds=SECONDS)
    assert raised.value.said == said


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), ("0", 0), ("-1", 0), ("1e3", 0), ("soon", 0), ("٣", 0)])
def test_the_seconds_that_it_asks_to_wait_are_known(header: str, seconds: float) -> None:
    stand_in = status(429, "slowly")
    stand_in.headers["Retry-After"] = header.encode().decode("latin-1")
    with client_of(stand_in) as client, pytest.raises(Unavailable) as raised:
        client.get("/things", seconds=SECONDS)
    assert raised.value.retry_after == seconds


def test_what_is_no_json_is_no_answer() -> None:
    with client_of(StandIn(body=b"<html>")) as client, pytest.raises(Unavailable, match=r"^no answer from the API"):
        client.get("/things", seconds=SECONDS)


def test_a_call_ends_when_its_time_is_over() -> None:
    with client_of(StandIn(silent=True)) as client:
        for seconds in (0.05, (PATIENCE, 0.05)):
            with pytest.raises(Unavailable, match=r"^no answer from the API server: .*timed out"):
                client.get("/things", seconds=seconds)


def test_nobody_there_is_no_answer() -> None:
    with pytest.raises(Unavailable, match=r"^no answer from the API server: ") as raised:
        Client(Config("http://127.0.0.1:1"), "tester").get("/things", seconds=SECONDS)
    assert raised.value.status == 0


def test_a_redirection_is_not_followed_so_no_token_goes_elsewhere() -> None:
    stand_in = StandIn(302, headers={"Location": "/elsewhere"})
    with client_of(stand_in, authorization=lambda: "Bearer secret") as client, pytest.raises(Refused):
        client.get("/things", seconds=SECONDS)
    assert [call.path for call in stand_in.calls] == ["/things"]


def test_the_api_servers_clock_is_that_of_its_last_answer() -> None:
    stand_in = StandIn(headers={"Date": "Wed, 21 Oct 2026 07:28:00 GMT"})
    with client_of(stand_in) as client:
        assert client.clock is None
        client.get("/things", seconds=SECONDS)
        assert client.clock == datetime.datetime(2026, 10, 21, 7, 28, tzinfo=datetime.UTC)
        stand_in.headers["Date"] = "today"
        client.get("/things", seconds=SECONDS)
        assert client.clock is None


def test_each_call_has_the_token_of_its_time() -> None:
    tokens = iter(["first", "second"])
    stand_in = StandIn()
    with client_of(stand_in, authorization=lambda: next(tokens)) as client:
        for token in ("first", "second"):
            client.get("/things", seconds=SECONDS)
            assert stand_in.last.headers["Authorization"] == token


def test_credentials_that_cannot_be_had_are_told_and_nothing_is_asked() -> None:
    def failing() -> str:
        raise OSError("the plugin is missing")

    stand_in = StandIn()
    with client_of(stand_in, authorization=failing) as client, pytest.raises(Unavailable) as raised:
        client.get("/things", seconds=SECONDS)
    assert str(raised.value) == "no credentials for the API server: the plugin is missing"
    assert not stand_in.calls


def test_a_refusal_is_an_answer_to_who_wants_to_see_it() -> None:
    with client_of(status(400, "why")) as client:
        reply = client.request("POST", "/things", {"dryRun": "All"}, {"a": 1}, seconds=SECONDS)
    assert (reply.status, orjson.loads(reply.content)["message"]) == (400, "why")


def test_a_stream_is_read_line_by_line_or_as_a_whole() -> None:
    with client_of(StandIn(body=b"one\n\ntwo\n")) as client:
        stream = client.open("/things", {"watch": "true"}, seconds=SECONDS)
        assert list(stream.lines(10)) == [b"one", b"two"]
        stream.close()
        assert client.open("/things", seconds=SECONDS).read() == b"one\n\ntwo\n"


def test_a_line_that_is_too_long_is_let_go_and_the_next_one_read() -> None:
    """Also where it comes in many pieces: no more than its length is ever held of it."""
    body = b"short\n" + b"x" * 2**20 + b"\nlast\n" + b"y" * 11 + b"\n" + b"z" * 10 + b"\n"
    with client_of(StandIn(body=body)) as client:
        lines = list(client.open("/things", {"watch": "true"}, seconds=SECONDS).lines(10))
    assert lines == [b"short", None, b"last", None, b"z" * 10]


def test_a_last_line_that_is_not_whole_is_not_given() -> None:
    lines: list[bytes | None] = []
    with client_of(StandIn(body=b"one\ntw")) as client, pytest.raises(Unavailable, match="in the middle of an event"):
        lines.extend(client.open("/things", seconds=SECONDS).lines(10))
    assert lines == [b"one"]


def test_a_stream_that_nothing_comes_from_can_be_ended_by_another_thread() -> None:
    stand_in = StandIn(headers={"Transfer-Encoding": "chunked"}, body=b"")
    with client_of(stand_in) as client:
        stream = client.open("/things", seconds=SECONDS)
        ended = threading.Event()

        def read() -> None:
            with contextlib.suppress(Unavailable):
                list(stream.lines(10))
            ended.set()

        thread = threading.Thread(target=read)
        thread.start()
        stream.shut()
        assert ended.wait(PATIENCE)
        thread.join()
        stream.close()


def test_a_proxy_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "urllib3.contrib.socks", None)
    with pytest.raises(Refused, match="install PySocks, or set an HTTP proxy"):
        Client(Config("https://cluster.test", proxy="socks5://proxy.test:1080"), "tester")
