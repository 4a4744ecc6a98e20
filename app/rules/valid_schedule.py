"""The rule `valid-schedule`."""

from collections.abc import Iterator

from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.schedule import schedule_fault


def valid_schedule(backup: Backup) -> Iterator[Finding]:
    """Refuse a schedule that a Kubernetes CronJob would refuse.

    The operator creates a CronJob with it. If that is refused, no backup ever runs. A schedule has five fields (minute,
    hour, day of month, month, day of week), or is one of `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly` and
    `@every 1h30m`. An absent or empty schedule is admitted: such a backup is started by hand.

    Bad:

        kind: BackupConfiguration
        spec:
          schedule: "0 0 * * 7"

    Good:

        kind: BackupConfiguration
        spec:
          schedule: "0 0 * * 0"
    """
    schedule = backup.spec.get("schedule")
    if schedule:
        fault = schedule_fault(schedule)
        if fault is not None:
            message = f"schedule {quoted(schedule)} is not valid: {fault}"
            yield Finding(("spec", "schedule"), Reason.INVALID, message, schedule)
