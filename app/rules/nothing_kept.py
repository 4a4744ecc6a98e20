"""The warning `nothing-kept`."""

from collections.abc import Iterator

from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.retention import KEEPS, keeps_nothing
from app.domain.twin import Twin

TWIN = Twin(
    holds=(
        f"!has(variables.spec.retentionPolicy) || {list(KEEPS)}.exists(k, k in variables.spec.retentionPolicy"
        " && variables.spec.retentionPolicy[k] != 0) || size(variables.spec.retentionPolicy.?keepTags.orValue([])) > 0"
    ),
    message="the retention policy does not say what to keep, so no snapshot is ever removed",
)


def nothing_kept(backup: Backup) -> Iterator[Finding]:
    """Warn about a retention policy that does not say what to keep.

    Restic then removes nothing, and the repository grows forever.

    Bad:

        kind: BackupConfiguration
        spec:
          retentionPolicy: {name: default, prune: true}

    Good:

        kind: BackupConfiguration
        spec:
          retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}
    """
    policy, path = backup.spec.get("retentionPolicy"), ("spec", "retentionPolicy")
    if (
        policy is not None
        and keeps_nothing(policy)
        and backup.subtree_valid(*((*path, keep) for keep in (*KEEPS, "keepTags")))
    ):
        message = (
            "the retention policy does not say what to keep, so no snapshot is ever removed: "
            "write keepLast or another keep field"
        )
        yield Finding(path, Reason.REQUIRED, message)
