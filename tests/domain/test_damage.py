"""What snapshots and objects say together of data that is mixed, left behind, late, or not to be restored."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import pytest

from app.domain.damage import Damage, Place
from app.domain.invoker import Backup, Restore
from app.domain.key import Key
from app.domain.reading import read_invoker
from app.domain.snapshot import History, Snapshot
from app.domain.writers import Reader, Writer, Writers, readers_of, writers_of
from tests.support.history import NOW, Document, backup, daily, restore, snapshot

REPOSITORY = Key("Repository", "demo", "repo")


def place(objects: Iterable[Document], snapshots: Iterable[Document]) -> Place:
    writers: list[Writer] = []
    readers: list[Reader] = []
    for each in objects:
        key = Key(each["kind"], "demo", each["metadata"]["name"])
        invoker = read_invoker(each["kind"], each, "demo")
        if isinstance(invoker, Backup):
            writers += writers_of(key, invoker)
        else:
            assert isinstance(invoker, Restore)
            readers += readers_of(key, invoker)
    found = [
        Snapshot(datetime.fromisoformat(each["time"]), each["hostname"], tuple(each["paths"]), each["id"], each["tree"])
        for each in snapshots
    ]
    return Place(REPOSITORY, History(found), Writers(writers), readers, NOW)


def damage(objects: Iterable[Document], snapshots: Iterable[Document]) -> list[Damage]:
    return list(place(objects, snapshots).damage())


def found(objects: Iterable[Document], snapshots: Iterable[Document]) -> list[tuple[str, str]]:
    """Rule and object of each."""
    return [(each.rule, each.key.name) for each in damage(objects, snapshots)]


# --- healthy


def at(days: float, host: str = "web", path: str = "/data", tree: str = "") -> Document:
    return snapshot(NOW - timedelta(days=days), host, [path], tree)


def every(
    step: timedelta, count: int, path: str = "/data", late: Iterable[float] = (), days: int = 0
) -> list[Document]:
    lateness = list(late) or [1.0]
    return [
        snapshot(
            NOW - timedelta(days=days) - number * step + timedelta(seconds=lateness[number % len(lateness)]),
            "web",
            [path],
        )
        for number in range(1, count)
    ]


HEALTHY: dict[str, tuple[list[Document], list[Document]]] = {
    "one target": ([backup()], daily()),
    "several paths, one after the other in each run": (
        [backup(paths=["/data", "/logs"])],
        daily() + daily(path="/logs", at="03:20"),
    ),
    "several paths that nobody knows": ([backup(paths=[])], daily() + daily(path="/logs", at="03:02")),
    "a path that is made of a variable": ([backup(paths=["/data/$(POD)"])], daily(path="/data/a")),
    "two paths of a task, of which one is small": (
        [backup(task={"name": "pg"})],
        [at(d) for d in range(6)]
        + [snapshot(NOW - timedelta(days=d, seconds=-9 - 40 * d), paths=["/b"]) for d in range(6)],
    ),
    "a path that was changed": ([backup()], daily(path="/old", ended=30) + daily()),
    "a path that nobody knows, and that was changed": ([backup(paths=[])], daily(path="/old", ended=30) + daily()),
    "a path that was changed, and changed back": (
        [backup()],
        daily(5) + daily(5, path="/b", ended=5) + daily(5, ended=10),
    ),
    "runs by hand": ([backup()], [*daily(40), at(1.1), at(7.3), at(9.2), at(20.05)]),
    "two runs by hand at one time, long ago": ([backup()], [*daily(40), at(30.1), at(32.1), at(34.1)]),
    "a schedule that was hourly once": ([backup()], [*every(timedelta(hours=1), 50, days=12), *daily(11)]),
    "late runs": (
        [backup(schedule="*/5 * * * *", retentionPolicy={"name": "p", "prune": True, "keepLast": 500})],
        every(timedelta(minutes=5), 300, late=[1, 5, 200, 310, 301, 7]),
    ),
    "an interval": ([backup(schedule="@every 6h")], every(timedelta(hours=6), 30)),
    "the same data each time": ([backup()], daily(tree="a" * 64)),
    "data that changed back once": ([backup()], [at(d, tree=t * 64) for d, t in ((2.4, "a"), (1.4, "b"), (0.4, "a"))]),
    "nobody says which data": ([backup()], [{**each, "tree": ""} for each in daily()]),
    "paused for long": ([backup(paused=True)], daily(ended=50)),
    "no schedule, and none that a CronJob takes": (
        [backup(schedule=""), backup("b", "b", schedule="0 25 * * *")],
        daily(ended=50) + daily(host="b", ended=50),
    ),
    "never due": ([backup(schedule="0 0 31 2 *")], daily(ended=50)),
    "a run that may take a day": ([backup(timeOut="24h", retryConfig={"maxRetry": 1, "delay": "5m"})], daily(ended=2)),
    "a time-out that is none": ([backup(timeOut="3d")], daily()),
    "pods and nodes": (
        [backup("db", "db", "StatefulSet"), backup("log", "log", "DaemonSet"), backup("dns", "", "DaemonSet")],
        daily(host="db-0") + daily(host="db-1") + daily(host="log-node-a") + daily(host="node-a"),
    ),
    "the cluster itself": ([backup(target=None) | {"spec": backup()["spec"] | {"target": None}}], daily(host="host-0")),
    "a member without target": (
        [backup() | {"kind": "BackupBatch", "spec": {**backup()["spec"], "members": [{}, backup()["spec"]]}}],
        daily(),
    ),
    "snapshots of no host that restic names": ([backup(driver="VolumeSnapshotter")], []),
    "restores of what is there": (
        [
            backup(),
            backup("db", "db", "StatefulSet"),
            backup("log", "log", "DaemonSet"),
            restore(),
            restore("db", kind="StatefulSet"),
            restore("log", kind="DaemonSet"),
            restore("new", [{"sourceHost": "web", "paths": ["/data/", None]}]),
            restore("new", [{"targetHosts": ["new"], "snapshots": ["latest"]}, {"targetHosts": ["other"]}]),
            restore("new", [{"snapshots": [daily()[0]["id"][:8]]}]),
        ],
        daily() + daily(host="db-0") + daily(host="log-a"),
    ),
    "no restic at all": ([restore() | {"spec": {**restore()["spec"], "driver": "VolumeSnapshotter"}}], []),
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_is_said_of(name: str) -> None:
    assert damage(*HEALTHY[name]) == []


# --- mixed


TAKES_TURNS = daily() + daily(path="/other", at="04:00")
MIXED: dict[str, tuple[list[Document], list[Document]]] = {
    "a path that the target does not back up": ([backup()], TAKES_TURNS),
    "the newest snapshot is another's": ([backup()], [at(2.4), at(0.1, path="/other")]),
    "paths that take turns an hour apart": ([backup(paths=[])], TAKES_TURNS),
    "two paths, each with a rhythm of its own": ([backup(paths=[])], daily() + every(timedelta(hours=1), 40, "/other")),
    "two paths seven minutes apart, to the second": ([backup(paths=[])], daily() + daily(path="/other", at="03:07")),
    "two objects": ([backup(), backup("shop", "web", paths=["/shop"])], daily() + daily(path="/shop")),
    "one path at two times": ([backup()], daily() + daily(at="04:00")),
    "one path at three times": ([backup()], daily() + daily(at="04:00") + daily(at="21:00")),
    "one path at two times, half a day apart": ([backup()], daily() + daily(at="15:00")),
    "one path at two times, with an interval": (
        [backup(schedule="@every 24h")],
        daily() + daily(at="04:00"),
    ),
    "one path at two times, of which retention left four": ([backup()], daily(2) + daily(2, at="04:00")),
    "data that is one thing and another": ([backup()], [at(d + 0.4, tree="ab"[d % 2] * 64) for d in range(6)]),
}


@pytest.mark.parametrize("name", MIXED)
def test_a_host_is_fed_by_two_targets(name: str) -> None:
    (one,) = damage(*MIXED[name])
    assert (one.rule, one.level, one.key.name) == ("mixed-host", "error", "web")
    assert one.message.startswith('host "web" is fed by two targets: ')
    assert one.snapshots
    assert one.commands[0] == "restic snapshots --host web"
    assert one.commands[1].startswith("restic rewrite --forget --new-host ")
    assert one.snapshots[0].id[:16] in one.commands[1]


def test_whose_the_snapshots_of_one_path_are_is_told_by_their_times_or_not_at_all() -> None:
    both = [backup(), backup("shop", "web", schedule="0 4 * * *")]
    (one,) = damage(both, daily() + daily(at="04:00"))
    assert {each.time.hour for each in one.snapshots} == {4}
    assert one.commands[1].startswith("restic rewrite --forget --new-host shop ")
    (few,) = damage([backup(schedule=""), both[1]], daily(1) + daily(1, at="04:00"))
    assert (len(few.snapshots), few.commands) == (2, ("restic snapshots --host web",))


def test_a_host_that_two_targets_feed_and_no_backup_writes_is_the_repositorys() -> None:
    assert found([], TAKES_TURNS) == [("mixed-host", "repo"), ("unwritten-host", "repo")]


def test_the_second_targets_snapshots_get_its_name_and_retention_is_foretold() -> None:
    (one,) = damage(*MIXED["two objects"])
    assert "restic rewrite --forget --new-host shop " in one.commands[1]
    assert {each.paths for each in one.snapshots} == {("/shop",)}
    (other,) = damage([backup(retentionPolicy={"name": "p", "prune": True, "keepLast": 5})], TAKES_TURNS)
    assert "and would remove 11 of 20 with its next run" in other.message
    assert "--new-host web-other " in other.commands[1]
    (same,) = damage([backup(), backup("web", "web", paths=["/shop"])], daily() + daily(path="/shop"))
    assert "--new-host web-other " in same.commands[1]


# --- late, left, unwritten


def test_a_host_is_late_when_two_runs_have_left_nothing() -> None:
    assert found([backup()], daily(ended=1)) == []
    (one,) = damage([backup()], daily(ended=4))
    assert (one.rule, one.level) == ("late-backup", "warning")
    assert "is of 2026-11-24 03:00 UTC" in one.message
    assert "was due at 2026-11-27 03:00 UTC and later: see why it fails" in one.message
    assert one.commands == ("kubectl get backupsessions -n demo", "kubectl stash trigger web -n demo")
    (one,) = damage([backup(schedule="@every 1h")], daily(ended=1))
    assert one.rule == "late-backup"


def test_a_pod_or_a_node_that_is_late_may_be_gone() -> None:
    objects = [backup("db", "db", "StatefulSet"), backup("dns", "", "DaemonSet")]
    pods = daily(host="db-0") + daily(host="db-1", ended=5)
    nodes = daily(host="node-a") + daily(host="node-b", ended=5)
    first, second = damage(objects, pods + nodes)
    assert "if the StatefulSet has fewer replicas now" in first.message
    assert first.commands[-1].startswith("restic forget --prune ")
    assert "if the node is gone" in second.message


def test_a_backup_without_any_snapshot_is_late_unless_it_is_new_or_paused() -> None:
    (one,) = damage([backup(), backup("a", "a", "StatefulSet")], daily())
    assert one.message.startswith('there is no snapshot of host "a-$POD_INDEX", which BackupConfiguration demo/a (Stat')
    batch = backup() | {"kind": "BackupBatch", "spec": {**backup()["spec"], "members": [backup()["spec"]]}}
    (one,) = damage([batch], [])
    assert one.commands == ("kubectl get backupsessions -n demo",)
    new = place([backup()], [])
    new.new = frozenset({new.writers.all[0].key})
    assert list(new.damage()) == []


def test_a_host_that_no_backup_writes_is_kept_for_ever() -> None:
    (one,) = damage([backup()], daily() + daily(60, host="it's", path="/x", ended=90))
    assert (one.rule, one.key) == ("unwritten-host", REPOSITORY)
    assert "(60 snapshots, the newest of 2026-08-30 03:00 UTC)" in one.message
    look, first, second = one.commands
    assert look == "restic snapshots --host 'it'\"'\"'s'"
    assert len(first.split()) == 3 + 50
    assert len(second.split()) == 3 + 10
    (one,) = damage([], daily(1, path="/x"))
    assert "(1 snapshot, " in one.message


def test_nobody_is_said_to_write_no_host_where_not_all_backups_are_known() -> None:
    there = place([backup()], daily() + daily(60, host="it", path="/x", ended=90))
    there.whole = False
    assert list(there.damage()) == []


LEFT: dict[str, tuple[list[Document], list[Document], str]] = {
    "the new one began when it ended": ([backup()], daily(host="host-0", ended=10) + daily(), "web"),
    "the new one has not run": ([backup()], daily(host="host-0"), "web"),
    "pods of a StatefulSet": (
        [backup("db", "db", "StatefulSet")],
        daily(host="host-1", ended=10) + daily(host="db-0") + daily(host="db-1"),
        "db-1",
    ),
    "nodes of a DaemonSet": (
        [backup("log", "logs", "DaemonSet")],
        daily(host="log-b", ended=10) + daily(host="logs-a") + daily(host="logs-b") + daily(host="logs-c"),
        "logs-b",
    ),
    "nodes of one that had no alias": (
        [backup("log", "log", "DaemonSet")],
        daily(host="node-b", ended=10) + daily(host="log-node-a") + daily(host="log-node-b"),
        "log-node-b",
    ),
    "pods of one that has not run": ([backup("db", "db", "StatefulSet")], daily(host="host-1"), "db-1"),
    "long ago, and only one has these paths": ([backup()], daily(host="old", ended=300) + daily(), "web"),
    "of several the nearest": (
        [backup(), backup("shop", "shop")],
        daily(20, host="old", ended=15) + daily(15) + daily(host="shop"),
        "web",
    ),
    "of several the one with the same data": (
        [backup(), backup("shop", "shop")],
        daily(host="old", ended=200, tree="a" * 64) + daily() + daily(9, host="shop", tree="a" * 64),
        "shop",
    ),
}


@pytest.mark.parametrize("name", LEFT)
def test_an_old_host_is_left_behind_by(name: str) -> None:
    objects, snapshots, now = LEFT[name]
    left = [each for each in damage(objects, snapshots) if each.rule != "late-backup"]
    assert [each.rule for each in left] == ["left-behind"]
    assert f'was left when its alias became "{now}"' in left[0].message
    assert f"restic rewrite --forget --new-host {now} " in left[0].commands[1]
    assert left[0].commands[1].endswith("  # restic 0.17 or newer")
    assert left[0].commands[2].startswith("restic forget --prune ")


def test_which_host_followed_is_not_guessed() -> None:
    several = [backup(), backup("shop", "shop")]
    apart = daily(host="old", ended=300) + daily() + daily(host="shop")
    assert found(several, apart) == [("unwritten-host", "repo")]
    waiting = [each for each in damage(several, daily(host="old")) if each.rule != "late-backup"]
    assert [each.rule for each in waiting] == ["unwritten-host"]


# --- restores


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (restore("shp"), 'of host "shp": write a host that has some as the sourceHost of a rule, such as "web"'),
        (restore("web", kind="StatefulSet"), 'no snapshot of host "web-$POD_INDEX"'),
        (restore("log", kind="DaemonSet"), 'no snapshot of host "log-$NODE_NAME"'),
        (restore("web", [{"paths": ["/logs"]}]), 'no snapshot of host "web" has the path "/logs": write "/data"'),
        (restore("web", [{"snapshots": ["0123abcd"]}]), 'no snapshot "0123abcd"'),
        (restore("new", [{"targetHosts": ["new"], "sourceHost": "old"}]), 'no snapshot of host "old"'),
    ],
)  # fmt: skip
def test_a_restore_that_would_find_nothing_is_named(wrong: dict[str, Any], said: str) -> None:
    (one,) = damage([backup(), wrong], daily())
    assert (one.rule, one.level, one.key.name) == ("empty-restore", "warning", "back")
    assert said in one.message
    assert one.commands[0].startswith("restic snapshots")


def test_a_restore_from_an_empty_repository_has_to_wait_for_a_backup() -> None:
    (one,) = damage([restore()], [])
    assert one.message == 'there is no snapshot of host "web": back up first'


# --- what retention does next


def test_what_retention_removes_next_is_told_host_by_host() -> None:
    objects = [
        backup(),
        backup("b", "b", retentionPolicy={"name": "p", "prune": True, "keepLast": 3}),
        backup("c", "c", retentionPolicy={"name": "p", "prune": True, "keepLast": 3, "dryRun": True}),
        backup("d", "d", paused=True),
        backup("e", "e", schedule="0 0 31 2 *"),
        backup("f", "f", retentionPolicy=None),
        backup("log", "log", "DaemonSet"),
    ]
    hosts = [each for host in ("b", "c", "d", "e", "f", "log-a") for each in daily(12, host=host)]
    removed = list(place(objects, daily() + daily(path="/old", ended=40, count=12) + hosts).removals())
    assert [(each.host, each.paths, len(each.removed), each.of, each.key.name) for each in removed] == [
        ("b", ("/data",), 10, 12, "b"),
        ("log-a", ("/data",), 3, 12, "log"),
        ("web", ("/data",), 1, 10, "web"),
        ("web", ("/old",), 2, 12, "web"),
    ]
    assert f"{removed[0].at:%m-%d %H:%M}" == "11-29 03:00"
