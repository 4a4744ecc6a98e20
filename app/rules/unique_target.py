"""The rule `unique-target`."""

from collections.abc import Iterator
from operator import attrgetter

from app.domain.clashes import clashes
from app.domain.invoker import Batch
from app.domain.outcome import Finding, Reason


def unique_target(batch: Batch) -> Iterator[Finding]:
    """Refuse two members of a batch with the same target.

    The operator tracks the status of members by their target, so such a batch never completes. Targets are the same if
    their kind, namespace and name are; an empty namespace means the object's own.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: html, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/www]}
          - target: {alias: logs, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/log]}

    Good:

        kind: BackupBatch
        spec:
          members:
          - target: {alias: web, ref: {apiVersion: apps/v1, kind: Deployment, name: web}, paths: [/var/www, /var/log]}
    """
    for clash in clashes(batch, attrgetter("identity")):
        label, first = batch.label(clash.later), batch.label(clash.first)
        message = (
            f"{label} has the same target as {first}, and the operator cannot tell them apart: "
            f"merge members[{clash.later}] into members[{clash.first}]"
        )
        target = clash.later_target
        pair = (clash.first, clash.later)
        yield Finding((*target.path, "ref"), Reason.DUPLICATE, message, pair=pair, preexisting=clash.preexisting)
