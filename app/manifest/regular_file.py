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


def opened(path: Path) -> BinaryIO:
    """The file, open for reading. Raises OSError, also for a named pipe or a device.

    What a shell has opened may be a pipe: its other end is there.
    """
    name = os.fspath(path)
    if name.startswith(_HANDED_OVER) or name == _STANDARD_INPUT:
        return path.open("rb")
    # With this flag, which Windows has not, nobody waits until somebody opens the other end of a pipe.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), name)
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, name)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def content(path: Path) -> bytes:
    """All bytes of the file. Raises OSError as `opened`."""
    with opened(path) as file:
        return file.read()
