"""Listing and watching where the API server misbehaves: a stand-in on loopback says what a real one says rarely.

`tests/e2e/test_inventory.py` has what a real API server can be brought to do.
"""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pytest

from app.domain.invoker import GROUP, VERSION
from app.inventory import reflector
from app.inventory.reflector import Reflector
from app.inventory.store import Inventory
from kube import pages
from kube.bounds import TOO_LARGE
from kube.client import Client
from kube.config import Config
from kube.paths import path
from kube.stream import Stream
from testbed.objects import batch
from testbed.patience import PATIENCE, eventually
from testbed.reviews import Document

KIND = "BackupBatch"


def numbered(version: int, *names: str, more: str = "") -> Document:
    """A page of a list."""
    items = [batch(name, repository=name, resourceVersion=str(version)) for name in names]
    return {"metadata": {"resourceVersion": str(version), "continue": more}, "items": items}


def event(what: str, version: int, name: str = "any") -> Document:
    return {"type": what, "object": batch(name, repository=name, resourceVersion=str(version))}


def streamed_list(page: Document) -> list[Document]:
    """A list as a stream: its objects, and the bookmark that ends it."""
    metadata = {
        "resourceVersion": page["metadata"]["resourceVersion"],
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    end = {"type": "BOOKMARK", "object": {"metadata": metadata}}
    return [*({"type": "ADDED", "object": item} for item in page["items"]), end]


def error(code: int) -> Document:
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "message": "because"}}


@dataclass
class Raw:
    """A list of objects that are not to be read by the stand-in, of which it sends as many as are asked for."""

    items: list[bytes]

    def stream(self) -> bytes:
        events = (b'{"type":"ADDED","object":%s}' % item for item in self.items)
        return b"\n".join([*events, *(json.dumps(each).encode() for each in streamed_list(numbered(7)))]) + b"\n"

    def page(self, query: dict[str, str]) -> bytes:
        start = int(query.get("continue", 0))
        end = start + int(query["limit"])
        more = b'"continue":"%d",' % end if end < len(self.items) else b""
        return b'{"items":[%s],"metadata":{%s"resourceVersion":"7"}}' % (b",".join(self.items[start:end]), more)


@dataclass
class StandIn:
    """An API server with one kind, that says what it is told to. When nothing is left, a watch stays open."""

    lists: list["Document | int | Raw"]
    """Each is sent as it is asked for: as a page, or as a stream of events where the API server `streams`."""
    watches: list[list[Document] | int | bytes] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)
    """The queries of all calls."""
    again: str = ""
    """The Retry-After of what is refused."""
    streams: ClassVar[bool] = False
    """Whether lists can be had as streams; otherwise that is refused, as API servers do that cannot."""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(handler.path).query).items()}
        streamed = "sendInitialEvents" in query
        if streamed and not self.streams:
            self._refuse(handler, 422)
            return
        self.asked.append(query)
        if "watch" in query and not streamed:
            self._watch(handler, self.watches.pop(0) if self.watches else None)
            return
        said = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(said, int):
            self._refuse(handler, said)
        elif isinstance(said, Raw) and streamed:
            self._watch(handler, said.stream())
        elif isinstance(said, Raw):
            _send(handler, 200, said.page(query))
        elif streamed:
            self._watch(handler, streamed_list(said))
        else:
            _send(handler, 200, json.dumps(said).encode())

    def _watch(self, handler: BaseHTTPRequestHandler, said: list[Document] | int | bytes | None) -> None:
        if isinstance(said, int):
            self._refuse(handler, said)
            return
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        content = (
            said if isinstance(said, bytes) else b"".join(json.dumps(each).encode() + b"\n" for each in said or ())
        )
        for start in range(0, len(content), 1000):
            part = content[start : start + 1000]
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if said is None:
            self.closing.wait(PATIENCE)
        handler.wfile.write(b"0\r\n\r\n")

    def _refuse(self, handler: BaseHTTPRequestHandler, status: int) -> None:
        body = json.dumps({"kind": "Status", "code": status, "message": f"status {status}"}).encode()
        _send(handler, status, body, **({"Retry-After": self.again} if self.again else {}))

    @property
    def watched(self) -> list[str]:
        """The versions from which it was asked to watch."""
        return [query["resourceVersion"] for query in self.asked if "resourceVersion" in query]

    @property
    def listed(self) -> int:
        """How often it was asked for a list or a page of one."""
        return len(self.asked) - len(self.watched)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Content-Type", "application/json")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@dataclass
class Following:
    """A reflector at work."""

    inventory: Inventory
    told: list[str]

    def holds(self, *names: str) -> bool:
        return {key.name for key in self.inventory.stored.keys(KIND)} == set(names)


@contextlib.contextmanager
def following(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> Iterator[Following]:
    """A reflector of the stand-in's objects, which hurries."""
    monkeypatch.setattr(reflector, "_FIRST_PAUSE", 0.02)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            with contextlib.suppress(ConnectionError):
                stand_in.answer(self)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class names it so
            """Keep the test's output clean."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        client = Client(Config(f"http://127.0.0.1:{server.server_address[1]}"), "test")
        ask = partial(client.open, path(f"{GROUP}/{VERSION}", "backupbatches"))
        it = Following(Inventory(), [])
        following = Reflector(KIND, ask, it.inventory, lambda _, fault: it.told.append(fault))
        thread = threading.Thread(target=following.run)
        thread.start()
        try:
            yield it
        finally:
            following.stop()
            stand_in.closing.set()
            thread.join(PATIENCE)
            server.shutdown()
            serving.join()
            client.close()
            assert not thread.is_alive()


@pytest.fixture(params=[False, True], ids=["pages", "stream"], autouse=True)
def _list(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """All holds for an API server that streams lists, and for one that does not."""
    monkeypatch.setattr(StandIn, "streams", request.param)


_in_pages, _as_a_stream = (
    pytest.mark.parametrize("_list", [streams], ids=[name], indirect=True)
    for streams, name in ((False, "pages"), (True, "stream"))
)


@_in_pages
def test_a_long_list_comes_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a", more="next"), numbered(7, "b", "c")])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b", "c") and bool(stand_in.watched))
        assert int(stand_in.asked[0]["limit"]) < int(stand_in.asked[1]["limit"]), "the objects are small"
        assert stand_in.asked[1]["continue"] == "next"
        assert stand_in.watched == ["7"]
        assert it.told == [""]


@_in_pages
def test_a_list_whose_next_page_has_expired_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a", more="next"), 410, numbered(9, "b")])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: stand_in.watched == ["9"])
        assert it.holds("b"), "what the first list had may be gone"


@pytest.mark.parametrize("expired", [410, [event("ADDED", 8, "b"), error(410)]], ids=["status", "event"])
def test_a_watch_that_has_expired_leads_to_a_new_list(expired: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a"), numbered(20, "c")], [expired])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("c") and len(stand_in.watched) == 2)
        assert stand_in.watched == ["7", "20"]
        assert it.told == [""], "this is no fault"


def test_a_watch_goes_on_where_the_one_before_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    watches = [
        [event("ADDED", 8, "b"), event("DELETED", 9, "a")],
        [{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "50"}}}],
    ]
    stand_in = StandIn([numbered(7, "a")], [*watches])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: stand_in.watched == ["7", "9", "50"])
        assert it.holds("b")
        assert stand_in.listed == 1


@pytest.mark.parametrize("status", [500, 503])
def test_an_api_server_that_fails_is_asked_again_for_the_same(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([status, status, numbered(7, "a")], [status, [event("ADDED", 8, "b")]])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b"))
        assert stand_in.watched[:2] == ["7", "7"]
        assert stand_in.listed == 3
        assert it.told == [fault := f"the API server answers {status}: status {status}", "", fault, ""]


@pytest.mark.parametrize("again", ["", "0"], ids=["unsaid", "Retry-After"])
def test_an_api_server_that_is_busy_for_a_moment_is_no_fault(again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([429, 429, numbered(7, "a")], [429, [event("ADDED", 8, "b")]], again=again)
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b"))
        assert stand_in.watched[:2] == ["7", "7"], "what is known is not listed anew"
        assert stand_in.listed == 3
        assert it.told == [""]


def test_a_watch_that_ends_at_once_is_no_fault_until_they_all_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """As right after a CRD was made or changed: the API server ends the watches of what it serves in a new way."""
    stand_in = StandIn([numbered(7, "a")], [[], [event("ADDED", 8, "b")]])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b"))
        assert stand_in.watched[:2] == ["7", "7"]
        assert it.told == [""]


@pytest.mark.parametrize(
    ("said", "fault"),
    [(429, "the API server answers 429: status 429"), ([], "it closes each connection at once")],
    ids=["busy", "ends at once"],
)
def test_what_may_pass_within_seconds_is_told_when_it_lasts(
    said: Any, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "TOLD_AFTER", 0.3)
    monkeypatch.setattr(reflector, "_BRIEF", 60.0)
    stand_in = StandIn([numbered(7, "a")], [said] * 1000)
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: len(it.told) == 2)
        assert fault in it.told[1]
        assert fault in str(it.inventory.remark())
        assert len(stand_in.watched) > 1, "not of the first time"
        del stand_in.watches[:-1]
        stand_in.watches[-1:] = [[event("ADDED", 8, "b")]]
        eventually(lambda: it.told[2:] == [""])


def test_an_api_server_that_says_when_to_ask_again_is_not_asked_before(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([429, numbered(7, "a")], again="1")
    started = time.monotonic()
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a"))
        assert time.monotonic() - started >= 1


@pytest.mark.parametrize("again", ["86400", "9" * 500, "-5", "Wed, 21 Oct 2099 07:28:00 GMT", "1e9", "soon"])
def test_nobody_can_tell_it_to_wait_for_long(again: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "LONGEST_PAUSE", 0.05)
    stand_in = StandIn([429, numbered(7, "a")], again=again)
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a"))
        assert it.told == [""]


@pytest.mark.parametrize("status", [400, 403, 504])
def test_a_watch_that_is_refused_leads_to_a_new_list(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a"), numbered(20, "b")], [status])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("b") and it.told[-1] == "")
        assert it.told == ["", f"the API server answers {status}: status {status}", ""]


@pytest.mark.parametrize(
    ("said", "again"),
    [
        (b'{"type": "ADDED", "object": {"metadata"', "7"),
        (json.dumps(event("ADDED", 8, "b")).encode() + b"\n\n{no JSON}\n", "8"),
        (json.dumps([]).encode() + b"\n", "20"),
        (json.dumps(error(500)).encode() + b"\n", "20"),
        (json.dumps({"type": "NEWS"}).encode() + b"\n", "20"),
        (json.dumps({"type": "ADDED", "object": {"metadata": {}}}).encode() + b"\n", "7"),
    ],
    ids=["cut", "no JSON", "no event", "an error", "unknown", "no name"],
)
def test_a_watch_that_brings_what_nobody_can_read_is_a_fault_that_passes(
    said: bytes, again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = StandIn([numbered(7, "a"), numbered(20, "c")], [said, [event("ADDED", 30, "d")]])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: len(stand_in.watched) >= 3)
        assert stand_in.watched[:2] == ["7", again]
        assert len(it.told) == 3
        assert it.told[0] == it.told[2] == ""
        assert it.told[1]


def test_an_event_in_many_pieces_is_put_together(monkeypatch: pytest.MonkeyPatch) -> None:
    large = batch("large", *(f"app-{number}" for number in range(500)), resourceVersion="8")
    stand_in = StandIn([numbered(7)], [[{"type": "ADDED", "object": large}, event("ADDED", 9, "b")]])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("large", "b"))
        assert it.told == [""]


def test_that_there_is_no_such_kind_is_believed_only_when_it_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a"), 404, 404, numbered(8, "a"), 404], [400, 400])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: stand_in.listed == 5)
        assert it.holds("a")
        eventually(lambda: it.holds())
        assert it.inventory.lateness(KIND) == ""


# --- lists as streams, and objects that are too large


STREAMED = {
    "watch": "true",
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


@_as_a_stream
def test_a_list_is_asked_for_as_a_stream_of_single_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = StandIn([numbered(7, "a", "b")])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b") and stand_in.watched == ["7"])
        assert stand_in.asked[0] == STREAMED
        assert it.told == [""]


@_as_a_stream
def test_what_changes_before_a_streamed_list_has_ended_is_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    page = numbered(7, "a", "b")
    *objects, end = streamed_list(page)
    changes = [event("DELETED", 8, "a"), event("ADDED", 9, "c"), event("MODIFIED", 10, "b")]
    monkeypatch.setattr(f"{__name__}.streamed_list", lambda _: [*objects, *changes, end])
    stand_in = StandIn([page])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: stand_in.watched == ["7"])
        assert it.holds("b", "c")


@_as_a_stream
@pytest.mark.parametrize("end", ["nothing", "an ordinary bookmark"])
def test_a_streamed_list_that_does_not_end_as_such_is_had_in_pages(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What came counts, but nothing is called complete, nor gone, for a list that was cut."""
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "5"}}}
    cut = [event("ADDED", 7, "a"), *([] if end == "nothing" else [bookmark])]
    monkeypatch.setattr(f"{__name__}.streamed_list", lambda _: cut)
    stand_in = StandIn([numbered(7, "a"), numbered(7, "a", "b")])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b") and bool(stand_in.watched))
        assert [each.get("limit") is None for each in stand_in.asked[:2]] == [True, False]
        assert it.told == [""]


@_as_a_stream
def test_a_streamed_list_that_expires_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{__name__}.streamed_list", lambda _: [event("ADDED", 7, "a"), error(410)])
    stand_in = StandIn([numbered(7), numbered(9, "b")])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: stand_in.watched == ["9"])
        assert it.holds("b")
        assert it.told == [""]


DEEP = b'{"metadata": {"name": "deep", "namespace": "demo", "resourceVersion": "8"}, "spec": %s%s}' % (
    b'{"a":' * 2000 + b"1",
    b"}" * 2000,
)


def unread(monkeypatch: pytest.MonkeyPatch, how: str) -> bytes:
    """An object that is too large to be read."""
    if how == "deep":
        return DEEP
    for module in (pages, reflector):
        for name in ("MAX_OBJECT_BYTES", "PAGE_BYTES"):
            monkeypatch.setattr(module, name, 100_000, raising=False)
    return json.dumps(batch("big", "x" * 200_000, resourceVersion="8")).encode()


@pytest.mark.parametrize("how", ["deep", "long"])
def test_an_object_that_cannot_be_read_is_told_and_all_others_are_known(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = unread(monkeypatch, how)
    small = [json.dumps(numbered(7, name)["items"][0]).encode() for name in ("a", "b")]
    stand_in = StandIn([Raw([small[0], large, small[1]])])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: it.holds("a", "b") and bool(stand_in.watched))
        assert stand_in.watched == ["7"]
        assert it.inventory.lateness(KIND) == ""
        assert TOO_LARGE in it.inventory.gap(KIND)
        assert it.told == [it.inventory.gap(KIND)]


@pytest.mark.parametrize("how", ["deep", "long"])
def test_an_object_that_becomes_too_large_is_told_until_a_new_list_has_none(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "_ANEW", 0.0)
    monkeypatch.setattr(reflector, "_BRIEF", 0.0)
    large = b'{"type": "MODIFIED", "object": %s}\n' % unread(monkeypatch, how)
    after = json.dumps(event("ADDED", 9, "b")).encode() + b"\n"
    stand_in = StandIn([numbered(7, "a"), numbered(20, "a", "c")], [large + after])
    with following(stand_in, monkeypatch) as it:
        eventually(lambda: len(it.told) == 3)
        assert [bool(each) for each in it.told] == [False, True, False]
        eventually(lambda: it.holds("a", "c") and stand_in.watched == ["7", "20"])


def never(*_: Any, **__: Any) -> Stream:
    raise AssertionError("it asks")


def test_tries_are_further_and_further_apart_but_not_more_than_half_a_minute() -> None:
    following = Reflector(KIND, never, Inventory(), lambda *_: None)
    pauses = []
    for failures in range(1, 30):
        following._failures = failures  # noqa: SLF001
        pauses.append(max(following._pause() for _ in range(50)))  # noqa: SLF001
    assert pauses[0] <= 0.5
    assert pauses[3] > 2
    assert 15 < pauses[-1] <= 30


def test_a_reflector_that_was_stopped_before_it_began_asks_nothing() -> None:
    stopped = Reflector(KIND, never, Inventory(), lambda *_: None)
    stopped.stop()
    stopped.run()
