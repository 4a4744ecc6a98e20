"""`plan` shows the waves of an object, its hosts, and what is restored for each of them."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli import app
from app.domain.invoker import INVOKERS
from testbed.cases import Case, cases
from tests.support.each import by_rule, try_each
from tests.support.terminal import on_a_terminal

SAMPLES = Path(__file__).parents[2] / "manifests/samples"
HEAD = "apiVersion: stash.appscode.com/v1beta1\nmetadata: {name: x, namespace: demo}\n"
KEEP = "  retentionPolicy: {name: keep, keepLast: 5, prune: true}\n"


def run(*arguments: str | Path, given: str | None = None) -> Result:
    return CliRunner().invoke(app, ["plan", *map(str, arguments)], input=given)


def planned(text: str, *arguments: str) -> Any:
    """The plan for the one object in a text, as JSON."""
    result = run("-", "--output", "json", *arguments, given=text)
    assert result.exit_code == 0, result.output
    (one,) = json.loads(result.stdout)["objects"]
    return one


def hosts(text: str, *arguments: str) -> list[list[Any]]:
    """The host of each member, by waves."""
    return [[step["host"] for step in wave] for wave in planned(text, *arguments)["waves"]]


def batch(kind: str, *members: str, extra: str = "") -> str:
    listed = "".join(f"  - {each}\n" for each in members)
    return f"{HEAD}kind: {kind}\nspec:\n  repository: {{name: gcs-repo}}\n{KEEP}{extra}  members:\n{listed}"


def target(kind: str, name: str, extra: str = "") -> str:
    return f"target: {{ref: {{kind: {kind}, name: {name}}}{extra}}}"


# --- Waves and hosts


def test_all_members_of_a_batch_run_at_once_unless_their_order_is_kept() -> None:
    members = target("Deployment", "web", ", alias: app"), target("StatefulSet", "db", ", alias: db")
    assert hosts(batch("BackupBatch", *members)) == [["app", "db-$POD_INDEX"]]
    for extra in ("  maintainOrder: true\n", "  executionOrder: Sequential\n"):
        one = planned(batch("BackupBatch", *members, extra=extra))
        assert one["order"] == "Sequential"
        assert [[step["member"] for step in wave] for wave in one["waves"]] == [[0], [1]]


@pytest.mark.parametrize(
    ("of", "alias", "host"),
    [
        (target("Deployment", "web"), "host-0", "host-0"),
        (target("StatefulSet", "web"), "host", "host-$POD_INDEX"),
        (target("DaemonSet", "web"), None, "$NODE_NAME"),
        (target("DaemonSet", "web", ", alias: log"), "log", "log-$NODE_NAME"),
        (target("AppBinding", "web", ", alias: db"), "db", "db"),
        ("task: {name: kubedump}", None, "host-0"),
        (target("Deployment", "web", ", alias: app") + "\n  driver: VolumeSnapshotter", "app", None),
        (target("Deployment", "web", ", alias: 5"), None, None),
    ],
)
def test_hosts_are_those_of_the_object_that_would_be_stored(of: str, alias: str | None, host: str | None) -> None:
    one = planned(f"{HEAD}kind: BackupConfiguration\nspec:\n  repository: {{name: gcs-repo}}\n{KEEP}  {of}\n")
    (((step,),)) = one["waves"]
    assert (step["member"], step["alias"], step["host"], step["rules"]) == (0, alias, host, [])
    assert (one["kind"], one["namespace"], one["name"], one["repository"], one["order"]) == (
        "BackupConfiguration", "demo", "x", "gcs-repo", "Parallel",
    )  # fmt: skip


def test_replicas_and_nodes_name_the_real_hosts() -> None:
    members = (
        target("StatefulSet", "db", ", alias: db"),
        target("DaemonSet", "log", ", alias: log"),
        target("DaemonSet", "trace"),
        target("StatefulSet", "other", ", alias: other"),
        target("Deployment", "web", ", alias: app"),
    )
    one = planned(batch("BackupBatch", *members), "--replicas", "db=3", "--nodes", "a,b")
    assert [step.get("hosts") for step in one["waves"][0]] == [
        ["db-0", "db-1", "db-2"], ["log-a", "log-b"], ["a", "b"], None, ["app"],
    ]  # fmt: skip


@pytest.mark.parametrize(("replicas", "expected"), [(0, []), (2, ["db-0", "db-1"]), (1_000_000, None)])
def test_a_restore_with_claims_knows_its_replicas(replicas: int, expected: list[str] | None) -> None:
    claims = f"target: {{alias: db, replicas: {replicas}, volumeClaimTemplates: [{{metadata: {{name: d}}}}]}}"
    (((step,),)) = planned(f"{HEAD}kind: RestoreSession\nspec:\n  {claims}\n")["waves"]
    assert step["host"] == "db-$POD_INDEX"
    assert step.get("hosts") == expected


# --- What restores a host


def restored(rules: str, *arguments: str, kind: str = "StatefulSet") -> list[tuple[Any, ...]]:
    text = f"{HEAD}kind: RestoreSession\nspec:\n  repository: {{name: gcs-repo}}\n"
    text += f"  {target(kind, 'db', ', alias: db')}\n  rules: {rules}\n"
    (((step,),)) = planned(text, *arguments)["waves"]
    return [
        (each["host"], each["rule"], each["restores"], each["sourceHost"], *each["snapshots"], *each["paths"])
        for each in step["rules"]
    ]


FIRST, SECOND = "spec.target.rules[0]", "spec.target.rules[1]"
NAMED = "[{targetHosts: [db-3, db-4, never], sourceHost: db-1, paths: [/a]}, {snapshots: [latest]}]"


def test_each_host_that_a_rule_names_is_shown_and_then_all_others() -> None:
    assert restored(NAMED) == [
        ("db-3", FIRST, "paths", "db-1", "/a"),
        ("db-4", FIRST, "paths", "db-1", "/a"),
        ("db-$POD_INDEX", SECOND, "snapshots", None, "latest"),
    ]


def test_with_replicas_each_real_host_is_shown_with_the_rule_that_feeds_it() -> None:
    assert restored(NAMED, "--replicas", "db=4") == [
        ("db-0", SECOND, "snapshots", None, "latest"),
        ("db-1", SECOND, "snapshots", None, "latest"),
        ("db-2", SECOND, "snapshots", None, "latest"),
        ("db-3", FIRST, "paths", "db-1", "/a"),
    ]


def test_what_no_rule_feeds_is_said_plainly() -> None:
    assert restored("[{targetHosts: [db-0]}]", "--replicas", "db=2") == [
        ("db-0", FIRST, "everything", "db-0"),
        ("db-1", None, "nothing", None),
    ]
    assert restored("[{targetHosts: [db-0]}]") == [
        ("db-0", FIRST, "everything", "db-0"),
        ("db-$POD_INDEX", None, "nothing", None),
    ]
    assert restored("[{targetHosts: [other]}]", kind="Deployment") == [("db", None, "nothing", None)]


def test_without_rules_everything_of_the_host_itself_is_restored() -> None:
    assert restored("[]") == [("db-$POD_INDEX", None, "everything", "db-$POD_INDEX")]
    assert restored("null", "--replicas", "db=1") == [("db-0", None, "everything", "db-0")]


# --- For people


SEQUENCE = SAMPLES / "restore-in-order.yaml"


def test_a_pipe_gets_lines() -> None:
    assert run(SEQUENCE, "--replicas", "db=3").stdout.splitlines() == [
        f"{SEQUENCE}: RestoreBatch demo/shop-restore, repository gcs-repo, Sequential: 3 waves",
        "  wave 1",
        "    members[0] StatefulSet db: hosts db-$POD_INDEX (db-0, db-1, db-2)",
        "      db-0 ← everything of db-0 (spec.members[0].target.rules[0])",
        "      db-1 ← everything of db-0 (spec.members[0].target.rules[0])",
        "      db-2 ← nothing: no rule applies to it",
        "  wave 2",
        "    members[1] Deployment web: host app",
        "      app ← /var/www/html of app (spec.members[1].target.rules[0])",
        "  wave 3",
        "    members[2] DaemonSet collector: host log-$NODE_NAME",
        "      log-$NODE_NAME ← snapshots latest (spec.members[2].target.rules[0])",
    ]


def test_a_terminal_gets_a_picture_with_the_waves_from_left_to_right() -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("plan", str(SEQUENCE), COLUMNS="240"))
    titles = next(line for line in shown.splitlines() if "wave 1" in line)
    assert titles.index("wave 1") < titles.index("wave 2") < titles.index("wave 3")
    assert shown.count(" → ") == 2
    narrow = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("plan", str(SEQUENCE), COLUMNS="60"))
    assert max(map(len, narrow.splitlines()[1:])) <= 60
    assert "wave 3" in narrow


def test_many_hosts_are_shortened_and_several_objects_are_apart() -> None:
    text = f"{batch('BackupBatch', target('StatefulSet', 'db', ', alias: db'))}---\n"
    result = run("-", "--replicas", "db=9", given=text * 2)
    assert result.stdout.count("hosts db-$POD_INDEX (db-0, db-1, …, db-8)") == 2
    assert result.stdout.count("\n\n") == 1


def test_a_pipe_that_cannot_take_every_character_gets_the_others() -> None:
    variables = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "app", "plan", str(SEQUENCE)]
    ended = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "      app ? /var/www/html of app (spec.members[1].target.rules[0])\n" in ended.stdout


def test_a_plan_for_what_the_server_would_refuse_says_so() -> None:
    result = run(SAMPLES / "unique-alias.yaml")
    assert result.exit_code == 0
    assert "the server would refuse it: run `stash-admission check` to see why" in result.stdout


def test_a_plan_for_nothing_says_so() -> None:
    result = run("-", given="a: 1\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "No Stash objects were found\n")
    assert json.loads(run("-", "--output", "json", given="a: 1\n").stdout) == {"objects": []}


def test_a_repository_has_no_plan_whatever_is_wrong_with_it() -> None:
    text = "apiVersion: stash.appscode.com/{}\nkind: Repository\nmetadata: {{name: x}}\nspec: {{}}\n"
    for version in ("v1alpha1", "v1beta1"):
        result = run("-", given=text.format(version))
        assert (result.exit_code, result.stdout) == (0, "")


PLANNED = by_rule(each for each in cases() if each.object["kind"] in INVOKERS)


@pytest.mark.parametrize("rule", PLANNED)
def test_every_object_has_a_plan_with_each_member_in_one_wave(rule: str) -> None:
    try_each(PLANNED[rule], _has_a_plan_with_each_member_in_one_wave)


def _has_a_plan_with_each_member_in_one_wave(case: Case) -> None:
    one = planned(json.dumps(case.object))
    steps = [step for wave in one["waves"] for step in wave]
    assert [step["member"] for step in steps] == list(range(len(steps)))
    assert all(len(wave) == 1 for wave in one["waves"]) or one["order"] == "Parallel"


# --- Input


@pytest.mark.parametrize("text", ["db", "=3", "db=", "db=x", "db=-1", "db=10000", "db=³"])
def test_replicas_that_are_none_are_named(text: str) -> None:
    result = run("-", "--replicas", text, given="a: 1\n")
    assert result.exit_code == 2
    assert f"--replicas {text}: write NAME=COUNT" in result.stderr


def test_replicas_of_nobody_are_told() -> None:
    result = run(
        "-", "--replicas", "db=3", "--replicas", "web=1", given=batch("BackupBatch", target("StatefulSet", "db"))
    )
    assert result.exit_code == 0
    assert result.stderr == "Warning: --replicas web: these files have no StatefulSet of that name\n"


def test_what_cannot_be_read_ends_with_2_and_the_rest_is_planned() -> None:
    text = f"{batch('BackupBatch', target('Deployment', 'web'))}---\na: [\n---\n"
    text += "apiVersion: stash.appscode.com/v1\nkind: BackupBatch\n"
    result = run("-", "--output", "json", given=text)
    assert result.exit_code == 2
    assert len(json.loads(result.stdout)["objects"]) == 1
    assert [line.partition(": ")[2][:9] for line in result.stderr.splitlines()] == ["-:11:1: n", "-:12:1: B"]


# --- Levels

NEVER = f"""{HEAD}kind: BackupConfiguration
spec:
  repository: {{name: gcs-repo}}
  schedule: "0 24 * * *"
{KEEP}  target: {{alias: app, ref: {{apiVersion: apps/v1, kind: Deployment, name: web}}}}
"""
REFUSED = "the server would refuse it"


def test_a_plan_says_that_an_object_is_refused_by_the_levels_that_the_user_chooses(tmp_path: Path) -> None:
    file = tmp_path / "levels.yaml"
    file.write_text("namespaces: {demo: {rules: {valid-schedule: warn}}}\n")
    assert REFUSED in run("-", given=NEVER).stdout
    assert REFUSED not in run("-", "--rule", "valid-schedule=warn", given=NEVER).stdout
    assert REFUSED not in run("-", "--config", file, given=NEVER).stdout
    assert REFUSED in run("-", "--config", file, given=NEVER.replace("demo", "prod")).stdout


@pytest.mark.parametrize("flag", [True, False])
def test_a_flag_of_plan_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch, flag: bool) -> None:
    monkeypatch.setenv("STASH_ADMISSION_RULE", "valid-schedule=off")
    given = ["--rule", "valid-schedule=enforce"] if flag else []
    assert (REFUSED in run("-", *given, given=NEVER).stdout) is flag


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--rule", "valid-shedule=warn"], "valid-schedule"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--config", "-"], "standard input can be read only once"),
    ],
)
def test_levels_that_cannot_be_used_end_a_plan_with_2(arguments: list[str], complaint: str) -> None:
    result = run("-", *arguments, given=NEVER)
    assert (result.exit_code, result.stdout) == (2, "")
    assert complaint in result.stderr


# --- What the cluster holds

BACKUP = f"""{HEAD}kind: BackupConfiguration
spec:
  repository: {{name: gcs-repo}}
{KEEP}  target: {{alias: db, ref: {{kind: StatefulSet, name: db}}}}
"""


def restoring(alias: str, kind: str, rules: str = "[]") -> str:
    ref = f"{{kind: {kind}, name: db}}"
    spec = f"spec:\n  repository: {{name: gcs-repo}}\n  target: {{alias: {alias}, ref: {ref}, rules: {rules}}}\n"
    return f"{HEAD}kind: RestoreSession\n{spec}"


@pytest.mark.parametrize(
    ("restore", "written"),
    [
        (restoring("db", "StatefulSet"), [True]),
        (restoring("db", "Deployment"), [False]),
        (restoring("db-0", "Deployment"), [True]),
        (restoring("app", "Deployment", "[{sourceHost: db-1}]"), [True]),
        (restoring("app", "Deployment", "[{sourceHost: db}]"), [False]),
        (restoring("app", "Deployment", "[{snapshots: [latest]}]"), [None]),
    ],
)
def test_with_an_inventory_a_restore_shows_whether_a_backup_writes_the_source(
    tmp_path: Path, restore: str, written: list[bool | None]
) -> None:
    (tmp_path / "backup.yaml").write_text(BACKUP)
    plan = planned(restore, "--inventory", str(tmp_path))
    assert [fed.get("written") for fed in plan["waves"][0][0]["rules"]] == written
    text = run("-", "--inventory", str(tmp_path), given=restore).stdout
    assert ("no backup writes" in text) is (False in written)


def test_without_an_inventory_nothing_is_said_of_who_writes_the_source() -> None:
    assert "written" not in planned(restoring("db", "Deployment"))["waves"][0][0]["rules"][0]


def test_an_inventory_that_cannot_be_read_is_an_error_of_usage(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("a: [ # stash.appscode.com")
    result = run("-", "--inventory", str(tmp_path), given=BACKUP)
    assert result.exit_code == 2
    assert "bad.yaml" in result.stderr
