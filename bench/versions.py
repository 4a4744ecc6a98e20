"""What was measured, and what it is made of."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from proof import machine

_PACKAGES = ("fastapi", "pydantic", "orjson", "kopf", "jsonpatch")
_MODULES = ("sigs.k8s.io/controller-runtime", "k8s.io/apimachinery")


def facts(programs: Mapping[str, Path], binaries: Path | None) -> list[tuple[str, str]]:
    """The machine, and versions: of Python's side, and of the programs in Go."""
    found = [fact for fact in machine.facts(binaries) if fact[0] != "haproxy"]
    model = re.search(r"(?m)^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text())
    if model:
        found.insert(0, ("processor", model[1]))
    for name in _PACKAGES:
        try:
            found.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            found.append((name, "none"))
    return [*found, *_go(programs["controllerruntime"])]


def _go(program: Path) -> list[tuple[str, str]]:
    """What Go wrote into a program."""
    try:
        said = subprocess.run(  # noqa: S603  our own command
            ["go", "version", "-m", str(program)],  # noqa: S607
            capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return []
    version = re.search(r": go(\S+)", said)
    found = [("Go", version[1])] if version else []
    modules = ((name, re.search(rf"\t{re.escape(name)}\t(\S+)", said)) for name in _MODULES)
    return [*found, *((name, match[1]) for name, match in modules if match)]


def commit(checkout: Path = machine.ROOT) -> str:
    """The commit of a checkout, and whether something was changed since."""
    git = ["git", "-C", str(checkout)]
    measured = ["app", "bench", "certs", "schemas", ":!docs"]
    try:
        revision, changes = (
            subprocess.run([*git, *rest], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
            for rest in (
                ["rev-parse", "--short", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no", "--", *measured],
            )
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return revision + (" with changes" if changes else "")
