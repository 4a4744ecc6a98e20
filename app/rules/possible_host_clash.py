"""The warning `possible-host-clash`."""

from collections.abc import Iterator
from operator import attrgetter

from app.domain.clashes import clashes
from app.domain.hosts import possible_index_keys, possible_lookup_keys, possibly_disjoint
from app.domain.invoker import BackupBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions


def possible_host_clash(batch: BackupBatch) -> Iterator[Finding]:
    """Warn of two members that write under the same host if a node has a certain name.

    The hosts of a DaemonSet are its alias, a dash and the name of a node. A member whose alias begins with the
    DaemonSet's alias and a dash has the same host on the node that is called like the rest.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: log, ref: {apiVersion: apps/v1, kind: DaemonSet, name: collector}}
          - target: {alias: log-store, ref: {apiVersion: apps/v1, kind: Deployment, name: store}}

    Good:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: log, ref: {apiVersion: apps/v1, kind: DaemonSet, name: collector}}
          - target: {alias: store, ref: {apiVersion: apps/v1, kind: Deployment, name: store}}
    """
    suggestions = None
    for clash in clashes(batch, attrgetter("hosts"), possible_index_keys, possible_lookup_keys, possibly_disjoint):
        suggestions = suggestions or Suggestions(batch)
        label, first = batch.label(clash.later), batch.label(clash.first)
        mine, other = quoted(str(clash.later_target.hosts)), quoted(str(clash.first_target.hosts))
        message = (
            f"{label} and {first} could write under one host, {mine} and {other}, if a node is called so: "
            f"give {label} an alias that does not begin so, such as {quoted(suggestions.alias(clash.later_target))}"
        )
        path = (*clash.later_target.path, "alias")
        pair = (clash.first, clash.later)
        yield Finding(path, Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)
