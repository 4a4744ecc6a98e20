"""The rule `valid-duration`."""

from collections.abc import Iterator

from app.domain.duration import duration_fault
from app.domain.invoker import Backup, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.path import Path


def valid_duration(invoker: Invoker) -> Iterator[Finding]:
    """Refuse a `timeOut` or `retryConfig.delay` that is not a duration of Go, or a negative one.

    The CRD takes any string, and the operator then cannot read the object. Go knows hours (`h`), minutes (`m`),
    seconds (`s`) and smaller units, alone or one after the other, but no days and no spaces.

    Bad:

        kind: BackupConfiguration
        spec:
          timeOut: 3d

    Good:

        kind: BackupConfiguration
        spec:
          timeOut: 72h
    """
    yield from _judge(("spec", "timeOut"), invoker.spec.get("timeOut"))
    retry = invoker.spec.get("retryConfig")
    if retry is not None and isinstance(invoker, Backup):
        yield from _judge(("spec", "retryConfig", "delay"), retry.get("delay"))


def _judge(path: Path, text: str | None) -> Iterator[Finding]:
    fault = None if text is None else duration_fault(text)
    if fault is not None:
        yield Finding(path, Reason.INVALID, f"{path[-1]} is no duration: {fault}", text)
