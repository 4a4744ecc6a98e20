"""The rule `hook-action`."""

from collections.abc import Iterator
from typing import Any

from app.domain.invoker import Backup, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.path import Path

_ACTIONS = ("exec", "httpGet", "httpPost", "tcpSocket")


def hook_action(invoker: Invoker) -> Iterator[Finding]:
    """Refuse a hook with no action, and one with several.

    A hook does exactly one of `exec`, `httpGet`, `httpPost` and `tcpSocket`. With none the backup fails when it runs;
    of several the operator picks one.

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
    bodies: dict[Path, Any] = {("spec",): invoker.spec}  # of a batch; else it is the body of the only member
    bodies.update((member.path, member.body) for member in invoker.members)
    for path, body in bodies.items():
        hooks = body.get("hooks") or {}
        for name in names:
            place: Path = (*path, "hooks", name)
            if hooks.get(name) is not None and invoker.fits(place, ((action,) for action in _ACTIONS)):
                yield from _judge(place, hooks[name])


def _judge(path: Path, hook: Any) -> Iterator[Finding]:
    actions = [action for action in _ACTIONS if hook.get(action) is not None]
    if not actions:
        message = f"{path[-1]} has no action: write one of {', '.join(_ACTIONS)}, or remove the hook"
        yield Finding(path, Reason.REQUIRED, message)
    elif len(actions) > 1:
        message = f"{path[-1]} has {len(actions)} actions ({', '.join(actions)}): keep one"
        yield Finding(path, Reason.FORBIDDEN, message, actions)
