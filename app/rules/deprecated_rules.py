"""The warning `deprecated-rules`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.path import dotted


def deprecated_rules(restore: Restore) -> Iterator[Finding]:
    """Warn of restore rules outside the target.

    They still work: `move-rules` moves them. But the manifest should say what is stored. Without a target there is
    nowhere to move them, and they stay.

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
                "rules outside a target are deprecated; they stay only because there is no target to move them into"
            )
        elif place.conflict or not restore.subtree_valid(place.path, place.target.path):
            continue
        else:
            home = dotted((*place.target.path, "rules"))
            message = f"rules outside the target are deprecated and were moved: write them into {home}"
        yield Finding(place.path, Reason.FORBIDDEN, message)
