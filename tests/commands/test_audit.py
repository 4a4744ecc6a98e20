"""`audit`: every object judged with knowledge of all the others, in every output, with the right exit code."""

import json
import os
import pty
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from typer.testing import CliRunner, Result

from app.admission.engine import Admission
from app.cli import app
from app.commands.audit.runner import Audit, audit_files
from app.commands.audit.text import show
from app.commands.check import github, json_report, junit, sarif
from app.commands.check.report import Report
from app.commands.check.runner import check
from app.commands.cluster.objects import StoredObject
from app.commands.terminal.door import Door
from app.inventory.folder import inventory_of
from testbed.cases import Case, cases
from testbed.reviews import admit
from tests.support.each import by_rule, try_each

Document = dict[str, Any]
CASES = by_rule(each for each in cases() if each.old is None and "deletionTimestamp" not in each.object["metadata"])
"""Those of objects that are judged: an audit leaves out what is being deleted."""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str | Path, given: str | None = None, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(app, ["audit", *map(str, arguments)], input=given)


def found(*arguments: str | Path, given: str | None = None) -> list[tuple[str, str, str]]:
    """Name, rule and level of what `audit --output json` says."""
    result = run(*arguments, "--output", "json", given=given)
    assert result.exit_code in (0, 1), result.output
    return [(each["name"], each["rule"], each["level"]) for each in json.loads(result.stdout)["findings"]]


def batch(name: str, alias: str = "app", repository: str = "gcs-repo", **metadata: Any) -> Document:
    return {
        "apiVersion": "stash.appscode.com/v1beta1",
        "kind": "BackupBatch",
        "metadata": {"name": name, "namespace": "demo", **metadata},
        "spec": {
            "repository": {"name": repository},
            "schedule": "0 3 * * *",
            "retentionPolicy": {"name": "keep-last-5", "keepLast": 5, "prune": True},
            "members": [
                {"target": {"alias": alias, "ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}}
            ],
        },
    }


def repository(name: str = "gcs-repo", namespace: str = "demo", **spec: Any) -> Document:
    return {
        "apiVersion": "stash.appscode.com/v1alpha1",
        "kind": "Repository",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"backend": {"gcs": {"bucket": "b"}}, **spec},
    }


def put(*documents: Document, name: str = "dump.yaml") -> Path:
    path = Path(name)
    path.write_text(yaml.safe_dump_all(documents))
    return path


# --- what is found


def test_two_batches_that_share_a_repository_are_both_found_each_naming_the_other() -> None:
    result = run(put(batch("shop"), batch("blog", alias="blog"), repository()))
    assert result.exit_code == 1
    lines = [line for line in result.stdout.splitlines() if "(exclusive-repository)" in line]
    assert len(lines) == 2
    assert "is already used by BackupBatch demo/blog" in lines[0]
    assert "is already used by BackupBatch demo/shop" in lines[1]


def test_a_good_cluster_has_nothing_to_report() -> None:
    result = run(put(batch("shop"), repository()))
    assert result.exit_code == 0
    assert result.stdout == "2 objects audited: 0 would be refused, 0 warned of, 0 changed\n"
    assert result.stderr == ""


def test_objects_in_several_files_and_lists_are_compared_with_each_other() -> None:
    put(batch("shop"), name="shop.yaml")
    listed = {"apiVersion": "v1", "kind": "List", "items": [batch("blog", alias="blog"), repository()]}
    Path("list.json").write_text(json.dumps(listed))
    assert found(".") == [("blog", "exclusive-repository", "error"), ("shop", "exclusive-repository", "error")]


def test_repositories_are_audited_and_those_of_one_place_name_each_other() -> None:
    bad = repository("bad")
    bad["spec"]["backend"]["b2"] = {"bucket": "b"}
    elsewhere = repository("other", "prod")
    assert found(put(repository("one"), elsewhere, bad)) == [
        ("one", "repository-place", "warning"),
        ("other", "repository-place", "warning"),
        ("bad", "one-backend", "error"),
    ]
    said = run(Path("dump.yaml")).stdout
    assert 'Repository "demo/one" is the same place as Repository "prod/other" (gs:b:/)' in said


def test_standard_input_takes_the_place_of_a_cluster() -> None:
    dump = yaml.safe_dump_all([batch("shop"), batch("blog", alias="blog"), repository()])
    assert len(found("-", given=dump)) == 2


def test_the_labels_of_namespaces_are_known() -> None:
    policy = {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}}
    used = batch("shop")
    used["spec"]["repository"]["namespace"] = "backups"
    shared = repository(namespace="backups", usagePolicy=policy)
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "demo", "labels": {"team": "shop"}}}
    assert found(put(used, shared, namespace)) == []
    namespace["metadata"]["labels"]["team"] = "blog"  # type: ignore[index]
    assert found(put(used, shared, namespace)) == [("shop", "usage-policy", "error")]


def test_a_rule_that_cannot_be_checked_is_told_once_for_all_objects() -> None:
    policy = {"allowedNamespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "shop"}}}}
    shared = repository(namespace="backups", usagePolicy=policy)
    users = [batch("shop"), batch("blog", alias="blog")]
    for each in users:
        each["spec"]["repository"]["namespace"] = "backups"
    result = run(put(shared, *users), "--rule", "exclusive-repository=off")
    assert result.exit_code == 0
    why = "usage-policy: not checked, since the labels of Namespace demo are not known (2 objects)"
    assert result.stderr == f"Warning: {why}\n"


def test_what_is_being_deleted_is_left_out_counted_and_compared_with_nobody() -> None:
    gone = batch("blog", alias="blog", deletionTimestamp="2024-01-01T00:00:00Z", finalizers=["stash"])
    result = run(put(batch("shop"), gone, repository()))
    assert result.exit_code == 0
    assert "2 objects audited" in result.stdout
    assert "1 object being deleted left out" in result.stdout


def test_an_object_without_alias_is_judged_with_the_one_that_it_would_get() -> None:
    both = batch("shop")
    member = {"target": {"ref": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "one"}}}
    both["spec"]["members"] = [member, {"target": {"ref": {**member["target"]["ref"], "name": "two"}}}]
    assert found(put(both, repository())) == [("shop", "unique-alias", "error")]


@pytest.mark.parametrize("rule", CASES)
def test_every_object_of_the_cases_gets_from_a_cluster_what_the_server_says(rule: str) -> None:
    """What is read from a cluster has no places, and is judged all the same."""
    try_each(CASES[rule], _gets_from_a_cluster_what_the_server_says)


def _gets_from_a_cluster_what_the_server_says(case: Case) -> None:
    metadata = {"namespace": "", "name": "", **case.object["metadata"]}
    inventory = None if case.cluster is None else inventory_of(case.cluster)
    stored = StoredObject.of(case.object["kind"], {**case.object, "metadata": metadata})
    checked = check(stored, Admission({}, inventory))
    server = admit(case.object, cluster=case.cluster)
    said = {level: {each.rule for each in checked.findings if each.level == level} for level in ("error", "warning")}
    assert said["error"] == server.validation.refused_by
    assert said["warning"] == server.mutation.warned_by | server.validation.warned_by
    assert all(each.place is None for each in checked.findings)


# --- exit codes and what is wrong with a call


def test_levels_are_those_that_the_user_chooses() -> None:
    dump = put(batch("shop"), batch("blog", alias="blog"), repository())
    assert run(dump, "--rule", "exclusive-repository=warn").exit_code == 0
    assert run(dump, "--rule", "exclusive-repository=warn", "--fail-on", "warning").exit_code == 1
    assert run(dump, "--rule", "exclusive-repository=off", "--fail-on", "warning").exit_code == 0
    assert run(dump, STASH_ADMISSION_RULE="exclusive-repository=warn").exit_code == 0


def test_what_cannot_be_read_is_told_and_the_rest_is_audited() -> None:
    Path("bad.yaml").write_text("a: [ # stash.appscode.com\n")
    put(batch("shop"), batch("blog", alias="blog"), repository())
    result = run(".")
    assert result.exit_code == 2
    assert "3 objects audited: 2 would be refused" in result.stdout
    assert result.stderr.startswith("Error: bad.yaml:")


def test_a_namespace_that_is_no_text_is_told_with_its_place() -> None:
    Path("bad.yaml").write_text(
        "apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\nmetadata: {name: r, namespace: [1]}\n"
    )
    result = run("bad.yaml")
    assert result.exit_code == 2
    assert result.stderr == "Error: bad.yaml:3:1: metadata.name and metadata.namespace are not names\n"


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (
            ["x.yaml", "-n", "demo"],
            "Error: --namespace applies to a cluster, not to files: leave out either the namespace or the paths\n",
        ),
        (["-", "-"], "Error: standard input can be read only once: write `-` only once\n"),
        (["--rule", "nothing=warn"], "unknown rule 'nothing'"),
        (["nowhere.yaml"], "Error: nowhere.yaml: No such file or directory\n"),
    ],
)
def test_a_wrong_call_ends_with_code_2(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert complaint in result.stderr
    assert "Traceback" not in result.output


def test_a_name_that_no_namespace_has_is_refused_before_anything_is_asked() -> None:
    result = run("-n", "a/b", KUBECONFIG="nowhere")
    assert result.exit_code == 2
    assert "a/b" in result.stderr


def test_without_a_cluster_it_says_what_to_set() -> None:
    result = run(KUBECONFIG="nowhere")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: there is no cluster to talk to, set KUBECONFIG")


# --- outputs: of objects of a cluster, which are in no file


def cluster_report() -> Report:
    """Two objects of a cluster: one refused, one that would be changed."""
    refused, changed = batch("shop"), batch("blog")
    refused["spec"]["schedule"] = "0 24 * * *"
    del changed["spec"]["members"][0]["target"]["alias"]
    report = Report(title="stash-admission audit")
    report.checked = [check(StoredObject.of("BackupBatch", each), Admission()) for each in (refused, changed)]
    return report


def test_in_json_objects_of_a_cluster_have_no_file_and_no_line() -> None:
    said = json.loads(json_report.as_json(cluster_report()))
    (finding,), (edit,) = said["findings"], said["edits"]
    assert (finding["file"], finding["line"], finding["column"]) == (None, None, None)
    assert (finding["kind"], finding["namespace"], finding["name"]) == ("BackupBatch", "demo", "shop")
    assert edit["file"] is None
    assert edit["patch"] == [{"op": "add", "path": "/spec/members/0/target/alias", "value": "host-0"}]


def test_in_sarif_objects_of_a_cluster_have_logical_places_only() -> None:
    results = json.loads(sarif.as_sarif(cluster_report()))["runs"][0]["results"]
    (places,) = {json.dumps(each["locations"]) for each in results if each["level"] == "error"}
    assert json.loads(places) == [
        {"logicalLocations": [{"fullyQualifiedName": "BackupBatch demo/shop: spec.schedule", "kind": "object"}]}
    ]


def test_in_junit_objects_of_a_cluster_are_cases_of_their_kinds_suite() -> None:
    root = Xml.fromstring(junit.as_junit(cluster_report()))  # noqa: S314  it is our own
    assert root.attrib == {"name": "stash-admission audit", "tests": "2", "failures": "1", "errors": "0"}
    (suite,) = root
    assert suite.attrib["name"] == "BackupBatch"
    assert [case.attrib for case in suite] == [
        {"classname": "BackupBatch", "name": "demo/shop"},
        {"classname": "BackupBatch", "name": "demo/blog"},
    ]
    failure = suite[0].find("failure")
    assert failure is not None
    assert str(failure.text).startswith("BackupBatch demo/shop: spec.schedule: ")


def test_for_github_objects_of_a_cluster_are_named_in_the_message() -> None:
    first, second = github.as_github(cluster_report()).splitlines()
    assert first.startswith("::error title=valid-schedule::BackupBatch demo/shop: spec.schedule: schedule ")
    assert second == (
        '::notice title=default-alias::BackupBatch demo/blog: spec.members[0].target.alias: "host-0" is written'
    )


def shown(terminal: bool) -> str:
    audit = Audit(cluster_report())
    console = Door(file=StringIO(), force_terminal=terminal, width=100, no_color=True, legacy_windows=False)
    show(audit, console)
    written = console.file
    assert isinstance(written, StringIO)
    return re.sub(r"\x1b\[[0-9;]*m", "", written.getvalue())


def test_in_a_pipe_each_finding_is_one_line() -> None:
    lines = shown(terminal=False).splitlines()
    assert lines[0].startswith('BackupBatch demo/shop: error: spec.schedule: schedule "0 24 * * *" is not valid')
    assert lines[0].endswith("(valid-schedule)")


def test_on_a_terminal_the_findings_are_a_table() -> None:
    lines = shown(terminal=True).splitlines()
    assert lines[0].split() == ["OBJECT", "EFFECT", "RULE", "WHAT", "IS", "WRONG"]
    assert lines[1].split()[:4] == ["BackupBatch", "demo/shop", "error", "valid-schedule"]
    assert all(len(line) <= 120 for line in lines)


@pytest.mark.parametrize("terminal", [False, True])
def test_what_each_rule_found_is_counted_refusals_first(terminal: bool) -> None:
    lines = [line.split() for line in shown(terminal).splitlines()]
    start = lines.index(["EFFECT", "RULE", "OBJECTS", "FINDINGS"])
    assert lines[start + 1 : start + 3] == [
        ["error", "valid-schedule", "1", "1"],
        ["change", "default-alias", "1", "1"],
    ]


def test_every_output_of_a_folder_names_file_and_line() -> None:
    wrong = batch("shop")
    wrong["spec"]["schedule"] = "0 24 * * *"
    dump = put(wrong, repository())
    assert run(dump).stdout.startswith("dump.yaml:20:3: error: spec.schedule: ")
    assert "file=dump.yaml,line=20,col=3" in run(dump, "--output", "github").stdout
    assert json.loads(run(dump, "--output", "json").stdout)["findings"][0]["line"] == 20
    assert 'file="dump.yaml" line="1"' in run(dump, "--output", "junit").stdout
    assert json.loads(run(dump, "--output", "sarif").stdout)["runs"][0]["results"][0]["ruleId"] == "valid-schedule"


IMPATIENT = """
import sys
from app.cli import main, progress
progress.PROGRESS_AFTER_SECONDS = -1
sys.argv = ["stash-admission", "audit", "dump.yaml"]
main()
"""
"""The program, which shows at once what it otherwise shows after a second."""


def test_a_bar_is_shown_on_a_terminal_and_nothing_of_it_elsewhere() -> None:
    put(*(batch(f"shop-{i}", alias=f"a{i}x", repository=f"r{i}") for i in range(30)))
    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", IMPATIENT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=other
    ) as process:
        os.close(other)
        shown = b""
        assert process.stdout is not None
        output = process.stdout.read()
        try:
            while part := os.read(main, 65536):
                shown += part
        except OSError:
            pass  # the other end is closed
        os.close(main)
    assert b"\x1b" not in output
    assert output.endswith(b"30 objects audited: 0 would be refused, 30 warned of, 0 changed\n")
    assert b"judging" in shown
    assert b"30/30" in shown


def test_the_steps_say_how_far_it_is() -> None:
    audit = Audit()
    steps = list(audit_files(audit, [put(batch("shop"), batch("blog"))], {}))
    assert [(each.doing, each.done, each.total) for each in steps] == [
        ("reading", 1, None), ("reading", 2, None), ("judging", 1, 2), ("judging", 2, 2),
    ]  # fmt: skip
    assert len(audit.report.checked) == 2
