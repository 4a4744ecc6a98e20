"""One kind of a live cluster, listed and then watched for ever, whatever happens to the API server in between."""

import random
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any, NamedTuple

from app.domain.key import Key
from app.inventory.store import Inventory, key_of
from kube.bounds import MAX_OBJECT_BYTES, TOO_LARGE, TooLargeError, loads
from kube.errors import KubeError, no_answer, one_line
from kube.pages import Listing
from kube.stream import Stream

LONGEST_PAUSE = 30.0
"""Seconds between two tries, at most, whatever the API server asks for."""
TOLD_AFTER = 15.0
"""Seconds after which it is a fault that the API server is busy, or ends each watch at once. It does both for a moment
right after a CRD is made or changed."""
_FIRST_PAUSE = 0.5
_BRIEF = 1.0
"""Seconds: a watch that ends before, and brought nothing, was no success."""
_CONNECTING, _ANSWERING = 5.0, 30.0
"""Seconds that a connection, and an answer to a list, may take."""
_WATCH = 50
"""Seconds that a watch lasts. Its end, like the bookmark before it, tells that nothing was missed."""
_SILENCE = _WATCH + 15.0
"""Seconds without a byte after which a watch's connection is dead: the API server ends each watch before."""
_ANEW = 600.0
"""Seconds after which all is listed anew where an object was too large to be read: it may be smaller, or gone."""
_NO_STREAM = (400, 403, 405, 422)
"""What API servers answer that stream no lists (422: up to 1.31, and 1.33), or where there is no right to watch."""
_END_OF_LIST = "k8s.io/initial-events-end"
"""The annotation of the bookmark with which a streamed list ends."""
_ONE_AT_A_TIME = Lock()
"""Held while an object is read, by whichever thread: in memory it can be thirty times as large as on its way."""
_REFUSALS = (401, 403)
_SURELY_ABSENT = 3
"""Answers in a row that there is no such kind, after which it is believed."""


class Expired(Exception):
    """The API server does not know any more what happened since: list anew."""


class Broken(Exception):
    """The watch brought what cannot be understood, or an error."""


class Brief(Exception):
    """The watch was ended as soon as it began."""


class Taken(NamedTuple):
    """What an event brought."""

    what: str
    """Its type; empty if it was too large to be read."""
    key: Key | None = None
    version: str | None = None
    ends_list: bool = False


UNREAD = Taken("")


@dataclass
class Listed:
    """What a list brought."""

    keys: set[Key] = field(default_factory=set)
    version: str = ""
    unread: bool = False
    """Whether an object was too large to be read."""


class Reflector:
    """Keeps one kind of an inventory as the cluster has it.

    `ask` calls the API server: it takes the query of a list, or of a watch, and returns the open answer. `tell`
    is called when what is wrong changes, with the kind and the fault; without a fault, all is well again.
    """

    def __init__(
        self, kind: str, ask: Callable[..., Stream], inventory: Inventory, tell: Callable[[str, str], None]
    ) -> None:
        self._kind = kind
        self._ask = ask
        self._inventory = inventory
        self._tell = tell
        self._stopping = Event()
        self._stream: Stream | None = None
        self._version: str | None = None
        """The resourceVersion up to which everything is known; None: nothing is."""
        self._failures = 0
        self._asked = 0.0
        """Seconds that the API server asked to wait before the next try."""
        self._passing: float | None = None
        """Since when there has been only what passes by itself, on the monotonic clock; None: all is well."""
        self._absent = 0
        self._streams = True
        """Whether to ask for the next list as a stream, one object at a time: not if the last one did not end."""
        self._anew: float | None = None
        """When to list anew, on the monotonic clock; None: when something was missed."""
        self._fault: str | None = None

    def stop(self) -> None:
        """Let `run` come to its end. Called by another thread."""
        self._stopping.set()
        stream = self._stream
        if stream is not None:
            stream.shut()

    def run(self) -> None:
        """List, then watch, until stopped."""
        while not self._stopping.is_set():
            try:
                self._follow()
            except Expired:
                self._version = None
                self._failures += 1
            except Brief:
                self._passes("no answer from the API server: it closes each connection at once")
            except KubeError as error:
                self._answered(error)
            except (ValueError, Broken) as error:
                self._failed(str(no_answer(error)))
            except Exception as error:  # noqa: BLE001 -- a mistake of ours must not end the thread unseen
                self._version = None
                self._failed(f"it cannot be understood: {type(error).__name__}")
            if self._failures:
                self._stopping.wait(self._pause())

    def _follow(self) -> None:
        if self._version is None or self._is_to_be_listed_anew():
            self._version = self._list()
            self._inventory.reached(self._kind, self._version)
            self._absent = 0
            self._passing = None
            self._tell_all_is_well()
        started = time.monotonic()
        heard = 0
        with closing(self._watch(self._version)) as events:
            for taken in events:
                if not taken.what:
                    self._note_unread(some=True)
                if taken.version:
                    self._version = taken.version
                    self._inventory.reached(self._kind, taken.version)
                self._well()
                heard += 1
        if not heard and time.monotonic() - started < _BRIEF:
            raise Brief
        self._well()

    def _list(self) -> str:
        """Take in all objects; the resourceVersion of which they are."""
        streams, self._streams = self._streams, False
        listed = (self._list_by_stream() if streams else None) or self._list_by_pages()
        self._inventory.synced(self._kind, listed.keys)
        self._note_unread(some=listed.unread)
        self._streams = True
        return listed.version

    def _list_by_stream(self) -> Listed | None:
        """As a watch that begins with all objects; None if the API server does not do that. Raises Brief."""
        query = {
            "watch": "true",
            "sendInitialEvents": "true",
            "resourceVersionMatch": "NotOlderThan",
            "allowWatchBookmarks": "true",
        }
        listed = Listed()
        try:
            with closing(self._events(query, _ANSWERING)) as events:
                for taken in events:
                    listed.unread |= not taken.what
                    listed.version = taken.version or listed.version
                    if taken.ends_list:
                        return listed
                    if taken.key is not None:
                        (listed.keys.discard if taken.what == "DELETED" else listed.keys.add)(taken.key)
        except KubeError as error:
            if error.status not in _NO_STREAM:
                raise
            return None
        raise Brief

    def _list_by_pages(self) -> Listed:
        """Page by page."""
        listed = Listed()
        listing = Listing(lambda query: self._open(query, _ANSWERING), _ONE_AT_A_TIME)
        while not listing.done:
            page = listing.page(lambda item: listed.keys.add(self._inventory.put(self._kind, item)))
            self._stream = None
            listed.unread |= page.unread > 0
            listed.version = page.version
        return listed

    def _is_to_be_listed_anew(self) -> bool:
        now = time.monotonic()
        if self._anew is None or now < self._anew:
            return False
        self._anew = now + _ANEW  # if that fails, what is known is watched until then
        return True

    def _watch(self, version: str) -> Generator[Taken]:
        """What has happened since a version, until the API server ends the watch."""
        seconds = _WATCH - random.randrange(10)  # noqa: S311 -- so that not all watches end at once
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        return self._events(query, _SILENCE)

    def _events(self, query: dict[str, str], silence: float) -> Generator[Taken]:
        """The events of a watch, each as soon as it was taken in."""
        stream = self._open(query, silence)
        try:
            for line in stream.lines(MAX_OBJECT_BYTES):
                taken = self._take(line)
                del line  # rather than hold it until the next one comes
                yield taken
        finally:
            self._stream = None
            stream.close()

    def _open(self, query: Mapping[str, str], silence: float) -> Stream:
        stream = self._ask(query, seconds=(_CONNECTING, silence))
        self._stream = stream
        if self._stopping.is_set():
            stream.close()
            raise Broken("stopped")
        return stream

    def _take(self, line: bytes | None) -> Taken:
        """Take in an event. It is held by nobody afterwards, and no other meanwhile."""
        if line is None:
            return UNREAD
        with _ONE_AT_A_TIME:
            try:
                return self._understood(loads(line))
            except TooLargeError:
                return UNREAD

    def _understood(self, event: Any) -> Taken:
        what, document = event.get("type"), event.get("object")
        if what == "ERROR" and isinstance(document, dict) and document.get("code") == 410:
            raise Expired
        if what not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not isinstance(document, dict):
            self._version = None
            raise Broken(f"the watch failed: {one_line(str((document or {}).get('message', 'no event')))}")
        key = None
        if what == "DELETED":
            key = key_of(self._kind, document)
            self._inventory.drop(key)
        elif what != "BOOKMARK":
            key = self._inventory.put(self._kind, document)
        about = document["metadata"]
        ends_list = what == "BOOKMARK" and (about.get("annotations") or {}).get(_END_OF_LIST) == "true"
        return Taken(what, key, str(about["resourceVersion"]), ends_list)

    def _note_unread(self, *, some: bool) -> None:
        """Whether there are objects that are too large to be read."""
        self._inventory.unread(self._kind, TOO_LARGE if some else "")
        if not some:
            self._anew = None
        elif self._anew is None:
            self._anew = time.monotonic() + _ANEW

    def _answered(self, error: KubeError) -> None:
        """The API server answers with a status that is no success, or nothing comes (0)."""
        status = error.status
        if status == 410:
            self._version = None
            self._failures += 1
            return
        if status == 404:
            self._missing()
            return
        fault = f"the API server answers {status}: {error.said}" if status else str(error)
        if status == 429:
            self._asked = error.retry_after
            self._passes(fault)
            return
        if (status != 0 and status < 500) or status == 504:
            self._version = None
        self._failed(fault, refused=status in _REFUSALS)

    def _missing(self) -> None:
        """There is no CRD, so there are no objects; it may come. An API server that starts can say so too soon."""
        self._version = None
        self._failures += 1
        self._absent += 1
        if self._absent >= _SURELY_ABSENT:
            self._inventory.synced(self._kind, ())
            self._say("")

    def _passes(self, fault: str) -> None:
        """It is no fault before it has lasted."""
        now = time.monotonic()
        self._passing = now if self._passing is None else self._passing
        if now - self._passing < TOLD_AFTER:
            self._failures += 1
        else:
            self._failed(fault)

    def _failed(self, fault: str, *, refused: bool = False) -> None:
        if self._stopping.is_set():
            return
        self._failures += 1
        self._inventory.failed(self._kind, fault, refused=refused)
        self._say(fault)

    def _well(self) -> None:
        self._failures = 0
        self._passing = None
        self._inventory.heard(self._kind)
        self._tell_all_is_well()

    def _tell_all_is_well(self) -> None:
        """But for what could not be read."""
        self._say(self._inventory.gap(self._kind))

    def _say(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            self._tell(self._kind, fault)

    def _pause(self) -> float:
        """Longer with every failure, and never the same for two replicas."""
        longest = min(LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10))
        pause = random.uniform(longest / 2, longest)  # noqa: S311
        asked, self._asked = min(self._asked, LONGEST_PAUSE), 0.0
        return max(pause, asked * random.uniform(1, 1.25))  # noqa: S311
