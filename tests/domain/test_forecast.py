"""What a repository will hold in a week, a month and a year."""

from datetime import UTC, datetime, timedelta

from app.domain.cron import cron
from app.domain.forecast import HORIZONS, WEEKS, Forecast, forecast
from app.domain.retention import EVERYTHING, KEEPS, Keep, kept

START = datetime(2026, 11, 28, 12, 0, 30, tzinfo=UTC)


def foretold(expression: str, keep: Keep = EVERYTHING) -> Forecast:
    schedule = cron(expression)
    assert schedule is not None
    return forecast(schedule, keep, START)


def test_all_snapshots_are_kept_where_nothing_is_removed() -> None:
    found = foretold("0 3 * * *")
    assert [f"{each:%m-%d %H:%M}" for each in found.next_runs] == ["11-29 03:00", "11-30 03:00", "12-01 03:00"]
    assert [each.snapshots for each in found.horizons] == [7, 30, 365]
    assert {each.oldest for each in found.horizons} == {found.next_runs[0]}
    assert sum(found.horizons[-1].weeks) == 365
    assert set(found.horizons[-1].weeks[1:]) == {7}
    assert len(found.horizons[-1].weeks) == WEEKS


def test_retention_thins_what_is_older() -> None:
    keep = Keep((0, 0, 7, 4, 12, 0))
    week, month, year = foretold("30 */6 * * *", keep).horizons
    assert week.snapshots == 7
    assert month.snapshots < year.snapshots
    assert year.oldest == datetime(2026, 12, 31, 18, 30, tzinfo=UTC)
    assert year.weeks[-1] == 8


def test_an_interval_counts_from_the_beginning_and_one_of_seconds_is_not_foretold() -> None:
    found = foretold("@every 24h")
    assert found.next_runs[0] == START + timedelta(days=1)
    assert [each.snapshots for each in found.horizons] == [7, 30, 365]
    assert foretold("@every 30s").horizons == ()


def test_what_never_runs_leaves_nothing() -> None:
    found = foretold("0 0 31 2 *")
    assert found.next_runs == ()
    assert [(each.snapshots, each.oldest) for each in found.horizons] == [(0, None)] * len(HORIZONS)


def test_retention_after_each_run_leaves_what_it_leaves_once_in_the_end() -> None:
    runs = [START + timedelta(minutes=97 * number) for number in range(1, 900)]
    for counts in ((3, 0, 0, 0, 0, 0), (0, 5, 3, 2, 1, 1), (2, 0, 9, 0, 0, 0), (0, 0, 0, 3, 3, 0)):
        assert len(counts) == len(KEEPS)
        left: list[datetime] = []
        for each in runs:
            newest_first = [each, *left]
            left = [newest_first[number] for number in kept(((at, ()) for at in newest_first), Keep(counts))]
        at_once = kept(((at, ()) for at in reversed(runs)), Keep(counts))
        assert left == [list(reversed(runs))[number] for number in at_once]
