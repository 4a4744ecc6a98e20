"""From the start of a process to its first answer over TLS."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench.cores import load_core, pinned_to, server_core
from bench.result import Figures, Section, Table, number
from bench.servers import SUBJECTS, Server, Subject
from bench.setting import Setting
from bench.throughput import spread_of
from testbed.child import dying_with_us

_IMPORT = "import fastapi, uvicorn"
_EVERY = 0.003
"""Seconds between two attempts to get an answer."""

_HOW = """\
From the start of the process, pinned to one core, to the end of its first answer to a review over TLS, which a client
on another core tries to get every {every:g} ms; beside it `python -c '{imports}'`, from start to end. Medians of
{starts} starts of each, in turn."""


def measure(setting: Setting) -> Section:
    """Start everything, again and again."""
    folder, figures = setting.room("start"), Figures()
    for turn in range(setting.scale.starts + 1):  # the first fills the caches of files
        setting.telling.at(f"start {turn} of {setting.scale.starts}", turn, setting.scale.starts + 1)
        for subject in (None, *SUBJECTS):
            seconds = _imported() if subject is None else _started(setting, subject, folder)
            if turn:
                figures.setdefault(f"start/{subject.key if subject else 'import'}", []).append(seconds)
    titles = {"import": f"`python -c '{_IMPORT}'`", **{each.key: each.title for each in SUBJECTS}}
    least = statistics.median(figures["start/import"])
    rows = [
        (
            title,
            number(value := statistics.median(figures[f"start/{key}"])),
            _spread(figures, key),
            f"{value / least:.2f}",
        )
        for key, title in titles.items()
    ]
    how = _HOW.format(every=_EVERY * 1000, imports=_IMPORT, starts=setting.scale.starts)
    return Section("Start", how, [Table(("", "seconds", "±", "against the import"), rows)], figures=figures)


def _started(setting: Setting, subject: Subject, folder: Path) -> float:
    with pinned_to(server_core()):
        began = time.perf_counter()
        server = Server(subject, setting.programs, setting.certificates, folder)
    try:
        with pinned_to(load_core()):
            server.wait_until_answering(every=_EVERY)
        return time.perf_counter() - began
    finally:
        server.stop(grace=0)


def _imported() -> float:
    with pinned_to(server_core()):
        began = time.perf_counter()
        # By way of the same program that starts the servers, which costs each of them the same.
        command = dying_with_us([sys.executable, "-c", _IMPORT])
        subprocess.run(command, check=True, start_new_session=True)  # noqa: S603  our own command
        return time.perf_counter() - began


def _spread(figures: Figures, key: str) -> str:
    return f"{spread_of(figures[f'start/{key}']):.0%}"
