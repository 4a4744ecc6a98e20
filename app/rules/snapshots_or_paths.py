"""The rule `snapshots-or-paths`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.twin import RULES, Twin

TWIN = Twin(
    holds=(
        f"variables.members.all(m, {RULES}.all(r, size(r.?snapshots.orValue([])) == 0"
        " || size(r.?paths.orValue([])) == 0))"
    ),
    message="a restore rule has both snapshots and paths: keep one of them",
)


def snapshots_or_paths(restore: Restore) -> Iterator[Finding]:
    """Refuse a restore rule with both snapshots and paths.

    A snapshot is always restored whole. The operator would ignore the paths.

    Bad:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - {snapshots: [latest], paths: [/var/www/html]}

    Good:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - paths: [/var/www/html]
    """
    for _, rules in restore.rules:
        for rule in rules:
            if rule.body.get("snapshots") and rule.body.get("paths"):
                message = (
                    "the rule has both snapshots and paths: keep only snapshots to restore whole snapshots, "
                    "or only paths to restore these from the latest snapshot"
                )
                value = (rule.body["snapshots"], rule.body["paths"])
                yield Finding((*rule.path, "paths"), Reason.FORBIDDEN, message, value)
