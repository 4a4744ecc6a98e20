"""Opening what is a file, and nothing that would be waited for without end."""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

NOT_REGULAR = "not a regular file"
_HANDED_OVER = ("/dev/fd/", "/proc/self/fd/")
"""Where a shell hands over what it has opened, as `<(kustomize build .)`."""
_STANDARD_INPUT = "/dev/stdin"
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
"""With O_NONBLOCK, which Windows has not, nobody waits until somebody opens the other end of a pipe."""
_PIECE_BYTES = 1024 * 1024


def opened(path: Path) -> BinaryIO:
    """The file, open for reading. Raises OSError, also for a named pipe or a device.

    What a shell has opened may be a pipe: its other end is there.
    """
    name = os.fspath(path)
    if _is_handed_over(name):
        return path.open("rb")
    descriptor, _ = _regular(name)
    return os.fdopen(descriptor, "rb")


def content(path: Path) -> bytes:
    """All bytes of the file. Raises OSError as `opened`."""
    with opened(path) as file:
        return file.read()


def beginning(name: str, most: int) -> bytes:
    """The first bytes of a file, or all where there are not so many. Raises OSError as `opened`.

    With the least that the system has to be asked for, since there may be very many files.
    """
    if _is_handed_over(name):
        with opened(Path(name)) as file:
            return file.read(most)
    descriptor, size = _regular(name)
    try:
        found = os.read(descriptor, min(size + 1, most))
        if len(found) == size or len(found) == most:
            return found
        pieces = [found]
        while found and (most := most - len(found)):
            found = os.read(descriptor, min(most, _PIECE_BYTES))
            pieces.append(found)
        return b"".join(pieces)
    finally:
        os.close(descriptor)


def _is_handed_over(name: str) -> bool:
    return name.startswith(_HANDED_OVER) or name == _STANDARD_INPUT


def _regular(name: str) -> tuple[int, int]:
    """A regular file, open for reading, and how many bytes it is said to have. Raises OSError."""
    descriptor = os.open(name, _FLAGS)
    try:
        about = os.fstat(descriptor)
        if stat.S_ISREG(about.st_mode):
            return descriptor, about.st_size
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        raise OSError(errno.EINVAL, NOT_REGULAR, name)
    except BaseException:
        os.close(descriptor)
        raise
