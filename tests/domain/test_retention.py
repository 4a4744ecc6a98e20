"""Which snapshots retention keeps."""

from datetime import UTC, datetime, timedelta

from app.domain.retention import Keep, kept
from schemas.job import RetentionPolicy

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def hourly(count: int) -> list[tuple[datetime, tuple[str, ...]]]:
    """Snapshots of the last hours, the newest first."""
    return [(NOW - timedelta(hours=hours), ()) for hours in range(count)]


def keep(**fields: int) -> Keep:
    return Keep.of(RetentionPolicy(name="p", prune=True, **fields))  # type: ignore[typeddict-item]


def test_a_policy_that_says_nothing_keeps_everything() -> None:
    assert keep().everything
    assert kept(hourly(5), keep(keepLast=0, keepDaily=-1)) == [0, 1, 2, 3, 4]


def test_the_newest_of_each_hour_day_week_month_and_year_count() -> None:
    assert kept(hourly(100), keep(keepLast=3)) == [0, 1, 2]
    assert kept(hourly(100), keep(keepHourly=2)) == [0, 1]
    assert kept(hourly(100), keep(keepDaily=3)) == [0, 24, 48]
    assert kept(hourly(400), keep(keepWeekly=3)) == [0, 7 * 24, 14 * 24]
    assert kept(hourly(1000), keep(keepMonthly=9)) == [0, 24, 29 * 24]
    assert kept(hourly(10_000), keep(keepYearly=9)) == [0, 60 * 24]


def test_counts_are_added_and_one_snapshot_may_count_several_times() -> None:
    assert kept(hourly(100), keep(keepLast=2, keepDaily=2)) == [0, 1, 24]


def test_a_snapshot_with_all_tags_of_one_that_is_kept_stays_without_being_counted() -> None:
    found = [(at, ("a", "b") if number == 7 else ("a",)) for number, (at, _) in enumerate(hourly(10))]
    policy = Keep.of(RetentionPolicy(name="p", prune=True, keepLast=1, keepTags=["a,b", None]))
    assert kept(found, policy) == [0, 7]


def test_days_are_those_of_the_clock_where_the_backup_was_made() -> None:
    first = datetime.fromisoformat("2026-03-02T00:30:00+02:00")
    second = datetime.fromisoformat("2026-03-01T23:30:00+02:00")
    assert kept([(first, ()), (second, ())], keep(keepDaily=2)) == [0, 1]
    assert kept([(each.astimezone(UTC), ()) for each in (first, second)], keep(keepDaily=2)) == [0]


def test_snapshots_are_asked_for_only_as_long_as_one_may_be_kept() -> None:
    asked = []
    found = ((asked.append(at) or at, tags) for at, tags in hourly(1000))  # type: ignore[func-returns-value]
    assert kept(found, keep(keepLast=2)) == [0, 1]
    assert len(asked) == 2
