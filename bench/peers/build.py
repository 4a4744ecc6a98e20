"""The load generator and the peers in Go, built from the module beside this file and kept outside the checkout."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from testbed.control_plane.binaries import only_build
from testbed.control_plane.gobuild import go_environment, run_saying, say

MODULE = Path(__file__).resolve().parent / "go"
NAMES = tuple(sorted(folder.name for folder in (MODULE / "cmd").iterdir()))


class CannotBuild(Exception):
    """The programs cannot be built. The message says why, and what to install."""


def build(into: Path | None = None) -> dict[str, Path]:
    """The programs by name, built first where these sources were not built before; `into` is where they are kept.

    Raises CannotBuild.
    """
    folder = (into or _cache()) / _key()
    if not _complete(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with only_build(folder):
            if not _complete(folder):
                _build(folder)
    return {name: folder / name for name in NAMES}


def test() -> str | None:
    """What the tests of the load generator complain of; None if of nothing. Raises CannotBuild."""
    command = [_usable_go(), "test", "-mod=readonly", "-trimpath", "./cmd/load"]
    done = subprocess.run(  # noqa: S603  our own command
        command, cwd=MODULE, env=go_environment(), capture_output=True, text=True, check=False
    )
    return None if done.returncode == 0 else done.stdout + done.stderr


def _cache() -> Path:
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "stash-admission" / "bench"


def _key() -> str:
    """A name for these sources on this platform."""
    sources = sorted(
        path
        for path in MODULE.rglob("*")
        if path.suffix in (".go", ".mod", ".sum") and not path.name.endswith("_test.go")
    )
    digest = hashlib.sha256()
    for path in sources:
        digest.update(f"{path.relative_to(MODULE)}\0".encode() + path.read_bytes() + b"\0")
    return f"{platform.system()}-{platform.machine()}-{digest.hexdigest()[:16]}".lower()


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NAMES)


def _build(folder: Path) -> None:
    """Build beside the folder, then rename: a build cut short is never taken for a whole one."""
    go = _usable_go()
    say(f"building {', '.join(NAMES)} with Go: takes some minutes on two cores, once")
    shutil.rmtree(folder, ignore_errors=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{folder.name}.partial-", dir=folder.parent) as partial:
        command = [go, "build", "-mod=readonly", "-buildvcs=false", "-trimpath", "-o", f"{partial}/", "./cmd/..."]
        with tempfile.TemporaryFile("w+") as output:
            code = run_saying(command, output, "the peers", MODULE)
            output.seek(0)
            if code != 0:
                raise CannotBuild(f"{' '.join(command)} failed:\n{output.read()[-3000:].strip()}")
        finished = Path(partial, "done")
        finished.mkdir(mode=0o755)
        for name in NAMES:
            Path(partial, name).rename(finished / name)
        finished.rename(folder)
    say(f"built in {time.monotonic() - started:.0f} s")


def _usable_go() -> str:
    wanted = re.search(r"^go (\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    advice = f"the benchmarks need Go {wanted[1] if wanted else ''} or newer: https://go.dev/dl/"
    go = shutil.which("go")
    if go is None:
        raise CannotBuild(f"there is no `go` on PATH; {advice}")
    command = [go, "list", "-m"]  # reads the go.mod, so an older Go refuses, or fetches a newer one if it may
    answer = subprocess.run(  # noqa: S603  our own command
        command, cwd=MODULE, env=go_environment(), capture_output=True, text=True, check=False
    )
    if answer.returncode != 0:
        raise CannotBuild(f"{answer.stderr.strip()}; {advice}")
    return go


if __name__ == "__main__":
    try:
        for built in build().values():
            sys.stdout.write(f"{built}\n")
    except CannotBuild as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("interrupted; what is compiled so far is kept by Go and not compiled again")
