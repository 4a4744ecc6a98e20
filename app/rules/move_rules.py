"""The mutation `move-rules`."""

from collections.abc import Iterator

from app.domain.invoker import Restore
from app.domain.outcome import Edit


def move_rules(restore: Restore) -> Iterator[Edit]:
    """Move restore rules from their deprecated place into the target.

    Rules once stood beside the target: in `spec.rules` of a RestoreSession, in `members[].rules` of a RestoreBatch.
    They belong to one target, so they are written inside it. Rules that the target already has, word for word, are
    removed from the old place. If it has different ones nothing is moved, and `conflicting-rules` refuses the object:
    rules of the user are never dropped. Without a target they stay.

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
