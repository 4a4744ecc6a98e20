"""Whether a restore finds anything in a repository."""

import shlex
from itertools import islice

from app.domain.quoting import quoted
from app.domain.snapshot import History
from app.domain.writers import Reader

_MAX_NAMED = 3
_LATEST = "latest"
"""What restic takes for the newest snapshot of all."""


def nothing_found(reader: Reader, history: History) -> tuple[str, str] | None:
    """Why a restore finds nothing, and the command that shows what there is; None: it finds what it is to find."""
    if reader.snapshots:
        lost = [each for each in reader.snapshots if each != _LATEST and not history.has(each)]
        if not lost:
            return None
        named = ", ".join(map(quoted, lost[:_MAX_NAMED]))
        return f"there is no snapshot {named}: write one that `restic snapshots` lists", "restic snapshots"
    hosts = history.matching(reader.sources)
    if not hosts:
        names = ", ".join(quoted(each) for each in islice(history.hosts, _MAX_NAMED))
        advice = (
            f"write a host that has some as the sourceHost of a rule, such as {names}" if names else "back up first"
        )
        return f"there is no snapshot of host {quoted(str(reader.sources))}: {advice}", "restic snapshots"
    for path in reader.paths:
        if not any(path in paths for host in hosts for paths in history.hosts[host]):
            there = sorted({each for host in hosts for paths in history.hosts[host] for each in paths})
            names = ", ".join(map(quoted, there[:_MAX_NAMED]))
            what = f"no snapshot of host {quoted(str(reader.sources))} has the path {quoted(path)}: write {names}"
            return what, f"restic snapshots --host {shlex.quote(hosts[0])}"
    return None
