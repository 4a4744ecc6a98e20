"""Files that are read again when they change; invalid content never replaces valid content."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

Value = TypeVar("Value")


class InvalidFile(Exception):
    """The content of the files is not valid. The message says why, and what to do."""


class ReloadingFile(Generic[Value]):
    """The content of some files: the last valid version.

    Their content is compared, not their dates: a mounted Secret changes by a swapped link, which inotify does not see.
    """

    def __init__(self, paths: Sequence[Path], read: Callable[[Value | None], Value]) -> None:
        """Read them. Raises InvalidFile. `read` is given what is in use, at first None."""
        self._paths, self._read = paths, read
        self._seen = self._digest()
        self.value = read(None)
        self.fault: str | None = None
        """Why the files cannot be used now, although an earlier version is."""

    def refresh(self) -> bool:
        """Look again. Whether there is news: a new value, or another fault."""
        digest = self._digest()
        # A fault can go away by itself: a certificate becomes valid.
        if digest == self._seen and self.fault is None:
            return False
        before, self._seen = (self._seen, self.fault), digest
        return self.reload() or before != (self._seen, self.fault)

    def reload(self) -> bool:
        """Read again, changed or not. Whether there is a new value."""
        try:
            self.value = self._read(self.value)
        except InvalidFile as error:
            self.fault = str(error)
            return False
        except Exception as error:  # noqa: BLE001 -- no content of a file may end the watching
            self.fault = f"{self._paths[0]} cannot be used: {type(error).__name__}"
            return False
        self.fault = None
        return True

    def _digest(self) -> bytes:
        digest = hashlib.sha256()
        for path in self._paths:
            try:
                digest.update(_names(path) if path.is_dir() else path.read_bytes())
            except OSError as error:
                digest.update(repr(error).encode())
            digest.update(b"\0")
        return digest.digest()


def _names(directory: Path) -> bytes:
    """What is in a directory: names only, and none that Kubernetes changes where it swaps a link."""
    return "\0".join(sorted(each.name for each in directory.iterdir() if each.name[0] != ".")).encode()
