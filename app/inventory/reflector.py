"""One kind of a live cluster, listed and then watched for ever, whatever happens to the API server in between."""

import random
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from threading import Event
from typing import Any

import orjson
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from app.domain.key import Key
from app.inventory.store import KINDS, Inventory, key_of
from kube.config import message_of
from kube.errors import one_line

PAGE = 500
"""Objects in one answer to a list."""
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

    `ask` calls the API server: it takes the parameters of a list, or of a watch, and returns the open response. `tell`
    is called when what is wrong changes, with the kind and the fault; without a fault, all is well again.
    """

    def __init__(
        self, kind: str, ask: Callable[..., Any], inventory: Inventory, tell: Callable[[str, str], None]
    ) -> None:
        self._kind = kind
        self._ask = ask
        self._inventory = inventory
        self._tell = tell
        self._stopping = Event()
        self._response: Any = None
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
        response = self._response
        try:
            if response is not None:
                response.shutdown()  # wakes the thread that reads
        except (OSError, RuntimeError, ValueError):
            pass  # it has just come to its end by itself

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
            except ApiException as error:
                self._answered(error)
            except (HTTPError, OSError, ValueError, Broken) as error:
                self._failed(f"no answer from the API server: {one_line(str(error))}")
            except Exception as error:  # noqa: BLE001 -- a mistake of ours must not end the thread unseen
                self._version = None
                self._failed(f"it cannot be understood: {type(error).__name__}")
            if self._failures:
                self._stopping.wait(self._pause())

    def _follow(self) -> None:
        if self._version is None:
            self._version = self._list()
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
            more = {"_continue": token} if token else {}
            response = self._open((_CONNECTING, _ANSWERING), limit=PAGE, **more)
            page = orjson.loads(response.data)
            self._response = None
            response.release_conn()
            for item in page["items"]:
                keys.add(self._inventory.put(self._kind, item))
            del response
            token = page["metadata"].get("continue")
            if not token:
                self._inventory.synced(self._kind, keys)
                return str(page["metadata"]["resourceVersion"])
        raise Broken("stopped")

    def _watch(self, version: str) -> Generator[dict[str, Any]]:
        """The events since a version, until the API server ends the watch."""
        seconds = _WATCH - random.randrange(10)  # noqa: S311 -- so that not all watches end at once
        response = self._open(
            (_CONNECTING, _SILENCE),
            watch=True,
            resource_version=version,
            allow_watch_bookmarks=True,
            timeout_seconds=seconds,
        )
        try:
            yield from map(orjson.loads, _lines(response))
        finally:
            self._response = None
            response.close()

    def _open(self, timeout: tuple[float, float], **parameters: Any) -> Any:
        response = self._ask(**parameters, _preload_content=False, _request_timeout=timeout)
        self._response = response
        if self._stopping.is_set():
            response.close()
            raise Broken("stopped")
        return response

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

    def _answered(self, error: ApiException) -> None:
        """The API server answers with a status that is no success."""
        status = error.status or 0
        if status == 410:
            self._version = None
            self._failures += 1
            return
        if status == 404:
            self._missing()
            return
        fault = f"the API server answers {status}: {message_of(error)}"
        if status == 429:
            self._asked = _retry_after(error)
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


def _lines(response: Any) -> Iterator[bytes]:
    """The lines of a response, as they come."""
    rest: list[bytes] = []
    for chunk in response.stream(None, decode_content=False):
        *lines, end = chunk.split(b"\n")
        for line in lines:
            rest.append(line)
            whole = b"".join(rest)
            rest.clear()
            if whole.strip():
                yield whole
        rest.append(end)
    if any(rest):
        raise Broken("the connection was closed in the middle of an event")


def _retry_after(error: ApiException) -> float:
    """The seconds that an answer asks to wait; 0 if it does not, or says it in another way than API servers do."""
    said = str((error.headers or {}).get("Retry-After", ""))
    return float(said) if said.isascii() and said.isdigit() else 0.0


def plural_of(kind: str) -> str:
    """What the API server calls the objects of a kind."""
    return KINDS[kind].lower()
