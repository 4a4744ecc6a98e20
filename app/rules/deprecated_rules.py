"""The warning `deprecated-rules`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.path import dotted
from app.domain.twin import NoTwin

TWIN = NoTwin("A policy sees the rules only after they have been moved, and a policy that changes cannot warn.")


def deprecated_rules(restore: Restore) -> Iterator[Finding]:
    """Warn about restore rules outside the target.

    They still work, since `move-rules` moves them, but the manifest should match what is stored. Without a target
    there is nowhere to move them, and they stay.

    Bad:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
          rules:
          - paths: [/var/www/html]

    Good:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - paths: [/var/www/html]
    """
    for place in restore.deprecated:
        if place.target is None:
            message = (
                "rules outside a target are deprecated, and there is no target to move them into: "
                "add a target, and write them in its rules"
            )
        elif place.conflict or not restore.subtree_valid(place.path, place.target.path):
            continue
        else:
            home = dotted((*place.target.path, "rules"))
            message = f"rules outside the target are deprecated and were moved: write them in {home}"
        yield Finding(place.path, Reason.FORBIDDEN, message)
