"""The rule `hook-action`."""

from collections.abc import Iterator
from typing import Any

from app.domain.invoker import Backup, Batch, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.path import Path
from app.domain.twin import BATCH, RESTORE, Twin

_ACTIONS = ("exec", "httpGet", "httpPost", "tcpSocket")

TWIN = Twin(
    holds=(
        f"(variables.members + ({BATCH} ? [variables.spec] : [])).all(h, ({RESTORE}"
        " ? [h.?hooks.?preRestore, h.?hooks.?postRestore] : [h.?hooks.?preBackup, h.?hooks.?postBackup])"
        f".all(o, !o.hasValue() || {list(_ACTIONS)}.exists_one(a, a in o.value())))"
    ),
    message="a hook has no action, or several: write exactly one of exec, httpGet, httpPost and tcpSocket",
)


def hook_action(invoker: Invoker) -> Iterator[Finding]:
    """Refuse a hook with no action, and one with several.

    A hook does exactly one of `exec`, `httpGet`, `httpPost` and `tcpSocket`. With none, the backup fails when it runs.
    With several, the operator picks one.

    Bad:

        kind: BackupConfiguration
        spec:
          hooks:
            preBackup:
              containerName: web
              exec: {command: [sync]}
              httpGet: {port: 8080, path: /freeze}

    Good:

        kind: BackupConfiguration
        spec:
          hooks:
            preBackup:
              containerName: web
              exec: {command: [sync]}
    """
    names = ("preBackup", "postBackup") if isinstance(invoker, Backup) else ("preRestore", "postRestore")
    bodies: list[tuple[Path, Any]] = [(member.path, member.body) for member in invoker.members]
    if isinstance(invoker, Batch):
        bodies.insert(0, (("spec",), invoker.spec))
    for path, body in bodies:
        hooks = body.get("hooks")
        for name in names if hooks else ():
            hook = hooks.get(name)
            if hook is None:
                continue
            actions = [action for action in _ACTIONS if hook.get(action) is not None]
            place: Path = (*path, "hooks", name)
            if len(actions) == 1 or not invoker.fields_valid(place, ((action,) for action in _ACTIONS)):
                continue
            if actions:
                message = f"{name} has {len(actions)} actions ({', '.join(actions)}): keep only one"
                yield Finding(place, Reason.FORBIDDEN, message, actions)
            else:
                message = f"{name} has no action: add exec, httpGet, httpPost or tcpSocket, or remove the hook"
                yield Finding(place, Reason.REQUIRED, message)
