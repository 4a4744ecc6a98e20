"""The times at which schedules are due, compared with robfig/cron itself, which a CronJob asks."""

import os
import random
from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from app.domain.cron import cron, due_after
from testbed.cron.program import ask, find_or_build

SCHEDULES = int(os.environ.get("CRON_SCHEDULES", "300"))
COUNT = 5
ZONES = ("UTC", "UTC", "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Sydney")
"""Without those that change their clocks at midnight, where robfig/cron skips days."""
DESCRIPTORS = (
    "@yearly",
    "@monthly",
    "@weekly",
    "@daily",
    "@hourly",
    "@every 1h30m",
    "@every 90s",
    "@every 0",
    "@every 36h",
)
FIELDS = ((0, 59, ""), (0, 23, ""), (1, 31, ""), (1, 12, "jan feb mar"), (0, 6, "sun mon tue"))
STAMP = "%Y-%m-%dT%H:%M:%SZ"


def _item(chance: random.Random, least: int, most: int, names: str) -> str:
    low, high = sorted(chance.choices(range(least, most + 1), k=2))
    forms = ["*", "?", f"{low}", f"{low}-{high}", f"*/{high or 1}", f"{low}-{high}/2", f"{low}/7", *names.split()]
    return chance.choice(forms)


def _schedule(chance: random.Random) -> str:
    if chance.random() < 0.1:
        return chance.choice(DESCRIPTORS)
    words = (",".join(_item(chance, *field) for _ in range(chance.choice([1, 1, 2]))) for field in FIELDS)
    return " ".join("*" if chance.random() < 0.3 else word for word in words)


def test_schedules_are_due_when_a_cronjob_says_so() -> None:
    chance = random.Random(20)  # noqa: S311  which schedules is no secret
    questions = []
    for _ in range(SCHEDULES):
        at = datetime(2010, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(25 * 365 * 86400))
        questions.append((chance.choice(ZONES), COUNT, at, _schedule(chance)))
    answers = ask(find_or_build(), [(zone, count, at.strftime(STAMP), text) for zone, count, at, text in questions])
    for (name, count, at, text), answer in zip(questions, answers, strict=True):
        schedule = cron(text)
        assert schedule is not None, text
        zone = UTC if name == "UTC" else ZoneInfo(name)
        assert " ".join(due.strftime(STAMP) for due in islice(due_after(schedule, at, zone), count)) == answer, text
