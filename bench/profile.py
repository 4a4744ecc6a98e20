"""Where each microsecond of a call goes: py-spy looks at the running server, hundreds of times a second."""

from __future__ import annotations

import json
import linecache
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.load import Cell, Load
from bench.result import Section, Table, number
from bench.servers import OURS, ROOT, Server, serving
from bench.setting import Setting
from testbed.child import dying_with_us

BEFORE = ROOT / "docs" / "benchmarks" / "profile-before.json"
CELLS = (Cell("mutate", 2, 8), Cell("validate", 2, 8), Cell("mutate", 50, 8), Cell("validate", 50, 8))
_PER_SECOND = 250

LAYERS: tuple[tuple[str, str], ...] = (
    ("metrics", r"prometheus_client"),
    ("log line", r"structlog|/logging/|app/log\.py"),
    ("telemetry, around both", r"app/telemetry\.py"),
    ("the answer's bytes", r"app/answer\.py|app/domain/quoting\.py"),
    ("rules", r"app/rules/|app/domain/(?!reading)"),
    ("JSON and the envelope", r"app/review\.py"),
    ("model check", r"app/domain/reading\.py|schemas/|pydantic"),
    ("decision, around the rules", r"app/(admission|catalogue|inventory|knowledge|levels|selection)"),
    ("this server's HTTP", r"app/(?!serving|cli|__main__)"),
    ("FastAPI and Starlette", r"fastapi|starlette"),
    ("uvicorn", r"uvicorn"),
)
"""Layers by the files of their frames; of a stack, the frame nearest to its end that belongs to one counts."""
LINES: tuple[tuple[str, str], ...] = (
    ("sending: TLS and socket", r"transport\.write\("),
    ("parsing HTTP", r"parser\.feed_data\("),
)
"""Layers by what the innermost line says: calls into C that nobody would look for under its file."""
TLS = "TLS", "/ssl.py"
LOOP = "event loop, and receiving"

_HOW = """\
py-spy looks {often} times a second for {seconds:g} s at the server's process while 8 connections keep it busy. A look
counts for the layer that the innermost frame of Python belongs to, and what extensions in C do is their caller's. What
no frame of this server, of its libraries or of Python's TLS asked for is the event loop's: uvloop, which is written in
C, with the system calls that receive. The shares are of the CPU time of a call, measured just before, without py-spy.
µs."""


class NoProfile(RuntimeError):
    """py-spy could not look. The message says why."""


def measure(setting: Setting) -> Section:
    """Profile the server, and show it beside the profile that was kept of before."""
    how = _HOW.format(often=_PER_SECOND, seconds=setting.scale.profile)
    section = Section("Where the time goes", how)
    try:
        now = profiles(setting)
    except NoProfile as none:
        section.remarks.append(f"There is no profile in this run: {none}.")
        return section
    section.tables.append(_table("now", now))
    if BEFORE.exists():
        kept = json.loads(BEFORE.read_text())
        section.tables.append(_table(f"before ({kept['commit']})", kept["layers"]))
        section.remarks.append("The second table is of the commit that it names, measured in another run.")
    return section


def profiles(setting: Setting) -> dict[str, dict[str, float]]:
    """Microseconds of a call by cell and layer. Raises NoProfile."""
    folder, load = setting.room("profile"), Load(setting.programs)
    found = {}
    with serving((OURS,), setting.programs, setting.certificates, folder, source=setting.source) as (server,):
        for cell in CELLS:
            setting.telling.at(f"profile of {cell.name}")
            cpu = load(server, cell, seconds=max(setting.scale.seconds, 0.5), warmup=0.1).cpu
            stacks = _recorded(setting, server, load, cell, folder / f"{cell.name.replace('/', '-')}.txt")
            counts = layers(stacks)
            found[cell.name] = {layer: cpu * count / counts.total() for layer, count in counts.most_common()}
    return found


def keep(commit: str, found: dict[str, dict[str, float]]) -> None:
    """Keep a profile as the one of before."""
    rounded = {cell: {layer: round(each, 1) for layer, each in of.items()} for cell, of in found.items()}
    BEFORE.parent.mkdir(exist_ok=True)
    BEFORE.write_text(json.dumps({"commit": commit, "layers": rounded}, indent=2) + "\n")


def _recorded(setting: Setting, server: Server, load: Load, cell: Cell, into: Path) -> list[str]:
    """Stacks, as py-spy writes them: frames from the outermost, and how often."""
    program = Path(sys.executable).with_name("py-spy")
    command = [str(program), "record", "--pid", str(server.pid), "--duration", f"{setting.scale.profile:.0f}"]
    command += ["--rate", str(_PER_SECOND), "--format", "raw", "--full-filenames", "--output", str(into)]
    try:
        recording = subprocess.Popen(  # noqa: S603  our own command
            dying_with_us(command), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )
    except OSError as error:
        raise NoProfile(f"py-spy cannot be started: {error.strerror}") from None
    try:
        load(server, cell, seconds=setting.scale.profile + 1)
        said, _ = recording.communicate(timeout=setting.scale.profile + 30)
    finally:
        recording.kill()
        recording.wait()
    if recording.returncode != 0 or not into.exists():
        raise NoProfile(f"py-spy said {(said.strip().splitlines() or ['nothing'])[-1]!r}")
    return into.read_text().splitlines()


def layers(stacks: Iterable[str]) -> Counter[str]:
    """How often each layer was seen. Raises NoProfile if nothing was."""
    counts: Counter[str] = Counter()
    for stack in stacks:
        frames, _, count = stack.rpartition(" ")
        counts[_layer(frames.split(";"))] += int(count)
    if not counts:
        raise NoProfile("py-spy saw nothing")
    return counts


def _layer(frames: list[str]) -> str:
    line = _line(frames[-1])
    for name, pattern in LINES:
        if re.search(pattern, line):
            return name
    for frame in reversed(frames):
        if TLS[1] in frame:
            return TLS[0]
        for name, pattern in LAYERS:
            if re.search(pattern, frame):
                return name
    return LOOP


def _line(frame: str) -> str:
    """The source of a frame such as `function (/path/to/file.py:12)`; empty where it is not known."""
    found = re.search(r"\((/.*):(\d+)\)$", frame)
    return linecache.getline(found[1], int(found[2])) if found else ""


def _table(when: str, found: dict[str, dict[str, Any]]) -> Table:
    names = sorted(
        {layer for of in found.values() for layer in of},
        key=lambda each: -sum(of.get(each, 0) for of in found.values()),
    )
    rows = [(name, *(number(of.get(name, 0)) for of in found.values())) for name in names]
    rows.append(("all", *(number(sum(of.values())) for of in found.values())))
    cells = [name.split("/") for name in found]
    return Table((when, *(f"/{webhook}, {members} members" for webhook, members, _ in cells)), rows)
