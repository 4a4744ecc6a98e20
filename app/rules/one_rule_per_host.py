"""The rule `one-rule-per-host`."""

from collections.abc import Iterator
from functools import partial

from app.domain.invoker import Restore, RestoreRule
from app.domain.outcome import Finding, Reason
from app.domain.path import Path, dotted
from app.domain.quoting import quoted
from app.domain.twin import RULES, Twin

_GENERAL = "rs.filter(r, size(r.?targetHosts.orValue([])) == 0).size() <= 1"
TWIN = Twin(
    holds=(
        f"!variables.restic || variables.members.all(m, [{RULES}].all(rs, {_GENERAL}"
        " && rs.all(r, r.?targetHosts.orValue([]).all(h,"
        " rs.map(q, q.?targetHosts.orValue([]).filter(g, g == h).size()).sum() == 1))))"
    ),
    message="a target host is named twice, or two rules have no target hosts: write one rule for each host",
)


def one_rule_per_host(restore: Restore) -> Iterator[Finding]:
    """Refuse a target host that is named twice, and more than one rule without target hosts.

    Each host is restored by one rule. With two rules for one host, or two rules for all other hosts, it would be left
    to chance which one applies.

    Bad:

        kind: RestoreSession
        spec:
          target:
            alias: db
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}
            rules:
            - {targetHosts: [db-0, db-1], sourceHost: db-0}
            - {targetHosts: [db-1], sourceHost: db-1}

    Good:

        kind: RestoreSession
        spec:
          target:
            alias: db
            ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}
            rules:
            - {targetHosts: [db-0, db-1], sourceHost: db-0}
            - paths: [/var/lib/db]
    """
    if restore.snapshotter:
        return
    for _, rules in restore.rules:
        yield from _named_twice(rules)
        yield from _for_all_others_twice(restore, rules)


def _named_twice(rules: list[RestoreRule]) -> Iterator[Finding]:
    first: dict[str, Path] = {}
    for rule in rules:
        for path, host in rule.hosts:
            if host in first:
                yield Finding(path, Reason.DUPLICATE, partial(_already, host, first[host]), host)
            else:
                first[host] = path


def _already(host: str, first: Path) -> str:
    return f"host {quoted(host)} is already in {dotted(first)}: name it only once"


def _for_all_others_twice(restore: Restore, rules: list[RestoreRule]) -> Iterator[Finding]:
    general = [rule for rule in rules if not rule.hosts and restore.subtree_valid((*rule.path, "targetHosts"))]
    for rule in general[1:]:
        message = (
            f"{dotted(general[0].path)} already applies to every host that no rule names: "
            f"write the target hosts of {dotted(rule.path)}, or remove one of the two rules"
        )
        yield Finding((*rule.path, "targetHosts"), Reason.DUPLICATE, message)
