"""Metrics: every label from a closed set, every series there from the beginning; and a log that nobody can flood."""

import asyncio
import math
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.rules.registry import RULES, Level, levels
from app.server.telemetry import ACTS, DECISIONS, OPERATIONS, Telemetry
from app.server.webhooks import LARGEST_HEAD
from testbed.patience import eventually
from testbed.server import JSON, Door, Running, backup, body, running, series
from tests.support.loglines import Log, collected

NAME = "stash_admission_"
CALLS = 10_000


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """The lines that were logged."""
    yield from collected(monkeypatch)


def value(door: Door, name: str, **labels: str) -> float:
    return door.metrics()[NAME + name, tuple(sorted(labels.items()))]


def most_series(telemetry: Telemetry) -> int:
    """How many series the closed sets of all labels allow."""
    total = 0
    for family in telemetry.registry.collect():
        one = len({sample.name + sample.labels.get("le", "") for sample in family.samples}) or 1
        total += one * math.prod(map(len, telemetry.labels[family.name].values()))
    return total


def odd_call(chance: random.Random) -> dict[str, Any]:
    """What a call has that no API server sends, each time in other words; the rest of it is in order."""
    odd, operation = f"odd{chance.getrandbits(64):x}", chance.choice(OPERATIONS)
    path = chance.choice(["/mutate", "/validate"])
    kind = {"group": "stash.appscode.com", "version": "v1beta1", "kind": "BackupBatch"}
    calls: Sequence[Callable[[], dict[str, Any]]] = (
        lambda: {"content": body(kind={**kind, "kind": odd})},
        lambda: {"content": body(kind={**kind, "group": odd, "version": odd})},
        lambda: {"content": body(uid=odd, name=odd, namespace=odd, userInfo={"username": odd})},
        lambda: {"content": body(operation=odd)},
        lambda: {"content": body(operation=operation, subResource=odd)},
        lambda: {"content": body(operation=operation, kind={**kind, "kind": odd}, object=None)},
        lambda: {"content": body(backup(schedule=odd, driver=odd, target={"alias": odd, "ref": {"kind": odd}}))},
        lambda: {"content": body().replace(b"admission.k8s.io/v1", odd.encode())},
        lambda: {"content": odd.encode()},
        lambda: {"url": f"{path}/{odd}?{odd}"},
        lambda: {"url": f"{path}?timeout={odd}"},
        lambda: {"method": odd.upper()},
        lambda: {"headers": {"content-type": f"application/{odd}"}},
        lambda: {"headers": {**JSON, "x-odd": odd * (LARGEST_HEAD // len(odd) + 1)}},
        lambda: {"headers": {**JSON, "content-length": f"{10**8 + chance.randrange(10**8)}"}},
    )
    return {"method": "POST", "url": path, "headers": JSON, "content": body(), **chance.choice(calls)()}


def test_ten_thousand_odd_requests_make_no_series_beyond_the_closed_sets() -> None:
    telemetry, statuses = Telemetry(), set[int]()
    chance = random.Random(1)  # noqa: S311 -- the same calls each time
    door = Door(telemetry=telemetry)
    known = door.metrics().keys()

    async def send() -> None:
        transport = httpx.ASGITransport(door.webhooks)
        async with httpx.AsyncClient(transport=transport, base_url="https://webhook.test") as client:
            for _ in range(CALLS):
                statuses.add((await client.request(**odd_call(chance))).status_code)

    asyncio.run(send())
    page = door.manage("/metrics").text
    after = series(page)
    assert statuses == {200, 400, 404, 405, 413, 415, 431}
    assert after.keys() == known
    assert len(after) <= most_series(telemetry)
    assert "odd" not in page
    counted = ("decisions_total", "bad_calls_total")
    assert sum(number for (name, _), number in after.items() if name.removeprefix(NAME) in counted) == CALLS


def test_every_label_of_every_series_has_a_value_of_its_closed_set() -> None:
    telemetry = Telemetry()
    telemetry.judges_by(levels({}))
    for family in telemetry.registry.collect():
        for sample in family.samples:
            for label, found in sample.labels.items():
                assert label == "le" or found in telemetry.labels[family.name][label], sample


def test_what_can_be_counted_is_there_before_it_happens_so_that_a_rate_sees_the_first_one() -> None:
    before = Door().metrics()
    for webhook, decisions in DECISIONS.items():
        for decision in decisions:
            labels = {"webhook": webhook, "kind": "BackupBatch", "operation": "CREATE", "decision": decision}
            assert before[f"{NAME}decisions_total", tuple(sorted(labels.items()))] == 0
    for name in ("bad_calls", "rule_acts", "handshakes_refused", "connections_ended", "certificate_reloads"):
        assert [number for (found, _), number in before.items() if found == f"{NAME}{name}_total"], name
    assert not any(number for (name, _), number in before.items() if name.endswith("_total"))


@pytest.mark.parametrize(
    ("rule", "acts"),
    [("default-alias", {"edit"}), ("deprecated-rules", {"warn"}), ("unique-alias", {"refuse", "warn"})],
)
def test_a_rule_has_a_series_for_each_thing_that_it_can_do(rule: str, acts: set[str]) -> None:
    found = {dict(labels)["act"] for name, labels in Door().metrics() if ("rule", rule) in labels and "acts" in name}
    assert found == acts <= set(ACTS)


def test_the_level_of_each_rule_is_shown() -> None:
    telemetry = Telemetry()
    telemetry.judges_by(levels({"unique-alias": "warn", "nothing-kept": "off"}))
    door = Door(telemetry=telemetry)
    shown = {
        dict(labels)["rule"]: dict(labels)["level"] for name, labels in door.metrics() if name == f"{NAME}rule_level"
    }
    assert shown == {rule.id: rule.level for rule in RULES.values() if rule.level} | {
        "unique-alias": "warn",
        "nothing-kept": "off",
    }


def test_of_a_rule_whose_level_changes_only_the_new_one_is_shown() -> None:
    telemetry = Telemetry()
    telemetry.judges_by({"unique-alias": Level.ENFORCE})
    telemetry.judges_by({"unique-alias": Level.WARN})
    (sample,) = [each for family in telemetry.registry.collect() for each in family.samples if "level" in each.name]
    assert (sample.labels, sample.value) == ({"rule": "unique-alias", "level": "warn"}, 1)


def test_the_same_bad_call_is_one_line_in_ten_seconds_which_says_how_many_were_not_logged(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = 100.0
    monkeypatch.setattr("app.server.telemetry.time.monotonic", lambda: seconds)
    telemetry = Telemetry()
    for _ in range(500):
        telemetry.bad_call("bad review", 400)
    telemetry.bad_call("method", 405)
    seconds += 10
    telemetry.bad_call("bad review", 400)
    lines = [(line["reason"], line["status"], line.get("not_logged")) for line in log()]
    assert lines == [("bad review", 400, None), ("method", 405, None), ("bad review", 400, 499)]


def test_each_bad_call_is_counted_whether_it_is_logged_or_not(log: Log) -> None:
    door = Door()
    for _ in range(50):
        door.call(b"no json")
    assert value(door, "bad_calls_total", reason="bad review") == 50
    assert len(log()) == 1


def test_the_levels_that_are_shown_follow_the_configuration_file(tmp_path: Path) -> None:
    file = tmp_path / "configuration.yaml"
    file.write_text("rules: {unique-alias: warn}\n")

    def shown(server: Running) -> set[str]:
        levels_of = [dict(labels) for name, labels in server.metrics() if name == f"{NAME}rule_level"]
        return {each["level"] for each in levels_of if each["rule"] == "unique-alias"}

    with running(tmp_path, "--config", str(file)) as server:
        assert shown(server) == {"warn"}
        file.write_text("rules: {unique-alias: 'off'}\n")
        eventually(lambda: shown(server) == {"off"})
