"""A list comes in pages whose size follows their bytes, for nobody is to hold all of a large cluster at once."""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from typing import Any, NamedTuple

import orjson

from kube.bounds import MAX_OBJECT_BYTES, PAGE_BYTES, TooLargeError, loads
from kube.errors import Unavailable, no_answer
from kube.stream import Stream

LIMIT = 500
"""Objects in one page, at most."""
_FIRST = 50
"""Objects in the first page, of which nobody knows yet how large they are."""
_FEWER, _MORE = 8, 4
"""By how much the next page has fewer objects after one that was too large, and more after one that was not."""
_END_BYTES = 2**13
"""At the begin or the end of a list is what it says of itself."""
_ABOUT = (
    re.compile(rb'"metadata":(\{[^{}]*\})\}\s*$'),  # lists of custom resources, whose fields are sorted
    re.compile(rb'^\{[^{}\[\]]*"metadata":(\{[^{}]*\}),"items":'),
)


class Page(NamedTuple):
    """What a page of a list says beside its objects."""

    objects: int
    """How many objects it has that were read."""
    version: str
    """The resourceVersion of the list: from there it can be watched."""
    remaining: int
    """How many objects follow, as far as the API server says."""
    unread: int = 0
    """How many objects of this page are too large to be read."""


class Listing:
    """A list that is read page by page. A page that raises an error can be asked for again.

    No page is larger than PAGE_BYTES, unless it is one object: an object is read up to MAX_OBJECT_BYTES.
    """

    def __init__(
        self, ask: Callable[[Mapping[str, str]], Stream], guard: AbstractContextManager[Any] | None = None
    ) -> None:
        """`ask` opens the answer to a query. `guard` is held while objects are."""
        self._ask = ask
        self._guard = nullcontext() if guard is None else guard
        self._token: str | None = None
        self._limit = _FIRST
        self.done = False
        """Whether there is no further page."""

    def page(self, take: Callable[[dict[str, Any]], object]) -> Page:
        """The next page, whose objects `take` is called with. Raises KubeError, and then takes none."""
        page = None
        while page is None:
            page = self._try(self._limit, take)
            if page is None:
                self._limit = max(1, self._limit // _FEWER)
        return page

    def _try(self, limit: int, take: Callable[[dict[str, Any]], object]) -> Page | None:
        """A page of so many objects; None if it is too large, so that fewer have to be asked for."""
        alone = limit == 1
        stream = self._ask({"limit": str(limit)} | ({"continue": self._token} if self._token else {}))
        content = _read(stream, MAX_OBJECT_BYTES if alone else PAGE_BYTES, to_end=alone)
        if not isinstance(content, _Ends):
            with self._guard:
                try:
                    answer = loads(content)
                except TooLargeError:
                    content = _Ends(content[:_END_BYTES], content[-_END_BYTES:])
                except ValueError as error:
                    raise no_answer(error) from None
                else:
                    page = self._turned(answer, len(content))
                    for item in answer["items"]:
                        take(item)
                    return page
        if not alone:
            return None
        return self._turned({"metadata": _about(content), "items": []}, MAX_OBJECT_BYTES)._replace(unread=1)

    def _turned(self, answer: Mapping[str, Any], size: int) -> Page:
        """The page, and on to the next one. Raises KeyError for what is no list."""
        about, count = answer["metadata"], len(answer["items"])
        page = Page(count, str(about["resourceVersion"]), about.get("remainingItemCount") or 0)
        self._token = about.get("continue") or None
        self.done = self._token is None
        fitting = PAGE_BYTES // 2 * max(count, 1) // max(size, 1)
        self._limit = max(1, min(LIMIT, fitting, self._limit * _MORE))
        return page


class _Ends(NamedTuple):
    """What stands at the begin and at the end of an answer that is too large."""

    first: bytes = b""
    last: bytes = b""


def _read(stream: Stream, most: int, *, to_end: bool) -> bytes | _Ends:
    """The whole answer; of one of more bytes only the ends, and those only if it is read `to_end`."""
    pieces: list[bytes] = []
    size, last = 0, b""
    for piece in stream.chunks():
        size += len(piece)
        if size <= most:
            pieces.append(piece)
        elif not to_end:
            stream.close()
            return _Ends()
        else:
            del pieces[1:]
            last = (last + piece)[-_END_BYTES:]
    if size <= most:
        return b"".join(pieces)
    return _Ends(b"".join(pieces)[:_END_BYTES], last)


def _about(ends: _Ends) -> dict[str, Any]:
    """What a list says of itself. Raises Unavailable."""
    for pattern, part in zip(_ABOUT, (ends.last, ends.first), strict=True):
        if found := pattern.search(part):
            with suppress(ValueError):
                about: dict[str, Any] = orjson.loads(found[1])
                return about
    raise Unavailable("no answer from the API server: a list that does not say where it goes on")
