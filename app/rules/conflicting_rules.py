"""The rule `conflicting-rules`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Finding, Reason
from app.domain.path import dotted
from app.domain.twin import Twin

TWIN = Twin(
    holds=(
        "variables.members.all(m, size(m.?rules.orValue([])) == 0 || size(m.?target.?rules.orValue([])) == 0"
        " || m.rules == m.target.rules)"
    ),
    message="restore rules in a deprecated place differ from those in the target: keep the ones you want in the target",
)


def conflicting_rules(restore: Restore) -> Iterator[Finding]:
    """Refuse restore rules in the deprecated place that differ from those in the target.

    Only one of the two lists can apply, and nothing says which one the user means.

    Bad:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - paths: [/var/www/html]
          rules:
          - snapshots: [latest]

    Good:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - snapshots: [latest]
    """
    for place in restore.deprecated:
        if place.conflict and place.target is not None:
            home = dotted((*place.target.path, "rules"))
            message = (
                f"these rules, which are in a deprecated place, differ from those in {home}: "
                f"keep the ones you want in {home}, and remove {dotted(place.path)}"
            )
            yield Finding(place.path, Reason.FORBIDDEN, message, (place.rules, place.kept))
