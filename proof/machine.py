"""What it was measured on: no figure means anything without it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from proof import balancer

ROOT = Path(__file__).parents[1]


_CHANGED = " with changes"
_UNKNOWN = "unknown"
_CODE = ("app", "certs", "kube", "schemas", "manifests", "testbed", "proof", "requirements.txt")


def facts(binaries: Path | None) -> list[tuple[str, str]]:
    """Names and values. `binaries` is the folder of the API server, if one ran."""
    kernel = re.match(r"[\d.]+", platform.release())
    found = [
        ("cores", str(os.cpu_count())),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("kernel", f"{platform.system()} {kernel[0] if kernel else ''} {platform.machine()}"),
        ("Python", platform.python_version()),
        ("OpenSSL", " ".join(ssl.OPENSSL_VERSION.split()[1:2])),
        *((name, importlib.metadata.version(name)) for name in ("uvicorn", "uvloop", "httptools")),
    ]
    if binaries:
        said = subprocess.run(
            [str(binaries / "kube-apiserver"), "--version"], capture_output=True, text=True, check=True
        )
        found.append(("Kubernetes", said.stdout.split()[-1]))
    try:
        found.append(("haproxy", balancer.version()))
    except balancer.Missing:
        found.append(("haproxy", "none"))
    return found


@dataclass
class Effort:
    """Processor time since a moment, in seconds: of all that ran here, of ours, and what there was."""

    busy: float
    ours: float
    total: float

    @classmethod
    def now(cls) -> Effort | None:
        """Of this moment, on Linux; of our children those that have ended."""
        try:
            ticks = [int(each) for each in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
        except OSError:
            return None
        user, nice, system, _, _, interrupts, soft, _ = spent = [each / os.sysconf("SC_CLK_TCK") for each in ticks]
        return cls(user + nice + system + interrupts + soft, sum(os.times()[:4]), sum(spent))

    def others(self, since: Effort) -> str:
        """The share of the processors that other programs used, such as 12%."""
        busy, ours, total = self.busy - since.busy, self.ours - since.ours, self.total - since.total
        return f"{max(busy - ours, 0) / total:.0%}" if total else "unknown"


def without_paths(text: str) -> str:
    """A text in which nothing says where on this machine anything is."""
    for path in (ROOT, Path(tempfile.gettempdir()), Path.home()):
        if path != Path(path.anchor):
            text = text.replace(str(path), "...")
    return text


def commit() -> str:
    """The commit that is checked out, and whether something was changed since."""
    git = ["git", "-C", str(ROOT)]
    try:
        done = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        dirty = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no", "--", *_CODE],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return _UNKNOWN
    return done.stdout.strip() + (_CHANGED if dirty.stdout.strip() else "")


def is_known(commit: str) -> bool:
    """Whether two measurements of it are of the same code."""
    return commit != _UNKNOWN and not commit.endswith(_CHANGED)
