"""Resident memory after the start, and after many calls."""

from __future__ import annotations

import time

from bench.load import WEBHOOKS, Cell, Load
from bench.result import Section, Table, number
from bench.servers import CONTROLLER_RUNTIME, NET_HTTP, OURS, serving
from bench.setting import Setting

_MIXTURE = {2: 0.94, 50: 0.05, 500: 0.01}
"""Which part of the calls has how many members."""

_PAUSE = 3.0
"""Seconds after the last call until the memory is looked at: what a server keeps only while it is busy is no growth."""

_HOW = """\
Resident memory in MB (10^6 bytes), as /proc has it: when a server answers, and {pause:g} s after the last of {calls:,}
calls on 8 connections, half to /mutate and half to /validate, {mixture}. "Peak" is the most that it ever was."""


def measure(setting: Setting) -> Section:
    """Look, call, look again."""
    folder, load, calls = setting.room("memory"), Load(setting.programs), setting.scale.calls
    mixture = ", ".join(f"{part:.0%} with {members} members" for members, part in _MIXTURE.items())
    section = Section("Memory", _HOW.format(calls=calls, mixture=mixture, pause=_PAUSE))
    subjects = (OURS, CONTROLLER_RUNTIME, NET_HTTP) if setting.scale.peers else (OURS,)
    rows = []
    with serving(subjects, setting.programs, setting.certificates, folder) as servers:
        for server in servers:
            key = server.subject.key
            start = server.memory()
            for members, part in _MIXTURE.items():
                for webhook in WEBHOOKS:
                    setting.telling.at(f"{server.subject.title}, {webhook}, {members} members")
                    load(server, Cell(webhook, members, 8), calls=max(round(calls * part / 2), 8))
            time.sleep(_PAUSE)
            end = server.memory()
            section.figures |= {f"memory/start/{key}": [start], f"memory/end/{key}": [end]}
            shown = (start, end, server.memory("VmHWM"))
            rows.append((server.subject.title, *map(number, shown), f"{end / start - 1:+.0%}"))
    section.tables.append(Table(("", "at the start", f"after {calls:,} calls", "peak", "more"), rows))
    return section
