"""The rule `valid-retention`."""

from collections.abc import Iterator

from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.retention import KEEPS
from app.domain.twin import Twin

TWIN = Twin(
    holds=(
        "variables.spec.?retentionPolicy.?name.orValue('') != ''"
        f" && {list(KEEPS)}.all(k, !(k in variables.spec.retentionPolicy) || variables.spec.retentionPolicy[k] >= 0)"
    ),
    message="the retention policy has no name, or one of its numbers is negative",
)


def valid_retention(backup: Backup) -> Iterator[Finding]:
    """Refuse a retention policy without a name, and a negative number of snapshots to keep.

    Restic fails on a negative number after each backup, and nothing is ever removed.

    Bad:

        kind: BackupConfiguration
        spec:
          retentionPolicy: {name: keep-last-5, keepLast: -5, prune: true}

    Good:

        kind: BackupConfiguration
        spec:
          retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}
    """
    policy = backup.spec.get("retentionPolicy") or {}
    path = ("spec", "retentionPolicy")
    if not policy.get("name"):
        message = "the retention policy has no name: write one in spec.retentionPolicy.name, such as keep-last-5"
        yield Finding((*path, "name"), Reason.REQUIRED, message)
    for keep in KEEPS:
        number = policy.get(keep)
        if number is not None and number < 0:
            message = f"{keep} is negative ({number}): write how many snapshots to keep, or remove the field"
            yield Finding((*path, keep), Reason.INVALID, message, number)
