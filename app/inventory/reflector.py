"""One kind of a live cluster, listed and then watched for ever, whatever happens to the API server in between."""

import random
import time
from collections.abc import Callable, Generator
from contextlib import closing
from threading import Event
from typing import Any

import orjson

from app.domain.key import Key
from app.inventory.store import Inventory, key_of
from kube.errors import KubeError, no_answer, one_line
from kube.pages import page_of, page_query
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
_REFUSALS = (401, 403)
_SURELY_ABSENT = 3
"""Answers in a row that there is no such kind, after which it is believed."""


class Expired(Exception):
    """The API server does not know any more what happened since: list anew."""


class Broken(Exception):
    """The watch brought what cannot be understood, or an error."""


class Brief(Exception):
    """The watch was ended as soon as it began."""


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
        if self._version is None:
            self._version = self._list()
            self._inventory.reached(self._kind, self._version)
            self._absent = 0
            self._passing = None
            self._say("")
        started = time.monotonic()
        heard = 0
        with closing(self._watch(self._version)) as events:
            for event in events:
                self._take(event)
                self._well()
                heard += 1
        if not heard and time.monotonic() - started < _BRIEF:
            raise Brief
        self._well()

    def _list(self) -> str:
        """Take in all objects, page by page; the resourceVersion of which they are."""
        keys: set[Key] = set()
        token: str | None = None
        while not self._stopping.is_set():
            stream = self._open(page_query(token), (_CONNECTING, _ANSWERING))
            page = page_of(orjson.loads(stream.read()))
            self._stream = None
            for item in page.items:
                keys.add(self._inventory.put(self._kind, item))
            del stream
            token = page.token
            if not token:
                self._inventory.synced(self._kind, keys)
                return page.version
        raise Broken("stopped")

    def _watch(self, version: str) -> Generator[dict[str, Any]]:
        """The events since a version, until the API server ends the watch."""
        seconds = _WATCH - random.randrange(10)  # noqa: S311 -- so that not all watches end at once
        query = {
            "watch": "true",
            "resourceVersion": version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
        }
        stream = self._open(query, (_CONNECTING, _SILENCE))
        try:
            yield from map(orjson.loads, stream.lines())
        finally:
            self._stream = None
            stream.close()

    def _open(self, query: dict[str, str], seconds: tuple[float, float]) -> Stream:
        stream = self._ask(query, seconds=seconds)
        self._stream = stream
        if self._stopping.is_set():
            stream.close()
            raise Broken("stopped")
        return stream

    def _take(self, event: dict[str, Any]) -> None:
        what, document = event.get("type"), event.get("object")
        if what == "ERROR" and isinstance(document, dict) and document.get("code") == 410:
            raise Expired
        if what not in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK") or not isinstance(document, dict):
            self._version = None
            raise Broken(f"the watch failed: {one_line(str((document or {}).get('message', 'no event')))}")
        if what == "DELETED":
            self._inventory.drop(key_of(self._kind, document))
        elif what != "BOOKMARK":
            self._inventory.put(self._kind, document)
        self._version = str(document["metadata"]["resourceVersion"])
        self._inventory.reached(self._kind, self._version)

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
        self._say("")

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
