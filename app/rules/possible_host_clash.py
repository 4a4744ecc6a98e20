"""The warning `possible-host-clash`."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter

from app.domain.clashes import Clash, clashes
from app.domain.hosts import MAX_ALIAS_CHARS, possible_index_keys, possible_lookup_keys, possibly_disjoint
from app.domain.invoker import BackupBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions
from app.domain.twin import MOST_PAIRS, Twin

TWIN = Twin(
    holds=(
        f"size(variables.hosts) > {MOST_PAIRS} || variables.hosts.all(n, n.shape != 'node' || n.stem == ''"
        f" || size(n.stem) > {MAX_ALIAS_CHARS} || !variables.hosts.exists(h, h.stem.startsWith(n.stem + '-')"
        " || (h.shape == 'indexed' && h.stem == n.stem)))"
    ),
    message="two members could write under the same host, depending on the names of nodes",
    lacks=f"batches of more than {MOST_PAIRS} members.",
)


def possible_host_clash(batch: BackupBatch) -> Iterator[Finding]:
    """Warn about two members that write under the same host if a node has a certain name.

    The hosts of a DaemonSet are its alias, a dash and the name of a node. If the alias of another member starts with
    the DaemonSet's alias and a dash, both have the same host on a node whose name is the rest.

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
    suggestions = Suggestions(batch)
    for clash in clashes(batch, attrgetter("hosts"), possible_index_keys, possible_lookup_keys, possibly_disjoint):
        path, pair = (*clash.later_target.path, "alias"), (clash.first, clash.later)
        message = partial(_message, batch, clash, suggestions)
        yield Finding(path, Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)


def _message(batch: BackupBatch, clash: Clash, suggestions: Suggestions) -> str:
    label, first = batch.label(clash.later), batch.label(clash.first)
    mine, other = quoted(str(clash.later_target.hosts)), quoted(str(clash.first_target.hosts))
    return (
        f"{label} and {first} could write under the same host ({mine} and {other}), depending on node names: "
        f"give {label} an alias with another prefix, such as {quoted(suggestions.alias(clash.later_target))}"
    )
