"""The rule `alias-syntax`."""

from collections.abc import Iterator

from app.domain.invoker import Invoker, Restore
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.suggestion import LABEL_VALUE, valid_alias
from app.domain.twin import RESTORE, Twin

TWIN = Twin(
    holds=(
        f"{RESTORE} || !variables.restic || variables.targets.all(t, t.?alias.orValue('') == ''"
        f" || t.alias.matches('^{LABEL_VALUE.pattern}$'))"
    ),
    message="an alias is not a valid label value: write 1 to 63 letters, digits, '-', '_' or '.'",
    lacks="the warning for a restore.",
)


def alias_syntax(invoker: Invoker) -> Iterator[Finding]:
    """Refuse an alias that is not a valid Kubernetes label value.

    The operator uses the alias in labels and file names. A label value has 1 to 63 letters, digits, dashes, underscores
    and dots, and starts and ends with a letter or digit. For a restore this is only a warning, since a backup with
    such an alias may exist.

    Bad:

        kind: BackupConfiguration
        spec:
          target: {alias: my app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}

    Good:

        kind: BackupConfiguration
        spec:
          target: {alias: my-app, ref: {apiVersion: apps/v1, kind: Deployment, name: web}}
    """
    if invoker.snapshotter:
        return
    for target in invoker.targets:
        if target.alias is not None and not LABEL_VALUE.fullmatch(target.alias):
            better = valid_alias(target.alias) or valid_alias(target.name) or "app"
            message = (
                f"alias {quoted(target.alias)} is not a valid label value: write 1 to 63 letters, digits, '-', '_' or "
                f"'.', starting and ending with a letter or digit, such as {quoted(better)}"
            )
            yield Finding(
                (*target.path, "alias"),
                Reason.INVALID,
                message,
                target.alias,
                advisory=isinstance(invoker, Restore),
            )
