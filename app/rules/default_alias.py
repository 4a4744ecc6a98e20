"""The mutation `default-alias`."""

from collections.abc import Iterator
from typing import Literal

from app.domain.invoker import Invoker
from app.domain.outcome import Edit


def default_alias(invoker: Invoker) -> Iterator[Edit]:
    """Give a target without alias the one that makes its legacy host.

    Before there were aliases, a target's host in restic came from its kind: `host-0`, or `host-0`, `host-1`, … for the
    pods of a StatefulSet. An object without alias still means that host. The alias that makes it is written into the
    object, so that what it does can be read from it: `host-0`, or `host` for a StatefulSet.

    A DaemonSet's legacy hosts are bare node names, which no alias makes: it stays without (`daemonset-alias` warns).
    So does a target that had none in the stored object: it goes on meaning its legacy host, and writing the alias
    would restart the workload's sidecars.

    Before:

        kind: BackupConfiguration
        spec:
          target:
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}

    After:

        kind: BackupConfiguration
        spec:
          target:
            alias: host
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}
    """
    for member in invoker.members:
        target = member.target
        if target is None or target.alias is not None or target.effective_alias is None:
            continue
        stored = invoker.stored_target(member.index)
        if stored is None or stored.alias is not None:
            op: Literal["add", "replace"] = "replace" if "alias" in target.body else "add"
            yield Edit(op, (*target.path, "alias"), target.effective_alias)
