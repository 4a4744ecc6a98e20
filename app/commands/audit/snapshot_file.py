"""Reading what `restic snapshots --json` writes, a piece at a time: a repository of years has a hundred thousand."""

import codecs
import json
import posixpath
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, BinaryIO

from app.domain.cron import YEARS
from app.domain.quoting import quoted
from app.domain.snapshot import Snapshot

MAX_SNAPSHOTS = 1_000_000
_PIECE_BYTES = 2**20
_MAX_SNAPSHOT_CHARS = 16 * 2**20
_MAX_QUOTED_CHARS = 100
_SPACE = re.compile(r"[ \t\r\n]*")
_TEXTS = frozenset({str})
_ID = re.compile(r"[0-9a-f]{8,64}")
_ADVICE = "give it what `restic snapshots --json` writes"


class BadSnapshots(ValueError):
    """What is no list of snapshots. The message says what is wrong, and where."""


def snapshots_in(file: BinaryIO) -> Iterator[Snapshot]:
    """The snapshots of a file. Raises BadSnapshots, and OSError where it cannot be read."""
    count = 0
    for number, value in enumerate(_values(file), 1):
        grouped = value.get("snapshots") if isinstance(value, dict) and "group_key" in value else None
        for each in [value] if grouped is None else grouped if isinstance(grouped, list) else [None]:
            count += 1
            if count > MAX_SNAPSHOTS:
                raise BadSnapshots(f"more than {MAX_SNAPSHOTS:,} snapshots: give those of some hosts, with --host")
            try:
                yield _snapshot(each)
            except ValueError as wrong:
                raise BadSnapshots(f"item {number}: {wrong}") from None


def _values(file: BinaryIO) -> Iterator[Any]:
    """The items of the list that a file holds, each read when the one before is done with."""
    text = _Text(file)
    if text.next() != "[":
        if text.is_null():
            return  # of an empty repository
        raise BadSnapshots(f"not a JSON list: {_ADVICE}")
    text.skip()
    if text.next() == "]":
        text.skip()
    else:
        while True:
            yield text.value()
            after = text.next()
            text.skip()
            if after == "]":
                break
            if after != ",":
                raise BadSnapshots(f"{text.place}: not JSON: a comma or a bracket is missing; {_ADVICE}")
    if text.next():
        raise BadSnapshots(f"{text.place}: something follows the list: {_ADVICE}")


class _Text:
    """A text that is read as far as it is needed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._json = json.JSONDecoder(parse_constant=_constant)
        self._read, self._at, self._before, self._ended = "", 0, 0, False

    @property
    def place(self) -> str:
        """For messages: where it is read just now."""
        return f"character {self._before + self._at + 1}"

    def next(self) -> str:
        """The next character that is no space; empty at the end."""
        while True:
            found = _SPACE.match(self._read, self._at)
            self._at = found.end() if found else self._at
            if self._at < len(self._read):
                return self._read[self._at]
            if not self._more():
                return ""

    def skip(self) -> None:
        """Go on behind the next character."""
        self._at += 1

    def is_null(self) -> bool:
        """Whether all of it is `null`."""
        while self._more() and len(self._read) < _PIECE_BYTES:
            pass
        return self._read.strip() == "null"

    def value(self) -> Any:
        """The JSON value that begins here."""
        self.next()
        while True:
            try:
                value, end = self._json.raw_decode(self._read, self._at)
            except RecursionError:
                raise BadSnapshots(f"{self.place}: too many brackets inside each other: {_ADVICE}") from None
            except ValueError as wrong:
                if len(self._read) - self._at > _MAX_SNAPSHOT_CHARS:
                    raise BadSnapshots(f"{self.place}: an item is too long, or not JSON: {_ADVICE}") from None
                if not self._more():
                    self._at = wrong.pos if isinstance(wrong, json.JSONDecodeError) else self._at
                    raise BadSnapshots(f"{self.place}: not JSON, or cut off: {_ADVICE}") from None
            else:
                self._at = end
                return value

    def _more(self) -> bool:
        """Read another piece, and forget what was read; whether there was one."""
        if self._ended:
            return False
        piece = self._file.read(_PIECE_BYTES)
        self._ended = not piece
        self._before += self._at
        try:
            self._read, self._at = self._read[self._at :] + self._decode(piece, self._ended), 0
        except UnicodeDecodeError:
            raise BadSnapshots(f"after character {self._before}: not UTF-8: {_ADVICE}") from None
        return bool(piece)


def _constant(name: str) -> Any:
    raise ValueError(name)


def _snapshot(value: Any) -> Snapshot:
    """One snapshot. Raises ValueError with what is wrong."""
    if not isinstance(value, dict):
        raise ValueError(f"not a snapshot: {_ADVICE}")
    host, named, tree = value.get("hostname") or "", value.get("id"), value.get("tree")
    if not isinstance(host, str):
        raise ValueError("hostname is not a text")
    if not isinstance(named, str) or not _ID.fullmatch(named):
        raise ValueError("id is not the name of a snapshot: 64 digits from 0 to f")
    paths, tags = _texts(value, "paths"), _texts(value, "tags")
    return Snapshot(_moment(value.get("time")), _one(host), _cleaned(paths), named, str(tree or "")[:64], _one(tags))


def _texts(value: dict[str, Any], name: str) -> tuple[str, ...]:
    found = value.get(name) or []
    if not isinstance(found, list) or not _TEXTS.issuperset(map(type, found)):
        raise ValueError(f"{name} is not a list of texts")
    return tuple(found)


def _moment(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        if found is not None and found.tzinfo is not None and found.astimezone(UTC).year in YEARS:
            return found
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"time {quoted(text)[:_MAX_QUOTED_CHARS]} is not a time such as 2026-01-31T03:00:00Z")


@lru_cache(2**14)
def _one(value: Any) -> Any:
    """The same object for equal hosts and tags: of most there are many."""
    return value


@lru_cache(2**14)
def _cleaned(paths: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({posixpath.normpath(each) for each in paths}))
