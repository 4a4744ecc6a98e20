"""Files that are read again when they change; invalid content never replaces valid content."""

import functools
import hashlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, NoReturn, TypeVar

from app.manifest.regular_file import opened
from app.server.limits import MAX_STUCK_READS

Value = TypeVar("Value")
Result = TypeVar("Result")
_PART_BYTES = 2**20
"""Bytes that are held of a file while it is compared with what it was."""


class InvalidFile(Exception):
    """The content of the files is not valid. The message says why, and what to do."""


class _Found(NamedTuple, Generic[Value]):
    """What a look at the files found: a value, or what is wrong, and then the value before."""

    digest: bytes
    value: Value
    fault: str | None


class ReloadingFile(Generic[Value]):
    """The content of some files: the last valid version.

    Their content is compared, not their dates: a mounted Secret changes by a swapped link, which inotify does not see.
    """

    def __init__(
        self, paths: Sequence[Path], read: Callable[[Value | None], Value], seconds: float | None = None
    ) -> None:
        """Read them. Raises InvalidFile. `read` is given what is in use, at first None, and changes nothing.

        Files that take longer than `seconds` are a fault as well; without, however long they take.
        """
        self._paths, self._read, self._seconds = paths, read, seconds
        self._stuck: list[threading.Thread] = []
        """Reading what may never come. A thread cannot be ended, so there is a bound on them."""
        self._seen, self.value = self._in_time(lambda: (self._digest(), read(None)))
        self.fault: str | None = None
        """Why the files cannot be used now, although an earlier version is."""

    def refresh(self) -> bool:
        """Look again. Whether there is news: a new value, or another fault."""
        # A fault can go away by itself: a certificate becomes valid.
        return self._look(self._seen if self.fault is None else None)

    def reload(self) -> bool:
        """Read again, changed or not. Whether there is a new value, or another fault."""
        return self._look(None)

    def _look(self, known: bytes | None) -> bool:
        before = self._seen, self.fault
        value = self.value
        try:
            found = self._in_time(lambda: self._find(known, value))
        except InvalidFile as error:
            found = _Found(self._seen, value, str(error))
        if found is None:
            return False
        self._seen, self.fault = found.digest, found.fault
        if found.fault is None:
            self.value = found.value
            return True
        return before != (self._seen, self.fault)

    def _find(self, known: bytes | None, value: Value) -> _Found[Value] | None:
        """What is there now; None if it is what is known."""
        digest = self._digest()
        if digest == known:
            return None
        try:
            return _Found(digest, self._read(value), None)
        except InvalidFile as error:
            return _Found(digest, value, str(error))
        except Exception as error:  # noqa: BLE001 -- no content of a file may end the watching
            return _Found(digest, value, f"{self._paths[0]} cannot be used: {type(error).__name__}")

    def _in_time(self, work: Callable[[], Result]) -> Result:
        """What the work returns or raises. Raises InvalidFile if it takes too long; it then goes on for nobody."""
        if self._seconds is None:
            return work()
        self._stuck = [each for each in self._stuck if each.is_alive()]
        ended: list[Callable[[], Result]] = []

        def run() -> None:
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001  it is raised where it is waited for
                ended.append(functools.partial(_raise, error))
            else:
                ended.append(lambda: result)

        if len(self._stuck) < MAX_STUCK_READS:
            # Not one of asyncio's threads: the process would wait for those at its end.
            thread = threading.Thread(target=run, daemon=True, name="read a file")
            thread.start()
            thread.join(self._seconds)
            if ended:
                return ended[0]()
            self._stuck.append(thread)
        raise InvalidFile(
            f"{self._paths[0]} cannot be read within {self._seconds:g} seconds: look at the volume that it is on"
        )

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                if path.is_dir():
                    digest.update(_names(path))
                else:
                    with opened(path) as file:
                        while part := file.read(_PART_BYTES):
                            digest.update(part)
            except OSError as error:
                digest.update(repr(error).encode())
            digest.update(b"\0")
        return digest.digest()


def _raise(error: BaseException) -> NoReturn:
    raise error


def _names(directory: Path) -> bytes:
    """What is in a directory: names only, and none that Kubernetes changes where it swaps a link."""
    return "\0".join(sorted(each.name for each in directory.iterdir() if each.name[0] != ".")).encode()
