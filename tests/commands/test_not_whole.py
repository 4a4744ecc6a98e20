"""What is no whole object as it is written is left out with a word, by every command."""

import json
import os
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest

from app.admission.engine import Admission
from app.commands.playground.evaluate import judge
from app.manifest.discovery import Unreadable
from app.manifest.source import Text, read
from tests.support.commandline import run
from tests.support.manifests import BAD, GOOD

PATCH = (
    "apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\nspec: {schedule: x}\n"
)
SOPS = GOOD.replace('"0 3 * * *"', "ENC[AES256_GCM,data:8uQ=]") + "sops: {version: 3.7.3}\n"
NAMED = "BackupConfiguration web is not looked at: it is a patch"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, text: str) -> None:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)


KUSTOMIZATIONS = {
    "patches": "patches: [{target: {kind: X}, patch: inline}, {path: p.yaml}]\n",
    "strategic": "patchesStrategicMerge:\n- p.yaml\n- |-\n  kind: X\n  a: b\n",
    "json": "patchesJson6902: [{path: ./p.yaml}, 1]\npatches: {}\n",
}


@pytest.mark.parametrize("name", ["kustomization.yaml", "kustomization.yml", "Kustomization"])
@pytest.mark.parametrize("text", KUSTOMIZATIONS.values(), ids=KUSTOMIZATIONS)
@pytest.mark.parametrize("path", [".", "overlays/prod/p.yaml"])
def test_a_file_that_a_kustomization_names_as_a_patch_is_not_judged(name: str, text: str, path: str) -> None:
    put(f"overlays/prod/{name}", text)
    put("overlays/prod/p.yaml", PATCH)
    ended = run("check", path)
    assert ended.exit_code == 0, ended.output
    assert ended.stderr == (
        f"Note: overlays/prod/p.yaml:1:1: {NAMED}: check what `kustomize build overlays/prod` writes\n"
    )


def test_a_kustomization_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    put("overlays/prod/kustomization.yaml", "patches: [{path: p.yaml}]\n")
    put("overlays/prod/p.yaml", PATCH)
    put("overlays/prod/q.yaml", GOOD)
    asked: list[Path] = []

    def counted(path: Path) -> Text | Unreadable:
        asked.append(path)
        return read(path)

    monkeypatch.setattr("app.manifest.kustomization.read", counted)
    assert "1 object checked" in run("check", ".", "overlays/prod").stdout
    assert asked == [Path("overlays/prod/kustomization.yaml").absolute()]


def test_a_patch_whose_path_is_longer_than_any_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    put("kustomization.yaml", f"patches: [{{path: '{'a/' * 5_000}'}}, {{path: p.yaml}}]\n")
    put("p.yaml", PATCH)
    longest = 0

    def measured(path: str) -> str:
        nonlocal longest
        longest = max(longest, len(str(path)))
        return realpath(path)

    realpath = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", measured)
    assert f"{NAMED}: check what `kustomize build .`" in run("check", ".").stderr
    assert 0 < longest < 5_000, "each of its directories is asked of the system"


def test_a_patch_may_be_beside_its_kustomization_or_elsewhere(tmp_path: Path) -> None:
    put("overlays/prod/kustomization.yaml", "patches: [{path: ../patches/p.yaml}, {path: ../../q.yaml}]\n")
    put("overlays/patches/p.yaml", PATCH)
    put("q.yaml", PATCH)
    ended = run("check", str(tmp_path))
    assert ended.stderr.count(NAMED) == 2
    put("overlays/prod/kustomization.yaml", "patches: [{path: a\n")
    assert run("check", ".").exit_code == 1
    put("overlays/prod/kustomization.yaml", "- a\n")
    assert run("check", ".").exit_code == 1


@pytest.mark.parametrize(
    "text",
    [
        PATCH.replace("spec:", "$patch: delete\nspec:"),
        PATCH.replace("{schedule: x}", "{target: {paths: [{$patch: replace}]}}"),
    ],
)
def test_an_object_with_a_directive_is_a_patch(text: str) -> None:
    put("a.yaml", text)
    ended = run("check", "a.yaml")
    assert (ended.exit_code, ended.stderr) == (
        0,
        f"Note: a.yaml:1:1: {NAMED}, since it has $patch: check what `kustomize build` writes\n",
    )


def test_an_encrypted_object_is_not_looked_at_by_any_command() -> None:
    put("a.yaml", SOPS)
    why = "Note: a.yaml:1:1: BackupConfiguration demo/web is not looked at: it is encrypted with SOPS"
    for command in ("check", "fix", "plan", "audit"):
        ended = run(command, ".")
        assert ended.exit_code == 0, ended.output
        assert why in ended.stderr
    assert Path("a.yaml").read_text() == SOPS
    put("mine.yaml", GOOD)
    ended = run("check", "mine.yaml", "--inventory", "a.yaml", "--old", "a.yaml")
    assert ended.exit_code == 0
    assert why in ended.stderr
    assert "of the cluster are not looked at, since they are encrypted" in ended.output
    fixed = run("fix", "mine.yaml", "--old", "a.yaml")
    assert fixed.exit_code == 2, "nobody knows how the object is stored"
    assert "it is encrypted with SOPS" in fixed.stderr
    assert "encrypted with SOPS" in json.dumps(judge(SOPS, "", Admission())["notes"])


def test_every_output_names_what_was_left_out() -> None:
    put("a.yaml", SOPS)
    assert run("check", ".", "--output", "github").stdout.startswith(
        "::notice file=a.yaml,line=1,col=1,title=left out::"
    )
    (invocation,) = json.loads(run("check", ".", "--output", "sarif").stdout)["runs"][0]["invocations"]
    assert invocation["executionSuccessful"] is True
    assert [each["level"] for each in invocation["toolExecutionNotifications"]] == ["note"]
    root = Xml.fromstring(run("check", ".", "--output", "junit").stdout)  # noqa: S314  it is our own
    assert root[0][0].find("skipped") is not None


@pytest.mark.parametrize("version", ["template.openshift.io/v1", "v1"])
def test_the_objects_of_an_openshift_template_are_named_as_not_looked_at(version: str) -> None:
    held = "\n  ".join(BAD.splitlines())
    put("a.yaml", f"apiVersion: {version}\nkind: Template\nobjects:\n- {held}\n- {{kind: Service, apiVersion: v1}}\n")
    ended = run("check", "a.yaml")
    assert ended.exit_code == 0
    assert ended.stderr == (
        "Note: a.yaml:4:3: BackupConfiguration is not looked at: "
        "it is in a Template: check what `oc process --local` writes\n"
    )
    put("a.yaml", f"apiVersion: {version}\nkind: Template\n# stash.appscode.com\n")
    assert run("check", "a.yaml").stderr == ""


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("${SCHEDULE:=0 3 * * *}", "substitute the variables first"),
        ("$SCHEDULE", "substitute the variables first"),
        ("$(SCHEDULE)", "substitute the variables first"),
        ("%%SCHEDULE%%", "substitute the variables first"),
        ("@SCHEDULE@", "substitute the variables first"),
        ("{{ .Values.schedule }}", "render the template first"),
    ],
)
def test_what_is_wrong_with_an_unrendered_value_says_what_to_do_first(value: str, hint: str) -> None:
    put("a.yaml", GOOD.replace("0 3 * * *", value))
    (line, _) = run("check", "a.yaml").stdout.splitlines()
    assert "valid-schedule" in line
    assert f"; {hint}" in line
    put("a.yaml", BAD)
    assert " first" not in run("check", "a.yaml").stdout
