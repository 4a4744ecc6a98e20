"""The rule `valid-duration`."""

from collections.abc import Iterator

from app.domain.duration import PATTERN, duration_fault
from app.domain.invoker import Backup, Invoker
from app.domain.outcome import Finding, Reason
from app.domain.path import Path
from app.domain.twin import Twin

_UNIT = "[a-z\u00b5\u03bc]"
_NEGATIVE = f"^-([0-9.]+{_UNIT}+)*0*[1-9][0-9]*([.][0-9]*)?{_UNIT}"
TWIN = Twin(
    holds=(
        "[variables.spec.?timeOut, variables.spec.?retryConfig.?delay]"
        f".all(o, !o.hasValue() || (o.value().matches('^[-+]?{PATTERN}$') && !o.value().matches('{_NEGATIVE}')))"
    ),
    message="timeOut or retryConfig.delay is not a valid positive duration: write one such as 1h30m or 45s",
    lacks="durations that 64 bits of nanoseconds cannot hold, and a negative one all of whose numbers begin with `0.`.",
)


def valid_duration(invoker: Invoker) -> Iterator[Finding]:
    """Refuse a `timeOut` or `retryConfig.delay` that is not a valid Go duration, or is negative.

    The CRD allows any string, but then the operator cannot read the object. Go durations have hours (`h`), minutes
    (`m`), seconds (`s`) and smaller units, alone or combined, but no days and no spaces.

    Bad:

        kind: BackupConfiguration
        spec:
          timeOut: 3d

    Good:

        kind: BackupConfiguration
        spec:
          timeOut: 72h
    """
    yield from _check(("spec", "timeOut"), invoker.spec.get("timeOut"))
    retry = invoker.spec.get("retryConfig")
    if retry is not None and isinstance(invoker, Backup):
        yield from _check(("spec", "retryConfig", "delay"), retry.get("delay"))


def _check(path: Path, text: str | None) -> Iterator[Finding]:
    fault = None if text is None else duration_fault(text)
    if fault is not None:
        yield Finding(path, Reason.INVALID, f"{path[-1]} is not a valid duration: {fault}", text)
