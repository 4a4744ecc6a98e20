"""The mutation `default-alias`."""

from collections.abc import Iterator
from typing import Literal

from app.domain.invoker import Invoker
from app.domain.outcome import Edit
from app.domain.twin import PATH, Rewriting, hosts

_SAME = "m.?target.?ref.?{0}.orValue({1}) == o.?target.?ref.?{0}.orValue({1})"
_SAME_REF = " && ".join(
    _SAME.format(*each) for each in (("kind", "''"), ("name", "''"), ("namespace", "request.namespace"))
)
TWIN = Rewriting(
    patch=(
        "variables.members.transformList(i, m, variables.restic && has(m.target) && m.target.?alias.orValue('') == ''"
        f" && {hosts('m.target')}.stem != ''"
        " && !variables.stored_members.exists(o, has(o.target) && o.target.?alias.orValue('') == ''"
        f" && {_SAME_REF}),"
        f" JSONPatch{{op: 'add', path: {PATH} + '/target/alias', value: {hosts('m.target')}.stem}})"
    ),
    lacks=(
        "on an update, members with one ref, or without any, are not told apart: if one of them is stored without an "
        "alias, none gets one."
    ),
)


def default_alias(invoker: Invoker) -> Iterator[Edit]:
    """Give a target without an alias the one that reproduces its legacy host.

    Before there were aliases, a target's host in restic depended on its kind: `host-0`, or `host-0`, `host-1`, … for
    the pods of a StatefulSet. An object without an alias still uses that host. This rule writes the alias that
    reproduces it, `host-0`, or `host` for a StatefulSet, so that the object says what it does.

    A DaemonSet's legacy hosts are bare node names, which no alias can reproduce: it gets none (`daemonset-alias`
    warns). Neither does a target that had none in the stored object: it keeps its legacy host, and adding the alias
    would restart the pods of the workload.

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
