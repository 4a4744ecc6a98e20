"""The rule `unique-alias`."""

from collections.abc import Iterator
from functools import partial
from operator import attrgetter

from app.domain.clashes import Clash, clashes
from app.domain.hosts import LEGACY_ALIAS
from app.domain.invoker import Batch, RestoreBatch
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import Suggestions
from app.domain.twin import Twin, all_differ, pairs_differ

TWIN = Twin(
    holds=all_differ("variables.aliases"),
    without_maps=pairs_differ("variables.aliases"),
    message="two members have the same alias, so their data would mix: give each member an alias of its own",
    judges="variables.aliases",
)


def unique_alias(batch: Batch) -> Iterator[Finding]:
    """Refuse two members of a batch with the same alias.

    The alias is what keeps the members' data apart in one repository. Two members with the same alias mix their
    snapshots: retention deletes the wrong ones, and a restore brings back the other member's data. A member without an
    alias counts as having the one that `default-alias` would give it.

    To restore one backup into two targets of a RestoreBatch, give each target its own alias and set `sourceHost` in its
    rules to the backup's host, or set the level of this rule to `warn`.

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
    suggestions = Suggestions(batch)
    for clash in clashes(batch, attrgetter("effective_alias")):
        path, pair = (*clash.later_target.path, "alias"), (clash.first, clash.later)
        message = partial(_message, batch, clash, suggestions)
        yield Finding(path, Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)


def _message(batch: Batch, clash: Clash, suggestions: Suggestions) -> str:
    target, label = clash.later_target, batch.label(clash.later)
    default = " (the default of a target without one)" if target.effective_alias == LEGACY_ALIAS[target.shape] else ""
    message = (
        f"{label} and {batch.label(clash.first)} have the same alias {quoted(target.effective_alias)}{default}, "
        f"so their data would mix: give {label} another alias, such as {quoted(suggestions.alias(target))}"
    )
    if isinstance(batch, RestoreBatch):
        message += ", and if no backup has that alias, set sourceHost in its rules to the host to restore from"
    return message
