"""The rule `unique-alias`."""

from collections.abc import Iterator
from operator import attrgetter

from app.domain.clashes import clashes
from app.domain.hosts import LEGACY_ALIAS
from app.domain.invoker import Batch, RestoreBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions


def unique_alias(batch: Batch) -> Iterator[Finding]:
    """Refuse two members of a batch with the same alias.

    The alias is what keeps the members' data apart in one repository. Two members with one alias mix their snapshots:
    retention deletes the wrong ones, and a restore brings back the other member's data. A member without alias counts
    with the one that `default-alias` gives it.

    To restore one backup into two targets of a RestoreBatch, give each its own alias and name the backup's host in the
    `sourceHost` of its rule, or set this rule to `warn`.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
          - target: {alias: app, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}

    Good:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: web, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
          - target: {alias: shop, ref: {apiVersion: apps/v1, kind: Deployment, name: shop}}
    """
    suggestions = None
    for clash in clashes(batch, attrgetter("effective_alias")):
        target, label = clash.later_target, batch.label(clash.later)
        suggestions = suggestions or Suggestions(batch)
        default = ", which a target without alias gets" if target.effective_alias == LEGACY_ALIAS[target.shape] else ""
        message = (
            f"{label} and {batch.label(clash.first)} have the same alias {quoted(target.effective_alias)}{default}, "
            f"so their data would mix: give {label} an alias of its own, such as {quoted(suggestions.alias(target))}"
        )
        if isinstance(batch, RestoreBatch):
            message += ", and if it has no backup of that name, say in its rule which sourceHost it is restored from"
        pair = (clash.first, clash.later)
        yield Finding((*target.path, "alias"), Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)
