"""When a schedule is due, as a CronJob computes it: robfig/cron v3, whose `ParseStandard` reads five fields."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

from app.domain.duration import parse_duration
from app.domain.schedule import EVERY_PREFIX, FIELDS, MACROS, Field, schedule_fault, words_of

YEARS = range(1970, 3000)
"""Of the times that are computed with: far enough from both ends of the calendar for every schedule and patience."""
_MAX_YEARS = 5
"""A schedule that is not due within so many years is never due."""
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


class Calendar(NamedTuple):
    """A schedule of five fields: which minutes of which days. A star is what `*` means for days, not what it allows."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """Sunday is 0."""
    either_day: bool
    """Whether one of day of month and day of week is enough: neither is a star."""

    def on(self, day: date) -> bool:
        """Whether it is due on a day."""
        if day.month not in self.months:
            return False
        by_month, by_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return by_month or by_week if self.either_day else by_month and by_week


class Interval(NamedTuple):
    """A schedule `@every`: that much after the run before."""

    step: timedelta


Cron = Calendar | Interval


@lru_cache(256)
def cron(expression: str) -> Cron | None:
    """The schedule that an expression means; None for one that no CronJob may have (`app.domain.schedule`)."""
    if schedule_fault(expression) is not None:
        return None
    if expression.startswith(EVERY_PREFIX):
        seconds = parse_duration(expression.removeprefix(EVERY_PREFIX)) // 10**9
        return Interval(timedelta(seconds=max(seconds, 1)))
    words = words_of(MACROS.get(expression, expression))
    minutes, hours, days, months, weekdays = (_values(*each) for each in zip(FIELDS, words, strict=True))
    either_day = not (_is_star(words[2]) or _is_star(words[4]))
    return Calendar(tuple(sorted(minutes)), tuple(sorted(hours)), days, months, weekdays, either_day)


def due_after(schedule: Cron, moment: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
    """Every time after a moment at which a schedule is due, in UTC; an interval begins at that moment.

    An hour that a clock repeats counts twice, one that it skips not at all.
    """
    if isinstance(schedule, Interval):
        due = moment.astimezone(UTC).replace(microsecond=0)
        while due.year <= moment.year + _MAX_YEARS:
            due += schedule.step
            yield due
        return
    start = moment.astimezone(zone)
    day = start.date()
    while day.year <= start.year + _MAX_YEARS:
        if schedule.on(day):
            yield from (due for due in _times(schedule, day, zone) if due > moment)
        day = _later(day, 1) if day.month in schedule.months else _next_month(day)


def due_before(schedule: Calendar, moment: datetime, zone: tzinfo = UTC) -> Iterator[datetime]:
    """Every time up to a moment at which a schedule was due, the latest first, in UTC."""
    start = moment.astimezone(zone)
    day = start.date()
    while day.year >= start.year - _MAX_YEARS:
        if schedule.on(day):
            yield from (due for due in reversed(_times(schedule, day, zone)) if due <= moment)
        day = day - _DAY if day.month in schedule.months else day.replace(day=1) - _DAY


def first_after(schedule: Cron, moment: datetime, zone: tzinfo = UTC) -> datetime | None:
    """The first time after a moment; None: it is never due."""
    return next(due_after(schedule, moment, zone), None)


@lru_cache(400)
def _times(schedule: Calendar, day: date, zone: tzinfo) -> list[datetime]:
    """All times of a day, in UTC."""
    at = [(hour, minute) for hour in schedule.hours for minute in schedule.minutes]
    if zone is UTC:
        return [datetime(day.year, day.month, day.day, *each, tzinfo=UTC) for each in at]
    begin = datetime(day.year, day.month, day.day, tzinfo=zone)
    end = (begin.replace(tzinfo=None) + _DAY).replace(tzinfo=zone, fold=1)
    if begin.utcoffset() == end.utcoffset():  # the clock is not changed on this day, as on most
        midnight = begin.astimezone(UTC)
        return [midnight + timedelta(hours=hour, minutes=minute) for hour, minute in at]
    found = set()
    for each in at:
        for fold in (0, 1):
            local = datetime(day.year, day.month, day.day, *each, tzinfo=zone, fold=fold)
            due = local.astimezone(UTC)
            if due.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                found.add(due)
    return sorted(found)


def _later(day: date, days: int) -> date:
    return day + days * _DAY


def _next_month(day: date) -> date:
    return (day.replace(day=28) + 4 * _DAY).replace(day=1)


def _values(field: Field, word: str) -> frozenset[int]:
    found: set[int] = set()
    for item in filter(None, word.split(",")):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        if low in ("*", "?"):
            first, last = field.least, field.most
        else:
            first = field.value(low)
            last = field.value(high) if high else field.most if step else first
        found.update(range(first, last + 1, min(int(step or 1), field.most + 1)))
    return frozenset(found)


def _is_star(word: str) -> bool:
    """Whether a field of a day leaves the choice to the other one: some item is every value, one by one."""
    items = (item.partition("/") for item in word.split(","))
    return any(span.partition("-")[0] in ("*", "?") and int(step or 1) == 1 for span, _, step in items)
