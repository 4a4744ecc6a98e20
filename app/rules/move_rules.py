"""The mutation `move-rules`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Edit
from app.domain.twin import PATH, Rewriting

TWIN = Rewriting(
    patch=(
        "variables.members.transformList(i, m, has(m.rules) && has(m.target) && (size(m.rules) == 0"
        " || size(m.target.?rules.orValue([])) == 0 || m.rules == m.target.rules),"
        " !has(m.target.rules) || (size(m.rules) > 0 && size(m.target.rules) == 0)"
        f" ? JSONPatch{{op: 'move', from: {PATH} + '/rules', path: {PATH} + '/target/rules'}}"
        f" : JSONPatch{{op: 'remove', path: {PATH} + '/rules'}})"
    ),
)


def move_rules(restore: Restore) -> Iterator[Edit]:
    """Move restore rules from their deprecated place into the target.

    Rules used to be next to the target: in `spec.rules` of a RestoreSession, in `members[].rules` of a RestoreBatch.
    They belong to one target, so they are moved inside it. If the target already has exactly the same rules, those in
    the old place are removed. If it has different ones, nothing is moved, and `conflicting-rules` refuses the object:
    a user's rules are never dropped. Without a target they stay.

    Before:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
          rules:
          - paths: [/var/www/html]

    After:

        kind: RestoreSession
        spec:
          target:
            alias: app
            ref: {apiVersion: apps/v1, kind: Deployment, name: web}
            rules:
            - paths: [/var/www/html]
    """
    for place in restore.deprecated:
        if place.target is None or place.conflict or not restore.subtree_valid(place.path, place.target.path):
            continue
        if place.kept is None or (place.rules and not place.kept):
            yield Edit("move", (*place.target.path, "rules"), source=place.path)
        else:
            yield Edit("remove", place.path)
