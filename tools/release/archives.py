"""Archives in which nothing is of the machine that made them: no owner, no time but one, files in order."""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple


class Entry(NamedTuple):
    """A file of an archive."""

    name: str
    content: bytes
    executable: bool = False


def archive(entries: Iterable[Entry], seconds: int) -> bytes:
    """A gzipped tar. `seconds`: since the epoch, when everything in it was changed last."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=seconds) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as it,
    ):
        for each in sorted(entries):
            about = tarfile.TarInfo(each.name)
            about.size, about.mtime, about.mode = len(each.content), seconds, 0o755 if each.executable else 0o644
            it.addfile(about, io.BytesIO(each.content))
    return packed.getvalue()


def below(folder: Path, top: str, ignored: Iterable[str] = ()) -> Iterator[Entry]:
    """The files below a folder, under another name for it; without those whose names fit a pattern."""
    patterns = list(ignored)
    for path in folder.rglob("*"):
        if path.is_file() and not any(fnmatch(path.name, pattern) for pattern in patterns):
            yield Entry(f"{top}/{path.relative_to(folder).as_posix()}", path.read_bytes())
