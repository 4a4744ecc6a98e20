"""`check` on a repository: files with an object each, and very many that are none of ours."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.cores import pinned_to, server_core
from bench.result import Figures, Section, Table, number
from bench.setting import Setting
from testbed.child import dying_with_us

_OURS = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {{name: web{number}, namespace: demo}}
spec:
  repository: {{name: gcs-repo}}
  schedule: "0 3 * * *"
  retentionPolicy: {{name: keep-last-5, keepLast: 5, prune: true}}
  target: {{alias: app{number}, ref: {{apiVersion: apps/v1, kind: Deployment, name: web{number}}}}}
"""
_FOREIGN = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x{number}}}\ndata:\n" + "  key: {{{{ .Values.x }}}}\n" * 50
)
_IN_A_FOLDER = 100

_READ = """\
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            file.read()
"""
_HOW = """\
From start to end of the process, pinned to one core: `stash-admission check` of a folder, beside a program of five
lines that reads all of its files. Files of other things are templates that nobody can read as YAML, {bytes:,} bytes
each. Medians of {turns} runs of each, in turn; the first one, which fills the caches, is left out."""


def measure(setting: Setting) -> Section:
    """Check and read each folder, again and again."""
    ours, foreign = setting.scale.files
    folders = {
        "an empty folder": setting.room("files-none"),
        f"{ours:,} files with an object": _filled(setting.room("files-ours"), _OURS, ours),
        f"{foreign:,} files of other things": _filled(setting.room("files-foreign"), _FOREIGN, foreign),
    }
    figures, turns = Figures(), setting.scale.rounds
    for turn in range(turns + 1):
        setting.telling.at(f"files, run {turn} of {turns}", turn, turns + 1)
        for title, folder in folders.items():
            for what, command in (("check", ["-m", "app", "check"]), ("read", ["-c", _READ])):
                seconds = _run([sys.executable, *command, str(folder)], setting.source)
                if turn:
                    figures.setdefault(f"files/{what}/{title}", []).append(seconds)
    rows = [
        (title, *(number(statistics.median(figures[f"files/{what}/{title}"])) for what in ("check", "read")))
        for title in folders
    ]
    how = _HOW.format(bytes=len(_FOREIGN.format(number=0)), turns=turns)
    return Section("Files", how, [Table(("", "check, seconds", "reading alone"), rows)], figures=figures)


def _filled(folder: Path, content: str, count: int) -> Path:
    for number_ in range(count):
        inner = folder / f"{number_ // _IN_A_FOLDER}"
        inner.mkdir(exist_ok=True)
        (inner / f"{number_}.yaml").write_text(content.format(number=number_))
    return folder


def _run(command: list[str], source: Path) -> float:
    with pinned_to(server_core()):
        began = time.perf_counter()
        subprocess.run(  # noqa: S603  our own command
            dying_with_us(command), check=True, start_new_session=True, cwd=source, stdout=subprocess.DEVNULL
        )
        return time.perf_counter() - began
