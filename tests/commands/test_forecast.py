"""`plan --forecast`: the next runs, and what retention leaves of them."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.admission.engine import Admission
from app.commands.plan.planner import Clock, Cluster
from app.commands.plan.report import planned
from app.commands.plan.text import in_time
from tests.support.commandline import run
from tests.support.history import backup

ROOT = Path(__file__).parents[2]


def test_a_forecast_says_the_next_runs_and_how_many_snapshots_there_will_be() -> None:
    path = ROOT / "manifests/samples/backupbatch.yaml"
    at = ("--forecast", "--now", "2026-11-28T12:00:00Z")
    lines = run("plan", path, *at).stdout.splitlines()
    assert lines[-4:] == [
        "  schedule */5 * * * *: next runs 2026-11-28 12:05, 2026-11-28 12:10, 2026-11-28 12:15 UTC",
        "  after   7 days each host has, of each path, 10 snapshots, the oldest of 2026-12-05 11:15 UTC",
        "  after  30 days each host has, of each path, 10 snapshots, the oldest of 2026-12-28 11:15 UTC",
        "  after 365 days each host has, of each path, 10 snapshots, the oldest of 2027-11-28 11:15 UTC",
    ]
    (one,) = json.loads(run("plan", path, *at, "--output", "json").stdout)["objects"]
    assert one["forecast"]["nextRuns"][0] == "2026-11-28T12:05:00Z"
    assert one["forecast"]["after"][2] == {"days": 365, "snapshots": 10, "oldest": "2027-11-28T11:15:00Z"}
    (without,) = json.loads(run("plan", path, "--output", "json").stdout)["objects"]
    assert "forecast" not in without


def test_a_forecast_leaves_out_what_does_not_run(tmp_path: Path) -> None:
    def lines(**spec: Any) -> list[str]:
        (tmp_path / "one.yaml").write_text(json.dumps(backup(**spec)))
        done = run("plan", tmp_path / "one.yaml", "--forecast", "--now", "2026-11-28T12:00:00Z")
        return [line for line in done.stdout.splitlines() if line.startswith(("  schedule", "  after"))]

    assert lines(paused=True) == []
    assert lines(driver="VolumeSnapshotter") == []
    assert lines(schedule="0 25 * * *") == []
    assert lines(schedule="0 0 31 2 *")[0] == "  schedule 0 0 31 2 *: no runs"
    assert lines(schedule="0 0 31 2 *")[1] == "  after   7 days each host has, of each path, 0 snapshots"
    assert lines(schedule="0 0 5 12 *")[1].endswith(", 1 snapshot, the oldest of 2026-12-05 00:00 UTC")
    assert run("plan", ROOT / "manifests/samples/restoresession.yaml", "--forecast").exit_code == 0
    assert run("plan", tmp_path / "one.yaml", "--forecast", "--time-zone", "x").exit_code == 2


def test_a_terminal_draws_a_year_week_by_week(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(json.dumps(backup(retentionPolicy={"name": "p", "prune": True, "keepLast": 16})))
    clock = Clock(datetime(2026, 11, 28, 12, tzinfo=UTC))
    *_, done = planned([tmp_path / "one.yaml"], Admission(), Cluster({}, ()), clock=clock)
    drawn = list(in_time(done.plans[0], pictured=True))[-1]
    assert drawn == (
        f"  a year from now, week by week: {'·' * 49}▂▃▃ "
        "(each bar: none, 1, 2 to 3, and so on to 128 or more snapshots)"
    )
