"""The rule `unique-host`."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter

from app.domain.clashes import Clash, clashes
from app.domain.hosts import Shape, certain_index_keys, certain_lookup_keys, certainly_disjoint
from app.domain.invoker import BackupBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions
from app.domain.twin import MOST_PAIRS, Twin, keys

_HOSTS = "variables.backup_hosts"
# `i2:db/` and `i2:db/0`: one host of a StatefulSet is that of another target.
_PAIRS = f"{_HOSTS}.all(a, {_HOSTS}.exists_one(b, a == b || (b.startsWith(a) && a.startsWith('i') && a.endsWith('/'))))"
_OF_NONE = "!h.startsWith('i') || h.endsWith('/') || !(h.substring(0, h.lastIndexOf('/') + 1) in m)"
TWIN = Twin(
    holds=f"size({_HOSTS}) <= {MOST_PAIRS} ? {_PAIRS} : [{keys(_HOSTS)}].all(m, {_HOSTS}.all(h, {_OF_NONE}))",
    without_maps=f"size({_HOSTS}) <= {MOST_PAIRS} && {_PAIRS}",
    message="two members write under the same host, so their data would mix: give each member an alias of its own",
    judges=_HOSTS,
)


def unique_host(batch: BackupBatch) -> Iterator[Finding]:
    """Refuse two members of a BackupBatch that write under the same host.

    Hosts are made from aliases, and different aliases can make the same host: a StatefulSet with alias `db` writes
    under `db-0`, `db-1` and so on, and a Deployment with alias `db-0` writes under `db-0` too. Without aliases, a
    Deployment and a StatefulSet both write under `host-0`.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: db, ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}}
          - target: {alias: db-0, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: db, ref: {apiVersion: apps/v1, kind: StatefulSet, name: db}}
          - target: {alias: web, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    suggestions = Suggestions(batch)
    for clash in clashes(batch, attrgetter("hosts"), certain_index_keys, certain_lookup_keys, certainly_disjoint):
        path, pair = (*clash.later_target.path, "alias"), (clash.first, clash.later)
        message = partial(_message, batch, clash, suggestions)
        yield Finding(path, Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)


def _message(batch: BackupBatch, clash: Clash, suggestions: Suggestions) -> str:
    target, label = clash.later_target, batch.label(clash.later)
    shared = clash.first_target.hosts if clash.first_target.shape is Shape.LITERAL else target.hosts
    return (
        f"{label} and {batch.label(clash.first)} both write under host {quoted(str(shared))}, "
        f"so their data would mix: give {label} another alias, such as {quoted(suggestions.alias(target))}"
    )
