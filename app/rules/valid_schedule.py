"""The rule `valid-schedule`."""

from collections.abc import Iterator

from app.domain.duration import PATTERN
from app.domain.invoker import Backup
from app.domain.outcome import Finding, Reason
from app.domain.quoting import quoted
from app.domain.schedule import FIELDS, MACROS, RE2_WORD, schedule_fault
from app.domain.twin import Twin

_VALUE = "(v in f.names ? f.names[v] : v.matches('^[+]?0*[0-9]{1,2}$') ? int(v.replace('+', '')) : 99)"
_FIELDS = (
    "["
    + ", ".join(
        f"{{'least': dyn({field.least}), 'most': dyn({field.most}), 'names': dyn({dict(field.names)})}}"
        for field in FIELDS
    )
    + "]"
)
_ITEM = (
    "p == '' || (p.matches('^[^/]*(/[+]?0*[1-9][0-9]*)?$')"
    " && [p.split('/')[0].replace('\u0130', 'i').lowerAscii().split('-')].all(b, b[0] in ['*', '?']"
    f" || (size(b) <= 2 && [b.map(v, {_VALUE})].all(n,"
    " n.all(x, x >= f.least && x <= f.most) && n[0] <= n[size(n) - 1]))))"
)
TWIN = Twin(
    holds=(
        "[variables.spec.?schedule.orValue('')].all(s, s == '' || (!s.contains('TZ') && (s.startsWith('@')"
        f" ? s in {list(MACROS)} || (s.startsWith('@every ') && s.substring(7).matches('^[-+]?{PATTERN}$'))"
        f" : [s.findAll(r'{RE2_WORD}')].all(w, size(w) == {len(FIELDS)}"
        f" && {list(range(len(FIELDS)))}.all(i, [{_FIELDS}[i]].all(f, w[i].split(',').all(p, {_ITEM})))))))"
    ),
    message="the schedule is not valid: write five fields, such as 0 3 * * *, or a descriptor, such as @daily",
    lacks="numbers and durations of `@every` that 64 bits cannot hold.",
)


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
