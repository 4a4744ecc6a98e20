"""The rule `batch-members`."""

from collections.abc import Iterator

from app.domain.invoker import Batch
from app.domain.outcome import Finding, Reason
from app.domain.twin import Twin

TWIN = Twin(
    holds="size(variables.members) > 0 && variables.members.all(m, has(m.target))",
    message="the batch has no members, or one of them has no target: name it in target.ref, or remove the member",
)


def batch_members(batch: Batch) -> Iterator[Finding]:
    """Refuse a batch without members, and a member without a target.

    There is nothing to back up or restore, and the operator would wait forever for it to complete.

    Bad:

        kind: BackupBatch
        spec:
          members:
          - task: {name: mysql-backup-8.0.14}

    Good:

        kind: BackupBatch
        spec:
          members:
          - task: {name: mysql-backup-8.0.14}
            target: {alias: db, ref: {apiVersion: appcatalog.appscode.com/v1alpha1, kind: AppBinding, name: mysql}}
    """
    if not batch.members:
        yield Finding(("spec", "members"), Reason.REQUIRED, "the batch has no members: add at least one, with a target")
    for member in batch.members:
        if member.target is None:
            message = f"members[{member.index}] has no target: name it in target.ref, or remove the member"
            yield Finding((*member.path, "target"), Reason.REQUIRED, message)
