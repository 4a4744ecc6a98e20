"""Writing a file in one step, so that nobody ever finds half of it."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from app.manifest.source import Text


class CannotSave(Exception):
    """A file that cannot be written. The message says why."""


def save(path: Path, before: Text, after: str) -> None:
    """Replace the file's text. Mode and owner stay; a link stays a link, what it leads to is replaced.

    Raises CannotSave, also where the file changed since it was read, or has several names.
    """
    real = path.resolve()
    try:
        if real.exists() and not real.is_file():
            raise CannotSave("it is not a regular file")
        if real.read_bytes() != before.text.encode(before.encoding):
            raise CannotSave("it was changed meanwhile: run fix again")
        about = real.stat()
        if about.st_nlink > 1:
            raise CannotSave(
                "it has another name (a hard link), under which the old text would stay: remove one of them"
            )
        if not os.access(real, os.W_OK):
            raise CannotSave("it is write-protected")
        descriptor, name = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(after.encode(before.encoding))
                with suppress(PermissionError):
                    os.fchown(file.fileno(), about.st_uid, about.st_gid)
                os.fchmod(file.fileno(), about.st_mode & 0o7777)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(real)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CannotSave(error.strerror or str(error)) from None
