"""`audit --snapshots`: what is read, which Repository it is of, and what is said in every output."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from typer.testing import Result

from app.commands.audit import snapshot_file
from tests.support.commandline import complaint
from tests.support.commandline import run as command
from tests.support.history import NOW, backup, daily, restore, snapshot

AT = ("--now", NOW.isoformat())


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def repository(name: str = "repo", bucket: str = "b", namespace: str = "demo") -> dict[str, Any]:
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backend": {"gcs": {"bucket": bucket}}},
    }


def put(*documents: dict[str, Any], snapshots: object = ()) -> None:
    Path("objects.yaml").write_text(yaml.safe_dump_all(documents))
    Path("snapshots.json").write_text(snapshots if isinstance(snapshots, str) else json.dumps(snapshots))


def audit(*arguments: str, snapshots: str = "snapshots.json", given: bytes | None = None) -> Result:
    return command("audit", "objects.yaml", "--snapshots", snapshots, *AT, *arguments, given=given)


def mixed() -> None:
    put(repository(), backup(), restore("shp"), snapshots=daily(12) + daily(path="/other", at="04:00"))


def test_a_healthy_repository_says_nothing_but_what_retention_does_next() -> None:
    put(repository(), backup(), snapshots=daily())
    done = audit()
    assert (done.exit_code, done.stderr) == (0, "")
    removal, summary = done.stdout.splitlines()
    assert removal.startswith("Repository demo/repo: retention of BackupConfiguration demo/web removes snapshot ")
    assert removal.endswith(" of 10 of host web, /data, after the run of 2026-11-29 03:00 UTC")
    assert summary == (
        "2 objects audited: 0 would be refused, 0 warned of, 0 changed; 10 snapshots compared, 0 findings"
    )


def test_a_finding_has_its_place_its_snapshots_and_the_commands_that_would_mend_it() -> None:
    mixed()
    done = audit()
    assert done.exit_code == 1
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if "(mixed-host)" in line)
    assert lines[start].startswith('objects.yaml:25:5: error: spec.target.alias: host "web" is fed by two targets: ')
    assert lines[start + 1].startswith("    snapshots ")
    assert lines[start + 1].endswith(" and 5 more")
    assert lines[start + 2] == "    $ restic snapshots --host web"
    assert lines[start + 3].startswith("    $ restic rewrite --forget --new-host web-other ")
    assert lines[-1].endswith("; 22 snapshots compared, 2 findings")


def test_json_names_all_snapshots_and_what_retention_removes() -> None:
    mixed()
    written = json.loads(audit("--output", "json").stdout)
    one, other = (each for each in written["findings"] if "commands" in each)
    assert (one["rule"], one["level"], one["kind"], one["line"]) == (
        "mixed-host",
        "error",
        "BackupConfiguration",
        25,
    )
    assert len(one["snapshots"]) == 10
    assert all(len(each) == 64 for each in one["snapshots"])
    assert (other["rule"], other["snapshots"]) == ("empty-restore", [])
    (first,) = written["retention"]
    assert first["repository"] == "demo/repo"
    assert (first["host"], first["paths"], first["at"]) == ("web", ["/data"], "2026-11-29T03:00:00Z")
    assert len(first["snapshots"]) == 3
    assert first["by"] == {"kind": "BackupConfiguration", "namespace": "demo", "name": "web"}
    put(repository(), backup())
    assert "retention" not in json.loads(command("audit", "objects.yaml", "--output", "json").stdout)


def test_every_other_output_has_the_commands_behind_the_message() -> None:
    mixed()
    lines = audit("--output", "github").stdout.splitlines()
    (line,) = (each for each in lines if "mixed-host" in each)
    assert line.startswith("::error file=objects.yaml,line=25,col=5,title=mixed-host::host ")
    assert " [restic snapshots --host web; restic rewrite " in line
    log = json.loads(audit("--output", "sarif").stdout)
    (result,) = (each for each in log["runs"][0]["results"] if each["ruleId"] == "mixed-host")
    assert "restic snapshots --host web; restic rewrite" in result["message"]["text"]
    root = Xml.fromstring(audit("--output", "junit").stdout)  # noqa: S314  our own
    (failure,) = (each for each in root.iter("failure") if each.get("type") == "mixed-host")
    assert "restic snapshots --host web" in str(failure.text)


def test_a_terminal_shows_them_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from io import StringIO

    from app.commands.audit.damage import Damages, Given
    from app.commands.audit.runner import Audit, audit_files
    from app.commands.audit.text import show
    from app.commands.terminal.door import Door

    mixed()
    monkeypatch.setenv("NO_COLOR", "1")
    found = Audit(damages=Damages([Given("", Path("snapshots.json"))], NOW))
    list(audit_files(found, [Path("objects.yaml")], {}))
    console = Door(force_terminal=True, width=160, file=StringIO())
    show(found, console)
    assert isinstance(console.file, StringIO)
    assert "$ restic snapshots --host web" in console.file.getvalue()


def test_a_host_is_said_to_have_no_backup_only_where_all_backups_were_read() -> None:
    put(repository(), backup(), snapshots=daily() + daily(host="gone", path="/other"))
    assert "no backup writes host" in audit().stdout
    Path("more.yaml").write_text("apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: [")
    done = command("audit", "objects.yaml", "more.yaml", "--snapshots", "snapshots.json", *AT)
    assert done.exit_code == 2
    assert "forget" not in done.stdout
    assert "Warning: not every backup was read, so hosts that none of them writes are not reported" in done.stderr


def test_one_namespace_of_a_cluster_is_not_every_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    from app.commands.audit import runner
    from app.commands.audit.damage import Damages, Given

    put(snapshots=daily())
    monkeypatch.setattr(runner, "read_cluster", _reads_one_repository)
    api: Any = None
    for namespace, rules in ((None, ["unwritten-host"]), ("demo", [])):
        found = runner.Audit(damages=Damages([Given("", Path("snapshots.json"))], NOW))
        list(runner.audit_cluster(found, api, {}, namespace))
        assert found.damages is not None
        assert [said.rule for each in found.damages.checked for said in each.findings] == rules
        assert len(found.notes) == (namespace is not None)


def _reads_one_repository(contents: Any, *_: object) -> Iterator[Any]:
    contents.inventory.put("Repository", repository())
    yield from ()


# --- which Repository


def test_snapshots_name_their_repository_where_there_are_several() -> None:
    others = repository("other", "c"), backup("x", "x", repository={"name": "other"})
    put(repository(), backup(), *others, snapshots=daily())
    assert "of which Repository are they? Write --snapshots NAMESPACE/NAME=FILE; there are demo/other, demo/repo" in (
        audit().stderr
    )
    Path("other.json").write_text(json.dumps(daily(host="x")))
    done = audit("--snapshots", "other=other.json", snapshots="demo/repo=snapshots.json")
    assert done.exit_code == 0
    assert "20 snapshots compared, 0 findings" in done.stdout


def test_repositories_of_one_place_are_one() -> None:
    copied = backup("x", "x", repository={"name": "copy"})
    put(repository(), repository("copy"), backup(), copied, snapshots=daily() + daily(host="x"))
    assert "20 snapshots compared, 0 findings" in audit().stdout


def test_a_repository_of_one_name_in_two_namespaces_needs_the_namespace() -> None:
    put(repository(), repository(bucket="c", namespace="prod"), backup(), snapshots=daily())
    assert "there are demo/repo, prod/repo" in audit(snapshots="repo=snapshots.json").stderr
    assert audit(snapshots="demo/repo=snapshots.json").exit_code == 0
    wrong = audit(snapshots="shop=snapshots.json")
    assert wrong.exit_code == 2
    assert "there is no Repository shop (there is demo/repo, prod/repo): write --snapshots NAMESPACE/NAME=FILE" in (
        wrong.stderr
    )
    put(snapshots=daily())
    assert "no object names a Repository (there is none at all)" in audit().stderr


def test_two_repositories_of_which_one_has_the_whole_name_are_told_apart() -> None:
    put(repository(namespace=""), repository(bucket="c", namespace="prod"), backup(), snapshots=daily())
    assert "of which Repository" not in audit(snapshots="repo=snapshots.json").stderr


def test_standard_input_is_read_once() -> None:
    put(repository(), backup())
    done = audit(snapshots="repo=-", given=json.dumps(daily()).encode())
    assert "10 snapshots compared, 0 findings" in done.stdout
    twice = command("audit", "-", "--snapshots", "-")
    assert complaint(twice) == "Error: standard input can be read only once: write `-` only once"


def test_a_backup_of_a_moment_ago_need_not_have_run() -> None:
    for created, count in (
        ("2026-11-28T01:00:00Z", 0),
        ("2026-11-20T01:00:00Z", 1),
        ("yesterday", 1),
        ("2026-11-28T01:00:00", 1),
        (7, 1),
    ):
        new = backup("new", "new")
        new["metadata"]["creationTimestamp"] = created
        put(repository(), backup(), new, snapshots=daily())
        assert f"{count} finding" in audit().stdout
    often = backup("new", "new", schedule="@every 30m")
    often["metadata"]["creationTimestamp"] = "2026-11-28T11:30:00Z"
    never = backup("never", "never", schedule="0 0 31 2 *")
    never["metadata"]["creationTimestamp"] = "2026-11-28T11:30:00Z"
    put(repository(), backup(), often, never, snapshots=daily())
    assert ", 0 findings" in audit().stdout


def test_schedules_are_read_in_the_time_zone_of_the_cluster() -> None:
    put(repository(), backup(), snapshots=daily())
    assert "after the run of 2026-11-28 18:00 UTC" in audit("--time-zone", "Asia/Tokyo").stdout
    assert complaint(audit("--time-zone", "Mars/Olympus")).startswith(
        "Error: --time-zone Mars/Olympus: there is no such"
    )
    assert complaint(command("audit", "objects.yaml", "--snapshots", "x", "--now", "noon")).startswith(
        "Error: --now noon"
    )
    assert audit().exit_code == command("audit", "objects.yaml", "--snapshots", "snapshots.json").exit_code == 0


@pytest.mark.parametrize("now", ["1970-01-01T00:00:00Z", "2999-12-31T23:59:59Z"])
def test_the_ends_of_time_are_far_enough_away(now: str) -> None:
    slow = backup("slow", "slow", schedule="@every 2562047h", timeOut="2562047h")
    slow["spec"]["retryConfig"] = {"maxRetry": 2**31 - 1, "delay": "2562047h"}
    never = backup("never", "never", schedule="0 0 31 2 *")
    ends = [snapshot(datetime.fromisoformat(f"{at}T00:00:00+00:00")) for at in ("1970-01-01", "2999-12-31")]
    put(repository(), backup(), slow, never, snapshots=ends)
    for zone in ("UTC", "Asia/Tokyo", "America/New_York"):
        done = command("audit", "objects.yaml", "--snapshots", "snapshots.json", "--now", now, "--time-zone", zone)
        assert "2 snapshots compared" in done.stdout
        assert command("plan", "objects.yaml", "--forecast", "--now", now, "--time-zone", zone).exit_code == 0


@pytest.mark.parametrize("now", ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00+01:00", "3000-01-01", "9999-12-31"])
def test_a_time_that_no_calendar_reaches_is_no_time(now: str) -> None:
    put(backup())
    said = complaint(command("plan", "objects.yaml", "--forecast", "--now", now))
    assert said == f"Error: --now {now}: write a time such as 2026-01-31T03:00:00Z, of the years 1970 to 2999"


# --- what is read


def test_groups_and_an_empty_repository_are_read() -> None:
    grouped = [{"group_key": {"hostname": "web"}, "snapshots": daily()}]
    put(repository(), backup(), snapshots=grouped)
    assert "10 snapshots compared, 0 findings" in audit().stdout
    for empty in ("null\n", " [ ] \n"):
        put(repository(), backup(paused=True), snapshots=empty)
        assert "0 snapshots compared, 0 findings" in audit().stdout


def test_a_snapshot_that_is_listed_twice_is_one() -> None:
    put(repository(), backup(), snapshots=daily() + daily())
    assert ", 0 findings" in audit().stdout


def test_what_is_no_time_is_not_told_in_full() -> None:
    for wrong in ("9" * 10_000, ["x" * 10_000]):
        put(repository(), backup(), snapshots=one(time=wrong))
        assert len(audit().stderr) < 300


def one(**changed: object) -> str:
    return json.dumps([{**snapshot(NOW), **changed}])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a JSON list: give it what `restic snapshots --json` writes"),
        ('{"a": 1}', "not a JSON list"),
        ("null null", "not a JSON list"),
        ("[1]", "item 1: not a snapshot"),
        ('[{"group_key": {}, "snapshots": 1}]', "item 1: not a snapshot"),
        ("[", "character 2: not JSON, or cut off"),
        ("[{}", "item 1: id is not the name of a snapshot"),
        (one()[:-9], "not JSON, or cut off"),
        (f"{one()[:-1]} {one()[1:]}", "not JSON: a comma or a bracket is missing"),
        (f"{one()} x", "something follows the list"),
        ('[{"time": NaN}]', "not JSON, or cut off"),
        ("[" * 100_000, "character 2: too many brackets inside each other"),
        ('["\\ud800"', "item 1: not a snapshot"),
        (one(time="yesterday"), 'item 1: time "yesterday" is not a time such as 2026-01-31T03:00:00Z'),
        (one(time="2026-01-31T03:00:00"), "is not a time"),
        (one(time="0001-01-01T00:00:00+23:00"), "is not a time"),
        (one(time="9999-12-31T23:59:59-12:00"), "is not a time"),
        (one(time="1969-12-31T23:59:59Z"), "is not a time"),
        (one(time=7), "item 1: time 7 is not a time"),
        (one(hostname=7), "item 1: hostname is not a text"),
        (one(id="latest"), "item 1: id is not the name of a snapshot"),
        (one(paths="/data"), "item 1: paths is not a list of texts"),
        (one(tags=[1]), "item 1: tags is not a list of texts"),
    ],
)
def test_what_is_no_list_of_snapshots_is_told_with_its_place(text: str, said: str) -> None:
    put(repository(), backup(), snapshots=text)
    done = audit()
    assert done.exit_code == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: snapshots.json: ")
    assert said in line
    assert done.stdout.startswith("2 objects audited")


def test_what_is_no_text_or_no_file_is_told() -> None:
    put(repository(), backup())
    Path("snapshots.json").write_bytes(b'[{"hostname": "\xff"}]')
    assert "not UTF-8" in audit().stderr
    Path("snapshots.json").write_bytes(b"\xef\xbb\xbf[]")
    assert audit().exit_code == 0
    gone = audit(snapshots="gone.json")
    assert gone.stderr == "Error: gone.json: cannot read it: No such file or directory\n"
    assert gone.exit_code == 2


def test_names_that_would_be_commands_are_only_shown() -> None:
    put(repository(), backup(), snapshots=daily() + daily(host="\x1b]0;x\x07; rm -rf /", ended=20))
    said = audit().stdout
    assert "\x1b" not in said
    assert "$ restic snapshots --host '" in said


def test_a_list_is_read_piece_by_piece_and_has_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "_PIECE_BYTES", 7)
    put(repository(), backup(), snapshots=[{**each, "username": "\u00fc\U0001f600"} for each in daily()])
    assert "10 snapshots compared, 0 findings" in audit().stdout
    monkeypatch.setattr(snapshot_file, "MAX_SNAPSHOTS", 9)
    assert "more than 9 snapshots: give those of some hosts, with --host" in audit().stderr
    monkeypatch.setattr(snapshot_file, "_MAX_SNAPSHOT_CHARS", 100)
    assert "character 2: an item is too long, or not JSON" in audit().stderr


def test_long_work_says_how_far_it_is() -> None:
    from app.commands.audit.damage import Damages, Given
    from app.commands.audit.runner import Audit, audit_files

    put(repository(), backup(), snapshots=[snapshot(NOW, host=f"h{number}") for number in range(10_001)])
    found = Audit(damages=Damages([Given("", Path("snapshots.json"))], NOW))
    steps = [step.doing for step in audit_files(found, [Path("objects.yaml")], {})]
    assert steps == ["reading"] * 2 + ["judging"] * 2 + ["reading snapshots", "comparing snapshots"]
    assert found.damages is not None
    assert found.damages.snapshots == 10_001
