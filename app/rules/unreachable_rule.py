"""The warning `unreachable-rule`."""

from collections.abc import Iterator

from app.domain.hosts import HOST_WITHOUT_TARGET
from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.twin import ORDINAL, RULES, Twin, hosts

_CAN_BE = (
    "(h.shape == 'literal' ? x == h.stem"
    " : h.shape == 'node' ? h.stem == '' || (x.startsWith(h.stem + '-') && x != h.stem + '-')"
    f" : x.matches({ORDINAL}) && x.substring(0, x.lastIndexOf('-')) == h.stem"
    " && (size(m.target.?volumeClaimTemplates.orValue([])) == 0 || !has(m.target.replicas)"
    " || [x.substring(x.lastIndexOf('-') + 1)].all(o, size(o) <= 10 && int(o) < m.target.replicas)))"
)
TWIN = Twin(
    holds=(
        f"!variables.restic || variables.members.all(m, [has(m.target) ? {hosts('m.target')}"
        f" : {{'shape': '{HOST_WITHOUT_TARGET.shape.value}', 'stem': '{HOST_WITHOUT_TARGET.stem}'}}].all(h,"
        f" {RULES}.all(r, r.?targetHosts.orValue([]).all(x, {_CAN_BE}))))"
    ),
    message="a restore rule names a target host that its target never has, so nothing is restored for it",
)


def unreachable_rule(restore: Restore) -> Iterator[Finding]:
    """Warn about a target host that the target never has.

    Target hosts are made from the alias, like the hosts of a backup. A rule for `host-3` that was left over when the
    target got an alias, or for an ordinal that is not below `replicas`, silently restores nothing.

    Bad:

        kind: RestoreSession
        spec:
          target:
            alias: db
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}
            rules:
            - {targetHosts: [host-3], sourceHost: db-0}

    Good:

        kind: RestoreSession
        spec:
          target:
            alias: db
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}
            rules:
            - {targetHosts: [db-3], sourceHost: db-0}
    """
    if restore.snapshotter:
        return
    for target, rules in restore.rules:
        hosts = HOST_WITHOUT_TARGET if target is None else target.hosts
        if hosts is None:
            continue
        replicas = target.replicas if target is not None else None
        below = f" with an ordinal below {replicas}" if replicas is not None else ""
        for path, host in (named for rule in rules for named in rule.hosts):
            if not hosts.can_be(host, replicas):
                message = (
                    f"this target has no host {quoted(host)}, so nothing is restored for it: "
                    f"write one of its hosts, {quoted(str(hosts))}{below}"
                )
                yield Finding(path, Reason.INVALID, message, host)
