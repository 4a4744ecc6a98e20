"""When schedules are due, as robfig/cron computes it."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from app.domain.cron import Interval, cron, due_after, due_before, first_after

NOW = datetime(2026, 3, 28, 12, 0, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def times(expression: str, count: int = 3, zone: ZoneInfo | None = None) -> list[str]:
    schedule = cron(expression)
    assert schedule is not None
    found = islice(due_after(schedule, NOW, zone or UTC), count)
    return [each.strftime("%m-%d %H:%M:%S" if isinstance(schedule, Interval) else "%m-%d %H:%M") for each in found]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 3 * * *", ["03-29 03:00", "03-30 03:00", "03-31 03:00"]),
        ("*/20 12-13 * * ?", ["03-28 12:20", "03-28 12:40", "03-28 13:00"]),
        ("5/30 0 1 JAN,jun *", ["06-01 00:05", "06-01 00:35", "01-01 00:05"]),
        ("0 0 13 * FRI", ["04-03 00:00", "04-10 00:00", "04-13 00:00"]),
        ("0 0 */1 * 1", ["03-30 00:00", "04-06 00:00", "04-13 00:00"]),
        ("0 0 1-7/6,*-7 * 0", ["03-29 00:00", "04-05 00:00", "04-12 00:00"]),
        ("0 0 */2 * 1", ["03-29 00:00", "03-30 00:00", "03-31 00:00"]),
        ("@weekly", ["03-29 00:00", "04-05 00:00", "04-12 00:00"]),
        ("@every 90m", ["03-28 13:30:30", "03-28 15:00:30", "03-28 16:30:30"]),
        ("@every 1ms", ["03-28 12:00:31", "03-28 12:00:32", "03-28 12:00:33"]),
        ("0 0 31 2 *", []),
        (", * * * *", []),
    ],
)
def test_a_schedule_is_due_as_a_cronjob_is(expression: str, expected: list[str]) -> None:
    assert times(expression) == expected


def test_an_hour_that_a_clock_skips_has_no_runs_and_one_that_it_repeats_has_them_twice() -> None:
    assert times("30 2 * * *", 2, BERLIN) == ["03-30 00:30", "03-31 00:30"]
    schedule = cron("30 2 * * *")
    assert schedule is not None
    repeated = list(islice(due_after(schedule, datetime(2026, 10, 24, 12, tzinfo=UTC), BERLIN), 2))
    assert [each.hour for each in repeated] == [0, 1]


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Africa/Cairo", "America/Havana", "Asia/Tehran", "Pacific/Apia"])
def test_every_minute_of_every_zone_is_there_once(zone: str) -> None:
    schedule = cron("* * * * *")
    assert schedule is not None
    for start in (
        datetime(2011, 12, 25, tzinfo=UTC),
        datetime(2026, 3, 5, tzinfo=UTC),
    ):
        found = list(islice(due_after(schedule, start, ZoneInfo(zone)), 60 * 24 * 9))
        assert found == [start + timedelta(minutes=number) for number in range(1, len(found) + 1)]


def test_what_was_due_is_the_same_backwards() -> None:
    for expression in ("*/20 1,3 * * *", "0 3 1 1,7 *", "15 4 * * sun"):
        schedule = cron(expression)
        assert schedule is not None
        assert not isinstance(schedule, Interval)
        start = NOW - timedelta(days=900)
        forward = [each for each in islice(due_after(schedule, start), 10_000) if each <= NOW]
        backward = [each for each in islice(due_before(schedule, NOW), 10_000) if each > start]
        assert backward == forward[::-1]


def test_an_interval_ends_some_time_and_what_is_never_due_too() -> None:
    schedule = cron("@every 20000h")
    assert schedule is not None
    assert len(list(due_after(schedule, NOW))) == 3
    never = cron("0 0 31 2 *")
    assert never is not None
    assert not isinstance(never, Interval)
    assert list(due_before(never, NOW)) == []
    assert first_after(never, NOW) is None
    assert cron("0 25 * * *") is None
