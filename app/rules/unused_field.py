"""The warning `unused-field`."""

from collections.abc import Iterator

from app.domain.invoker import Backup, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.twin import RESTORE, Twin

TWIN = Twin(
    holds=(
        "variables.targets.all(t, variables.restic"
        f" ? {RESTORE} || t.?snapshotClassName.orValue('') == '' : t.?alias.orValue('') == '')"
    ),
    message="the driver ignores a field: Restic snapshotClassName, VolumeSnapshotter alias",
)


def unused_field(invoker: Invoker) -> Iterator[Finding]:
    """Warn about a field that the driver ignores.

    Driver Restic ignores `snapshotClassName`, and driver VolumeSnapshotter ignores `alias`.

    Bad:

        kind: BackupConfiguration
        spec:
          driver: VolumeSnapshotter
          repository: null
          target: {alias: data, ref: {apiVersion: v1, kind: PersistentVolumeClaim, name: data}}

    Good:

        kind: BackupConfiguration
        spec:
          driver: VolumeSnapshotter
          repository: null
          target:
            ref: {apiVersion: v1, kind: PersistentVolumeClaim, name: data}
            snapshotClassName: csi-snapshots
    """
    if invoker.snapshotter:
        field, driver = "alias", "VolumeSnapshotter"
    elif isinstance(invoker, Backup) and invoker.driver_known:
        field, driver = "snapshotClassName", "Restic"
    else:
        return
    for target in invoker.targets:
        value = target.body.get(field)
        if value:
            message = f"driver {driver} ignores {field}: remove it"
            yield Finding((*target.path, field), Reason.FORBIDDEN, message, value)
