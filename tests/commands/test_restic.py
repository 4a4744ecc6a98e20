"""What is said of retention, compared with restic itself, where it is installed."""

import json
import os
import random
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.domain.retention import Keep, kept
from tests.support.commandline import run as command
from tests.support.history import backup

pytestmark = pytest.mark.skipif(shutil.which("restic") is None, reason="restic is not installed")

OPTIONS = ("--keep-last", "--keep-hourly", "--keep-daily", "--keep-weekly", "--keep-monthly", "--keep-yearly")
POLICIES = int(os.environ.get("RESTIC_POLICIES", "12"))
"""How many policies are tried, with more snapshots the more there are."""


class Repository:
    """A restic repository with snapshots of made-up times."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.data = folder / "data"
        self.data.mkdir()
        (self.data / "file").write_text("data")
        self.run("init")

    def run(self, *arguments: str) -> str:
        places = {
            "RESTIC_REPOSITORY": str(self._folder / "repository"),
            "RESTIC_CACHE_DIR": str(self._folder / "cache"),
        }
        environment = {**os.environ, **places, "RESTIC_PASSWORD": "secret", "TZ": "UTC"}
        done = subprocess.run(
            ["restic", "--quiet", *arguments], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout

    def back_up(self, host: str, at: datetime, *tags: str) -> None:
        tagged = [part for tag in tags for part in ("--tag", tag)]
        self.run("backup", "--host", host, "--time", f"{at:%Y-%m-%d %H:%M:%S}", *tagged, str(self.data))

    def snapshots(self) -> Any:
        return json.loads(self.run("snapshots", "--json"))


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Two hosts, with runs close together and far apart."""
    chance = random.Random(20)  # noqa: S311  which times is no secret
    made = Repository(tmp_path_factory.mktemp("restic"))
    at = datetime(2025, 12, 20, 23, 50, tzinfo=UTC)
    for number in range(14 + POLICIES // 10):
        made.back_up(f"host-{number % 2}", at, *(["monthly"] if number % 5 == 0 else []))
        at += timedelta(minutes=chance.choice([7, 50, 600, 1500, 9000, 50_000]))
    return made


def test_retention_leaves_what_restic_leaves(repository: Repository) -> None:
    chance = random.Random(21)  # noqa: S311
    listed = repository.snapshots()
    for _ in range(POLICIES):
        counts = tuple(chance.choice([0, 0, 1, 2, 3, 9]) for _ in OPTIONS)
        tags = chance.choice([(), (), ("monthly",), ("monthly,other",)])
        if not any(counts) and not tags:
            continue
        options = [part for pair in zip(OPTIONS, map(str, counts), strict=True) if pair[1] != "0" for part in pair]
        options += [part for tag in tags for part in ("--keep-tag", tag)]
        answer = json.loads(repository.run("forget", "--dry-run", "--json", *options))
        keep = Keep(counts, tuple(frozenset(tag.split(",")) for tag in tags))
        for group in answer:
            mine = sorted((each for each in listed if each["hostname"] == group["host"]), key=_time, reverse=True)
            left = [mine[number]["id"] for number in kept(((_time(each), each.get("tags", ())) for each in mine), keep)]
            assert left == [each["id"] for each in group["keep"]], options


def test_what_restic_lists_is_read_and_what_retention_removes_next_is_what_it_removes(
    repository: Repository, tmp_path: Path
) -> None:
    policy = {"name": "p", "prune": True, "keepLast": 2, "keepMonthly": 2}
    one = backup("one", "host-0", paths=[str(repository.data)], retentionPolicy=policy)
    other = backup("other", "host-1", paths=[str(repository.data)], retentionPolicy=policy)
    (tmp_path / "objects.yaml").write_text(yaml.safe_dump_all([one, other]))
    (tmp_path / "snapshots.json").write_text(repository.run("snapshots", "--json"))
    listed = repository.snapshots()
    now = max(map(_time, listed)) + timedelta(minutes=1)
    arguments = (tmp_path / "objects.yaml", "--snapshots", tmp_path / "snapshots.json", "--now", now.isoformat())
    done = command("audit", *arguments, "--output", "json")
    written = json.loads(done.stdout)
    found = {each["rule"] for each in written["findings"] if "commands" in each}
    assert found <= {"late-backup"}  # their times are random
    foretold = {each["host"]: (each["at"], set(each["snapshots"])) for each in written["retention"]}
    for host, (at, removed) in foretold.items():
        repository.back_up(host, datetime.fromisoformat(at))
        answer = repository.run("forget", "--json", "--host", host, "--keep-last", "2", "--keep-monthly", "2")
        assert {each["id"] for each in json.loads(answer)[0]["remove"]} == removed
    assert set(foretold) == {"host-0", "host-1"}


def _time(snapshot: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(snapshot["time"])
