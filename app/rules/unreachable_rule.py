"""The warning `unreachable-rule`."""

from collections.abc import Iterator

from app.domain.hosts import HOST_WITHOUT_TARGET
from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted


def unreachable_rule(restore: Restore) -> Iterator[Finding]:
    """Warn of a target host that the target never has.

    Target hosts are made of the alias, as a backup's hosts are. A rule for `host-3`, left over after the target got an
    alias, or for an ordinal that is not below `replicas`, restores nothing and says nothing.

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
                    f"no host of this target is called {quoted(host)}, so nothing is restored for it: "
                    f"write one of its hosts, {quoted(str(hosts))}{below}"
                )
                yield Finding(path, Reason.INVALID, message, host)
