"""`check` says what the server says, and where; in every output, with the right exit code."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from app.admission.engine import Admission
from app.cli import app
from app.commands.check.runner import BESIDE_THE_RULES
from app.commands.check.runner import check as judge
from app.manifest.objects import Manifest, objects_in
from app.manifest.source import Text
from app.rules.registry import RULES
from schemas.defaults import defaults_of
from schemas.kinds import KINDS
from testbed.cases import Case, cases
from testbed.reviews import admit
from tests.support import metadata
from tests.support.each import by_rule, try_each
from tests.support.manifests import BAD, CHANGED, GOOD, WARNED
from tests.support.objects import updates
from tests.support.terminal import IMPATIENT, PROGRAM, on_a_terminal

ROOT = Path(__file__).parents[2]
OTHER = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str | Path, given: str | None = None, **variables: str) -> Result:
    return CliRunner(env=variables).invoke(app, ["check", *map(str, arguments)], input=given)


def check(*arguments: str | Path, given: str | None = None) -> dict[str, Any]:
    """What `check --output json` says."""
    result = run(*arguments, "--output", "json", given=given)
    assert result.exit_code in (0, 1), result.output
    said: dict[str, Any] = json.loads(result.stdout)
    return said


def put(name: str, *documents: str) -> Path:
    path = Path(name)
    path.write_text("---\n".join(documents))
    return path


# --- As the server


BATCH = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupBatch
metadata: {name: shop, namespace: demo}
spec:
  repository: {name: gcs-repo}
  retentionPolicy: {name: keep-last-5, keepLast: 5, prune: true}
  members:
  - target: {alias: db, ref: {apiVersion: apps/v1, kind: Deployment, name: db}}
"""


def test_with_an_inventory_the_rules_that_ask_about_the_cluster_are_checked_too(folder: Path) -> None:
    (folder / "cluster").mkdir()
    put("cluster/stored.yaml", BATCH.replace("shop", "blog"), OTHER)
    mine = put("mine.yaml", BATCH)
    assert check(mine)["findings"] == []
    found, warned = check(mine, "--inventory", "cluster")["findings"]
    assert (warned["rule"], warned["level"]) == ("repository-exists", "warning")
    assert (found["rule"], found["level"]) == ("exclusive-repository", "error")
    assert (found["line"], found["path"]) == (5, "spec.repository.name")
    assert "demo/blog" in found["message"]


def test_the_object_itself_in_the_inventory_does_not_count_and_files_that_are_named_are_judged_alone(
    folder: Path,
) -> None:
    (folder / "cluster").mkdir()
    put("cluster/stored.yaml", BATCH)
    put("cluster/repository.yaml", "apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\n"
        "metadata: {name: gcs-repo, namespace: demo}\nspec: {}\n")  # fmt: skip
    assert check(put("mine.yaml", BATCH), "--inventory", "cluster")["findings"] == []
    put("both.yaml", BATCH, BATCH.replace("shop", "blog"))
    (folder / "cluster" / "stored.yaml").unlink()
    put("blog.yaml", BATCH.replace("shop", "blog"))
    assert check("mine.yaml", "blog.yaml", "--inventory", "cluster")["findings"] == []
    assert {each["rule"] for each in check("both.yaml", "--inventory", "cluster")["findings"]} == {
        "exclusive-repository",
        "repository-host",
    } - {"repository-host"}


def repository(name: str, backend: str, namespace: str = "demo") -> str:
    metadata = f"{{name: {name}, namespace: {namespace}}}"
    return f"apiVersion: stash.appscode.com/v1alpha1\nkind: Repository\nmetadata: {metadata}\nspec:\n  {backend}\n"


RESTORE = """\
apiVersion: stash.appscode.com/v1beta1
kind: RestoreSession
metadata: {name: restore, namespace: demo}
spec:
  repository: {name: gcs-repo}
  RULES
  target:
    alias: shop
    ref: {apiVersion: apps/v1, kind: Deployment, name: shop}
"""


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("snapshots: [b7c1d2e3, 00701234]", "snapshots[1] is 00701234, which is the number 230044: put it in quotes"),
        ("snapshots: [5e4]", "snapshots[0] is 5e4, which is the number 50000: put it in quotes"),
        ("paths: [/data, no]", "paths[1] is no, which is the boolean false: put it in quotes"),
        ("targetHosts: [0]", "targetHosts[0] is 0, a number: put it in quotes"),
        ("snapshots: 0x1F", "snapshots is 0x1F, which is the number 31: write a list"),
        (f"sourceHost: {'0' * 90}7", "sourceHost is 7, a number: put it in quotes"),
        ("paths: latest", 'paths is "latest", a string: write a list'),
        ("include: [{a: 1}]", "include[0] is an object: write a string"),
    ],
)
@pytest.mark.parametrize("deprecated", [False, True], ids=["in-the-target", "moved-there"])
@pytest.mark.usefixtures("folder")
def test_a_value_of_a_wrong_type_is_shown_as_it_is_written_by_its_place_in_the_list(
    written: str, said: str, deprecated: bool
) -> None:
    rules = f"rules: [{{{written}}}]"
    text = RESTORE.replace("RULES", rules) if deprecated else RESTORE.replace("  RULES\n", "") + f"    {rules}\n"
    (found,) = (each for each in check(put("mine.yaml", text))["findings"] if each["rule"] != "deprecated-rules")
    assert (found["rule"], found["message"]) == ("field-type", said)
    assert found["line"] == (6 if deprecated else 9)


@pytest.mark.usefixtures("folder")
def test_an_item_of_a_list_of_private_values_is_not_shown() -> None:
    text = RESTORE.replace("RULES", "hooks: {preRestore: {httpPost: {port: 80, form: [{key: k, values: [007]}]}}}")
    (found,) = check(put("mine.yaml", text))["findings"]
    assert found["message"] == "values[0] is a number: put it in quotes"


@pytest.mark.usefixtures("folder")
def test_repositories_are_judged_with_their_places_in_the_file() -> None:
    (found,) = check(put("mine.yaml", repository("two", "backend: {gcs: {bucket: b}, b2: {bucket: b}}")))["findings"]
    assert (found["rule"], found["level"], found["path"]) == ("one-backend", "error", "spec.backend")
    assert (found["kind"], found["name"], found["line"], found["column"]) == ("Repository", "two", 5, 3)


def test_a_repository_is_compared_with_those_of_an_inventory_of_whatever_namespace(folder: Path) -> None:
    (folder / "cluster").mkdir()
    put("cluster/one.yaml", repository("one", "backend: {gcs: {bucket: b, prefix: /shop}}", "prod"))
    put("cluster/two.yaml", repository("two", "backend: {gcs: {bucket: elsewhere}}"))
    mine = put("mine.yaml", repository("two", "backend: {gcs: {bucket: b, prefix: shop/}}"))
    assert check(mine)["findings"] == []
    (warned,) = check(mine, "--inventory", "cluster")["findings"]
    assert (warned["rule"], warned["level"]) == ("repository-place", "warning")
    assert 'Repository "demo/two" is the same place as Repository "prod/one" (gs:b:/shop)' in warned["message"]


@pytest.mark.usefixtures("folder")
def test_a_local_backend_has_any_volume_and_other_unknown_fields_of_a_repository_are_named() -> None:
    volume = "backend: {local: {mountPath: /safe, nfs: {server: nas, path: /}}, mounts: 1}"
    (unknown,) = check(put("mine.yaml", repository("one", volume)))["findings"]
    assert (unknown["rule"], unknown["path"]) == ("unknown-field", "spec.backend.mounts")


@pytest.mark.usefixtures("folder")
def test_a_repository_of_another_version_is_refused_by_its_version_alone() -> None:
    text = repository("two", "backend: {}").replace("v1alpha1", "v1beta1")
    (found,) = check(put("mine.yaml", text))["findings"]
    assert (found["rule"], found["level"]) == ("api-version", "error")
    assert "write stash.appscode.com/v1alpha1" in found["message"]


def test_an_inventory_that_cannot_be_read_is_an_error_of_usage(folder: Path) -> None:
    result = run(put("mine.yaml", BATCH), "--inventory", put("bad.yaml", "a: [ # stash.appscode.com"))
    assert result.exit_code == 2
    assert "bad.yaml" in result.stderr
    assert run("mine.yaml", "--inventory", folder / "none").exit_code == 2


def _as_yaml(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True)


@pytest.mark.parametrize("write", [_as_yaml, json.dumps], ids=["yaml", "json"])
@pytest.mark.parametrize("rule", by_rule(cases()))
@pytest.mark.usefixtures("folder")
def test_it_finds_and_changes_what_the_server_does(rule: str, write: Callable[[Any], str]) -> None:
    try_each(by_rule(cases())[rule], partial(_finds_what_the_server_does, write=write))


def _finds_what_the_server_does(case: Case, write: Callable[[Any], str]) -> None:
    put("new.yaml", write(case.object))
    arguments = ["new.yaml"]
    if case.old is not None:
        put("old.yaml", write(case.old))
        arguments += ["--old", "old.yaml"]
    said = check(*arguments)
    server = admit(case.object, case.old)
    errors = [each for each in said["findings"] if each["level"] == "error"]
    assert [(each["path"], f"{each['message']} ({each['rule']})", each["reason"]) for each in errors] == [
        (each["field"], each["message"], each["reason"]) for each in server.validation.causes
    ]
    assert [operation for each in said["edits"] for operation in each["patch"]] == server.mutation.patch
    warnings = [each for each in said["findings"] if each["level"] == "warning" and each["rule"] != "unknown-field"]
    stored = " [not refused: the stored object already has this problem]"
    lines = [
        f"{each['path']}: {each['message'].removesuffix(stored)} ({each['rule']})"
        + (stored if each["message"].endswith(stored) else "")
        for each in warnings
    ]
    if not any("more warnings" in each or each.endswith("…") for each in server.warnings):
        assert lines == server.warnings
    metadata = case.object["metadata"]
    for each in said["findings"] + said["edits"]:
        assert (each["file"], each["kind"], each["name"]) == ("new.yaml", case.object["kind"], metadata["name"])
        assert each["namespace"] == metadata.get("namespace", "")
    for each in said["findings"]:
        assert each["line"] >= 1


_UNSUBSTITUTED = {
    "driver": ("{{", "; render the template first, and check the result"),
    "timeOut": ("${A}", "; substitute the variables first, such as with envsubst, and check the result"),
}
"""Fields, values that are none yet, and what `check` adds to what the server says of them."""


def _unsubstituted(field: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(GOOD)
    document["spec"][field] = _UNSUBSTITUTED[field][0]
    return document


def _as_the_server_says(message: str, document: dict[str, Any]) -> str:
    """What is said of an object without the advice for values that are none yet, if it has such values."""
    if re.search(r"\{\{|\$[{(A-Za-z_]|%%|@[A-Z_]+@", json.dumps(document)):
        for _, advice in _UNSUBSTITUTED.values():
            message = message.removesuffix(advice)
    return message


@settings(max_examples=200, deadline=None)
@given(updates(), st.booleans())
@example((_unsubstituted("driver"), _unsubstituted("driver")), False)
@example((_unsubstituted("timeOut"), _unsubstituted("timeOut")), False)
def test_any_object_and_any_update_is_judged_as_the_server_judges_it(
    pair: tuple[dict[str, Any], dict[str, Any]], update: bool
) -> None:
    old, new = pair
    (manifest,) = objects_in(Text("x.json", json.dumps(new)))
    assert isinstance(manifest, Manifest)
    checked = judge(manifest, Admission(), old if update else None)
    fill = defaults_of(KINDS[new["kind"]].model).fill
    server = admit(fill(manifest.value), fill(old) if update else None)
    errors = [
        f"{each.path}: {_as_the_server_says(each.message, new)} ({each.rule})"
        for each in checked.findings
        if each.level == "error"
    ]
    errors = [re.sub(r"is \S+, which is the (number|boolean) (\S+): ", r"is \2, a \1: ", each) for each in errors]
    assert errors == [f"{each['field']}: {each['message']}" for each in server.validation.causes]
    assert [edit.operation() for each in checked.changes for edit in each.edits] == server.mutation.patch
    warned = {each.rule for each in checked.findings if each.level == "warning"} - {"unknown-field"}
    assert warned == server.warned_by


@pytest.mark.usefixtures("folder")
def test_levels_of_rules_are_those_of_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.yaml", BAD)
    assert check("a.yaml")["findings"][0]["level"] == "error"
    assert check("a.yaml", "--rule", "valid-schedule=warn")["findings"][0]["level"] == "warning"
    monkeypatch.setenv("STASH_ADMISSION_RULE", "valid-schedule=off")
    assert check("a.yaml")["findings"] == []


@pytest.mark.usefixtures("folder")
def test_the_defaults_of_the_crd_are_there_before_the_rules_look() -> None:
    hooks = "  hooks: {postBackup: {executionPolicy: null, exec: {command: [ls]}}}\n  retryConfig: {}\n  driver: null\n"
    put("a.yaml", GOOD + hooks)
    assert check("a.yaml") == {"objects": 1, "findings": [], "edits": []}
    put("old.yaml", GOOD + "  driver: Restic\n")
    restore = GOOD.replace("BackupConfiguration", "RestoreSession")
    restore = re.sub(r"  (schedule|retentionPolicy).*\n", "", restore)
    put("old.yaml", restore + "  driver: Restic\n")
    put("new.yaml", restore)
    assert check("new.yaml", "--old", "old.yaml")["findings"] == [], "immutable, and nothing has changed"


@pytest.mark.parametrize(
    ("text", "path", "line", "column"),
    [
        (GOOD + "  pause: true\n", "spec.pause", 9, 3),
        (GOOD.replace("alias:", "alais:"), "spec.target.alais", 8, 12),
        (GOOD + "  hooks: {preBackup: {exec: {comand: [ls]}}}\n", "spec.hooks.preBackup.exec.comand", 9, 30),
        (GOOD + "status2: {}\n", "status2", 9, 1),
        (GOOD.replace("{name: web, names", "{nam: web, names"), "metadata.nam", 3, 12),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_field_that_the_crd_does_not_have_is_warned_of(text: str, path: str, line: int, column: int) -> None:
    put("a.yaml", text)
    (said,) = [each for each in check("a.yaml")["findings"] if each["rule"] == "unknown-field"]
    assert said["message"].startswith(f'unknown field "{path}"')
    assert (said["level"], said["path"], said["line"], said["column"]) == ("warning", path, line, column)


@pytest.mark.parametrize(
    ("kind", "field", "advice"),
    [
        ("BackupBatch", "backupConfigurationTemplates: []", "write `members`, and what is in the `spec` of each"),
        ("BackupBatch", "members: [{spec: {}, target: {}}]", "write what is in it one level up"),
        ("BackupBatch", "members: [{target: {directories: [/data]}}]", "an old version had it: write `paths`"),
        ("BackupConfiguration", "target: {directories: [/data]}", "an old version had it: write `paths`"),
        ("BackupConfiguration", "target: {labelSelector: {}}", "write a BackupBatch with a member for each workload"),
        ("BackupConfiguration", "tempDir: {disableCache: true}", "write `disableCaching`"),
        ("BackupConfiguration", "timeout: 1h", "write `timeOut`"),
        ("BackupConfiguration", "schedul: '@daily'", "write `schedule`"),
        ("BackupConfiguration", "hooks: {preBackup: {execute: {}}}", "remove it"),
        ("RestoreSession", "target: {include: ['*']}", "write it into a rule of `spec.target.rules`"),
        ("RestoreBatch", "members: [{target: {snapshots: [latest]}}]", "a rule of `spec.members[0].target.rules`"),
        ("RestoreSession", "target: {rules: [{targetHost: [a]}]}", "write `targetHosts`"),
        ("Repository", "backend: {s3: {buckets: b}}", "write `bucket`"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_an_unknown_field_is_answered_with_what_to_write_instead(kind: str, field: str, advice: str) -> None:
    version = KINDS[kind].version
    put("a.yaml", f"apiVersion: stash.appscode.com/{version}\nkind: {kind}\nmetadata: {{name: a}}\nspec:\n  {field}\n")
    (said,) = [each for each in check("a.yaml")["findings"] if each["rule"] == "unknown-field"]
    assert advice in said["message"]
    assert "the API server drops it, and kubectl refuses the object" in said["message"]


@pytest.mark.usefixtures("folder")
def test_fields_that_are_opaque_or_of_a_wrong_type_are_not_unknown() -> None:
    put("a.yaml", GOOD + "  runtimeSettings: {pod: {any: thing}}\n  interimVolumeTemplate: {spec: {any: thing}}\n")
    assert check("a.yaml")["findings"] == []
    put("a.yaml", GOOD.replace("metadata: {name: web, namespace: demo}", "metadata: [web]"))
    assert [each["rule"] for each in check("a.yaml")["findings"]] == ["metadata"]


@pytest.mark.parametrize("metadata", metadata.GOOD, ids=str)
@pytest.mark.usefixtures("folder")
def test_nothing_is_said_of_metadata_that_the_api_server_takes(metadata: dict[str, Any]) -> None:
    put("a.yaml", _with_metadata(metadata))
    assert check("a.yaml")["findings"] == []


@pytest.mark.parametrize(("metadata", "fields"), metadata.BAD, ids=lambda each: str(each)[:60])
@pytest.mark.usefixtures("folder")
def test_metadata_that_the_api_server_refuses_is_an_error(metadata: Any, fields: list[str]) -> None:
    put("a.yaml", _with_metadata(metadata))
    found = check("a.yaml")["findings"]
    assert [each["path"] for each in found] == fields
    assert {(each["rule"], each["level"]) for each in found} == {("metadata", "error")}
    assert run("a.yaml").exit_code == 1


@pytest.mark.parametrize("namespace", ["My_NS", "a.b", "-a", "n" * 64, "$(NAMESPACE)"])
@pytest.mark.usefixtures("folder")
def test_a_namespace_that_cannot_exist_is_an_error(namespace: str) -> None:
    put("a.yaml", _with_metadata({"name": "web", "namespace": namespace}))
    (one,) = check("a.yaml")["findings"]
    assert (one["rule"], one["level"], one["path"]) == ("metadata", "error", "metadata.namespace")
    assert ("substitute the variables first" in one["message"]) is ("$" in namespace)


def _with_metadata(metadata: Any) -> str:
    return GOOD.replace("metadata: {name: web, namespace: demo}", f"metadata: {json.dumps(metadata)}")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (
            "annotations: {argocd.argoproj.io/sync-wave: 010}",
            "sync-wave is 010, which is the number 8: put it in quotes",
        ),
        ("labels: {version: 1.0}", "version is 1.0, which is the number 1: put it in quotes"),
        ("labels: {backup: on}", "backup is on, which is the boolean true: put it in quotes"),
        ("annotations: {retries: 5}", "retries is 5, a number: put it in quotes"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_label_or_annotation_that_is_no_text_is_shown_as_it_is_written(written: str, said: str) -> None:
    put("a.yaml", GOOD.replace("{name: web, ", f"{{{written}, name: web, "))
    (found,) = check("a.yaml")["findings"]
    assert said in found["message"]
    assert "json: cannot unmarshal" in found["message"]
    assert found["line"] == 3


@pytest.mark.parametrize(
    ("api", "kind", "right"),
    [
        ("v1alpha1", "BackupBatch", "v1beta1"),
        ("v1", "RestoreSession", "v1beta1"),
        ("v1beta1", "Repository", "v1alpha1"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_version_that_the_kind_does_not_have_is_named(api: str, kind: str, right: str) -> None:
    put("a.yaml", f"kind: {kind}\napiVersion: stash.appscode.com/{api}\n")
    (said,) = check("a.yaml")["findings"]
    assert (said["rule"], said["level"], said["line"], said["column"]) == ("api-version", "error", 2, 1)
    assert f"stash.appscode.com/{right}" in said["message"]


# --- Places


@pytest.mark.usefixtures("folder")
def test_a_finding_about_what_a_mutation_moved_is_where_the_user_wrote_it() -> None:
    text = """\
apiVersion: stash.appscode.com/v1beta1
kind: RestoreSession
metadata: {name: web}
spec:
  repository: {name: gcs-repo}
  rules:
  - paths: [/a]
  - snapshots: [latest]
    paths: [/b]
  target:
    alias: app
    ref: {kind: Deployment, name: web}
"""
    put("a.yaml", text)
    places = {each["path"]: (each["line"], each["column"]) for each in check("a.yaml")["findings"]}
    assert places == {
        "spec.rules": (6, 3),
        "spec.target.rules[1].targetHosts": (8, 5),
        "spec.target.rules[1].paths": (9, 5),
    }


@pytest.mark.usefixtures("folder")
def test_a_finding_about_an_alias_that_is_absent_is_at_the_target() -> None:
    put("a.yaml", CHANGED.replace("kind: Deployment", "kind: DaemonSet"))
    (said,) = check("a.yaml")["findings"]
    assert (said["rule"], said["line"], said["column"]) == ("daemonset-alias", 8, 3)


# --- Input


@pytest.mark.usefixtures("folder")
def test_everything_is_read_at_once_and_other_kinds_are_counted() -> None:
    put("a.yaml", GOOD, OTHER, BAD)
    put(
        "b.json",
        json.dumps({"kind": "List", "apiVersion": "v1", "items": [yaml.safe_load(BAD), yaml.safe_load(OTHER)]}),
    )
    said = check("a.yaml", "b.json", "-", given=WARNED)
    assert said["objects"] == 4
    assert [(each["file"], each["rule"]) for each in said["findings"]] == [
        ("a.yaml", "valid-schedule"),
        ("b.json", "valid-schedule"),
        ("-", "nothing-kept"),
    ]
    last = run("a.yaml", "b.json").stdout.splitlines()[-1]
    assert last == "3 objects checked: 2 errors, 0 warnings, 0 changes; 2 objects of other kinds left out"


def test_it_is_the_end_of_a_pipe() -> None:
    ended = subprocess.run([PROGRAM, "check", "-"], input=BAD, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout.startswith('-:6:3: error: spec.schedule: schedule "0 24 * * *" is not valid')
    assert ended.stderr == ""


@pytest.mark.usefixtures("folder")
def test_an_update_is_judged_with_what_is_stored() -> None:
    put("new.yaml", GOOD.replace("alias: app", "alias: web"), BAD.replace("name: web,", "name: shop,"))
    stored = [GOOD, BAD.replace("name: web,", "name: shop,").replace("keep-last-5", "keep")]
    put("old.yaml", *stored)
    findings = check("new.yaml", "--old", "old.yaml")["findings"]
    assert [(each["name"], each["rule"], each["level"]) for each in findings] == [
        ("web", "alias-changed", "warning"),
        ("shop", "valid-schedule", "warning"),
    ]
    assert findings == check("new.yaml", "--old", "-", given="---\n".join(stored))["findings"]
    assert [each["rule"] for each in check("new.yaml")["findings"]] == ["valid-schedule"]


@pytest.mark.parametrize(
    ("new", "old", "update"),
    [("demo", "demo", True), ("", "demo", True), ("demo", "", True), ("", "", True), ("demo", "other", False)],
)
@pytest.mark.usefixtures("folder")
def test_an_object_is_found_in_what_is_stored_by_kind_namespace_and_name(new: str, old: str, update: bool) -> None:
    def text(namespace: str, alias: str) -> str:
        named = GOOD.replace(", namespace: demo", f", namespace: {namespace}" if namespace else "")
        return named.replace("alias: app", f"alias: {alias}")

    put("new.yaml", text(new, "web"))
    put("old.yaml", text(old, "app"), text(old, "app").replace("name: web", "name: other"))
    assert [each["rule"] for each in check("new.yaml", "--old", "old.yaml")["findings"]] == ["alias-changed"] * update


@pytest.mark.usefixtures("folder")
def test_an_object_without_namespace_is_new_where_several_could_be_meant() -> None:
    put("new.yaml", GOOD.replace(", namespace: demo", "").replace("alias: app", "alias: web"))
    put("old.yaml", GOOD, GOOD.replace("demo", "prod"))
    assert check("new.yaml", "--old", "old.yaml")["findings"] == []


# --- Exit codes


@pytest.mark.parametrize(
    ("text", "flags", "code"),
    [
        (GOOD, [], 0),
        (OTHER, [], 0),
        ("", [], 0),
        (CHANGED, [], 0),
        (WARNED, [], 0),
        (WARNED, ["--fail-on", "warning"], 1),
        (CHANGED, ["--fail-on", "warning"], 0),
        (BAD, [], 1),
        (BAD, ["--fail-on", "warning"], 1),
        ("a: [ # stash.appscode.com\n", [], 2),
        ("a: [\n", [], 0),
        (f"{BAD}---\na: [\n", [], 2),
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "sarif", "junit", "github"])
@pytest.mark.usefixtures("folder")
def test_the_exit_code_says_what_was_found(text: str, flags: list[str], code: int, output: str) -> None:
    put("a.yaml", text)
    result = run("a.yaml", "--output", output, *flags)
    assert result.exit_code == code, result.output
    assert bool(result.stderr) is (code == 2)


@pytest.mark.usefixtures("folder")
def test_what_cannot_be_read_does_not_keep_the_rest_from_being_checked() -> None:
    put("a.yaml", BAD)
    put("b.yaml", "a: [ # stash.appscode.com\n")
    Path("c.yaml").write_bytes(b"\xff stash.appscode.com")
    put("d.yaml", f"{GOOD}  schedule: again\n")
    result = run("b.yaml", "c.yaml", "nowhere.yaml", "d.yaml", "a.yaml", "--output", "json")
    assert result.exit_code == 2
    assert [each["rule"] for each in json.loads(result.stdout)["findings"]] == ["valid-schedule"]
    assert [line[:24] for line in result.stderr.splitlines()] == [
        "Error: b.yaml:2:1: not Y",
        "Error: c.yaml:1:1: not U",
        "Error: nowhere.yaml: No ",
        "Error: d.yaml:9:3: the k",
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing argument"),
        (["-", "-"], "standard input can be read only once"),
        (["-", "--old", "-"], "standard input can be read only once"),
        (["--rule", "no-such-rule=off", "a.yaml"], "unknown rule"),
        (["--output", "xml", "a.yaml"], "xml"),
        (["--fail-on", "nothing", "a.yaml"], "nothing"),
        (["nowhere.yaml", "--old", "gone.yaml"], "gone.yaml: No such file"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_wrong_call_ends_with_2_and_says_why(arguments: list[str], says: str) -> None:
    result = run(*arguments, given="")
    assert result.exit_code == 2
    assert says in result.stderr


# --- Outputs


@pytest.mark.usefixtures("folder")
def test_text_is_a_line_for_each_thing_said_sorted_by_place() -> None:
    put("a.yaml", BAD.replace("alias: app, ", "").replace("keepLast: 5, ", ""))
    result = run("a.yaml")
    assert [re.sub(r"error: .* \(", "error: (", line) for line in result.stdout.splitlines()] == [
        "a.yaml:6:3: error: (valid-schedule)",
        "a.yaml:7:3: warning: spec.retentionPolicy: the retention policy does not say what to keep, so no snapshot is "
        "ever removed: write keepLast or another keep field (nothing-kept)",
        'a.yaml:8:3: change: spec.target.alias: "host-0" is written (default-alias)',
        "1 object checked: 1 error, 1 warning, 1 change",
    ]


@pytest.mark.usefixtures("folder")
def test_a_terminal_shows_the_line_with_a_caret_below_the_field() -> None:
    put("a.yaml", BAD.replace("  schedule", "  あ: {}\n  schedule").replace("{name: web, na", "{あ: 1,\tnam: web, na"))
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("check", "a.yaml"))
    assert '  |\n7 |   schedule: "0 24 * * *"\n  |   ^^^^^^^^\n  = stash-admission explain valid-schedule\n' in shown
    assert "  |\n3 | metadata: {あ: 1,   nam: web, namespace: demo}\n  |            ^^\n" in shown
    assert "  |\n3 | metadata: {あ: 1,   nam: web, namespace: demo}\n  |                     ^^^\n" in shown


@pytest.mark.usefixtures("folder")
def test_colour_is_for_terminals_and_not_where_no_color_is_set() -> None:
    put("a.yaml", BAD)
    assert "\x1b[1;31merror" in on_a_terminal("check", "a.yaml")
    plain = on_a_terminal("check", "a.yaml", NO_COLOR="1")
    assert "error: " in plain
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", plain)
    assert "\x1b" not in run("a.yaml").stdout


@pytest.mark.usefixtures("folder")
def test_a_secret_line_break_in_a_name_cannot_forge_a_line() -> None:
    put("a.yaml", BAD.replace('"0 24 * * *"', '"0 24\\n::error::x\\e[31m * * *"'))
    for output in ("text", "github"):
        for line in run("a.yaml", "--output", output).stdout.splitlines():
            assert not line.startswith("::error::x")
            assert "\x1b" not in line


@pytest.mark.usefixtures("folder")
def test_github_annotations_name_file_line_and_column() -> None:
    put("50%,a:b.yaml", BAD)
    put("c.yaml", CHANGED, "a: [\n")
    lines = run(".", "--no-together", "--output", "github").stdout.splitlines()
    assert lines[0].startswith(
        "::error file=50%25%2Ca%3Ab.yaml,line=6,col=3,title=valid-schedule::"
        'schedule "0 24 * * *" is not valid: hour "24" is'
    )
    assert lines[1] == ('::notice file=c.yaml,line=8,col=3,title=default-alias::spec.target.alias: "host-0" is written')
    assert lines[2].startswith("::error file=c.yaml,line=11,col=1,title=unreadable::not YAML: ")
    assert len(lines) == 3


@pytest.mark.usefixtures("folder")
def test_junit_has_a_suite_for_each_file_and_a_case_for_each_object() -> None:
    put("a.yaml", BAD, GOOD.replace("name: web,", "name: shop,"), WARNED.replace("name: web,", "name: blog,"))
    put("b.yaml", "a: [ # stash.appscode.com\n")
    root = Xml.fromstring(run("a.yaml", "b.yaml", "--output", "junit").stdout)  # noqa: S314  it is our own
    counts = [(each.get("name"), each.get("tests"), each.get("failures"), each.get("errors")) for each in root]
    assert counts == [("a.yaml", "3", "1", "0"), ("b.yaml", "1", "0", "1")]
    first, second, third = root[0]
    assert (first.get("classname"), first.get("name"), first.get("line")) == ("BackupConfiguration", "demo/web", "1")
    failure = first.find("failure")
    assert failure is not None
    assert failure.get("type") == "valid-schedule"
    assert str(failure.text).startswith("a.yaml:6:3: spec.schedule: ")
    assert list(second) == []
    assert "nothing-kept" in str(third.findtext("system-out"))


def _sarif(*arguments: str) -> dict[str, Any]:
    log = json.loads(run(*arguments, "--output", "sarif").stdout)
    assert log["version"] == "2.1.0"
    (one,) = log["runs"]
    result: dict[str, Any] = one
    return result


@pytest.mark.usefixtures("folder")
def test_sarif_has_a_result_for_each_thing_said_with_its_rule_and_region() -> None:
    put("a b.yaml", BAD, WARNED, CHANGED)
    one = _sarif("a b.yaml", "--no-together")
    rules = one["tool"]["driver"]["rules"]
    found = [(each["ruleId"], each["level"], rules[each["ruleIndex"]]["id"]) for each in one["results"]]
    assert found == [
        ("valid-schedule", "error", "valid-schedule"),
        ("nothing-kept", "warning", "nothing-kept"),
        ("default-alias", "note", "default-alias"),
    ]
    physical = one["results"][0]["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "a%20b.yaml"
    assert physical["region"] == {"startLine": 6, "startColumn": 3, "endLine": 6, "endColumn": 11}
    assert one["columnKind"] == "unicodeCodePoints"
    assert one["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]


@pytest.mark.usefixtures("folder")
def test_sarif_tells_what_cannot_be_read() -> None:
    put("a.yaml", "a: [ # stash.appscode.com\n")
    (invocation,) = _sarif("a.yaml", "nowhere.yaml")["invocations"]
    assert invocation["executionSuccessful"] is False
    first, second = invocation["toolExecutionNotifications"]
    assert first["locations"][0]["physicalLocation"]["region"] == {"startLine": 2, "startColumn": 1}
    assert second["locations"][0]["physicalLocation"] == {"artifactLocation": {"uri": "nowhere.yaml"}}


def test_sarif_is_built_as_its_specification_demands() -> None:
    """What the 2.1.0 schema asks of the parts that are used; the schema itself is on no package index."""
    one = _sarif(str(ROOT / "manifests/samples"), "nowhere.yaml")
    driver = one["tool"]["driver"]
    assert set(driver) == {"name", "version", "informationUri", "rules"}
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    assert set(identifiers) == {*RULES, *BESIDE_THE_RULES}
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"]
        assert rule["defaultConfiguration"]["level"] in {"note", "warning", "error"}
        if "help" in rule:
            assert set(rule["help"]) == {"text", "markdown"}
            assert rule["fullDescription"]["text"]
    assert one["results"]
    for result in one["results"]:
        assert set(result) == {"ruleId", "ruleIndex", "level", "message", "locations"}
        assert isinstance(result["message"]["text"], str)
        (location,) = result["locations"]
        region = location["physicalLocation"]["region"]
        assert all(isinstance(each, int) and each >= 1 for each in region.values())
        assert region["endColumn"] > region["startColumn"]
        assert location["physicalLocation"]["artifactLocation"]["uri"].startswith("file:///")
        assert location["logicalLocations"][0]["fullyQualifiedName"]


# --- The command itself


def test_neither_the_kubernetes_client_nor_the_web_server_is_imported() -> None:
    code = (
        "import sys; from app.cli import app\n"
        "for arguments in (['check', '--help'], ['check', %r], ['plan', %r], ['fix', '--diff', %r]):\n"
        "    try: app(arguments)\n"
        "    except SystemExit: pass\n"
        "slow = {'kubernetes', 'fastapi', 'uvicorn', 'cryptography', 'structlog', 'ruamel'} & set(sys.modules)\n"
        "sys.exit(f'imported: {slow}' if slow else 0)"
    ) % ((str(ROOT / "manifests/samples/backupbatch.yaml"),) * 3)
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr


def test_the_help_of_a_command_needs_none_of_the_rules() -> None:
    code = "import sys; from app.cli import app; app(['check', '-h'], standalone_mode=False); print([*sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "'schemas" not in ended.stdout
    assert "'yaml'" not in ended.stdout


@pytest.mark.parametrize("command", ["check", "fix", "plan"])
def test_the_help_shows_examples(command: str) -> None:
    shown = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, "--help"]).stdout
    assert len(re.findall(rf"stash-admission {command} ", shown)) >= 3


def test_a_shell_completes_rules_and_their_levels() -> None:
    def completed(line: str) -> list[str]:
        variables = {
            "_STASH_ADMISSION_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(line.count(" ")),
        }
        ended = subprocess.run([PROGRAM], env={**os.environ, **variables}, capture_output=True, text=True, check=False)
        return ended.stdout.split()

    assert completed("stash-admission explain unique-") == ["unique-alias", "unique-host", "unique-target"]
    assert completed("stash-admission check --rule order-") == ["order-remains=warn", "order-remains=off"]
    assert {"check", "fix", "plan"} <= set(completed("stash-admission "))


def test_work_of_more_than_a_second_says_on_a_terminal_how_far_it_is(tmp_path: Path) -> None:
    (tmp_path / "many.yaml").write_text("---\n".join([GOOD] * 300))
    shown = on_a_terminal("check", str(tmp_path), program=IMPATIENT)
    assert re.search(r"\d+ objects checked", shown.splitlines()[0])
