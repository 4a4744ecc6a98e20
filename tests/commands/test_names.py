"""Names that are nearly ours are told; others are left alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.commandline import run
from tests.support.manifests import GOOD


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def found(text: str, *flags: str) -> list[dict[str, Any]]:
    Path("a.yaml").write_text(text)
    said = run("check", "a.yaml", "--output", "json", *flags)
    assert said.exit_code in (0, 1), said.output
    findings: list[dict[str, Any]] = json.loads(said.stdout)["findings"]
    return findings


GROUP, KIND = "apiVersion: stash.appscode.com/v1beta1", "kind: BackupConfiguration"


@pytest.mark.parametrize("flag", ["--together", "--no-together"])
@pytest.mark.parametrize(
    ("before", "after", "rule", "line", "says"),
    [
        (KIND, "kind: backupconfiguration", "unknown-kind", 2, "write BackupConfiguration"),
        (KIND, "kind: BackupConfigurations", "unknown-kind", 2, "write BackupConfiguration"),
        (KIND, "kind: Backup-Configuration", "unknown-kind", 2, "write BackupConfiguration"),
        (KIND, "kind: BackupConfigration", "unknown-kind", 2, "write BackupConfiguration"),
        (KIND, "kind: backupconfigurations.stash.appscode.com", "unknown-kind", 2, "write BackupConfiguration"),
        (KIND, "kind: restorebatches", "unknown-kind", 2, "write RestoreBatch"),
        (KIND, "Kind: BackupConfiguration", "unknown-kind", 2, "write kind in place of Kind"),
        (f"{KIND}\n", "", "unknown-kind", 1, "the object has no kind"),
        (GROUP, "apiVersion: Stash.appscode.com/v1beta1", "api-version", 1, "write stash.appscode.com/v1beta1"),
        (GROUP, "apiVersion: stash.appcode.com/v1beta1", "api-version", 1, "write stash.appscode.com/v1beta1"),
        (
            GROUP,
            "apiVersion: stash.appscode.com",
            "api-version",
            1,
            "needs a version: write stash.appscode.com/v1beta1",
        ),
        (GROUP, "apiVersion: v1beta1", "api-version", 1, "write stash.appscode.com/v1beta1"),
        (GROUP, "apiversion: stash.appscode.com/v1beta1", "api-version", 1, "write apiVersion in place of apiversion"),
        (f"{GROUP}\n", "", "api-version", 1, "has no apiVersion: write one, such as stash.appscode.com/v1beta1"),
    ],
)
def test_a_name_that_is_nearly_right_is_refused_with_the_right_one(
    before: str, after: str, rule: str, line: int, says: str, flag: str
) -> None:
    (one,) = found(GOOD.replace(before, after), flag)
    assert (one["rule"], one["level"], one["line"]) == (rule, "error", line)
    assert says in one["message"]


def test_both_names_may_be_wrong_and_the_objects_stay_in_their_order() -> None:
    wrong = GOOD.replace(GROUP, "apiVersion: STASH.appscode.com/v1").replace(KIND, "kind: repositories")
    said = found(f"{GOOD.replace('0 3', '0 25')}---\n{wrong}")
    assert [each["rule"] for each in said] == ["valid-schedule", "unknown-kind", "api-version"]
    assert "write stash.appscode.com/v1alpha1" in said[2]["message"]


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: core.kubestash.com/v1alpha1\nkind: BackupConfiguration\n",
        "apiVersion: stash.appscode.com/v1beta1\nkind: BackupSession\n",
        "apiVersion: stash.appscode.com/v1beta1\nkind: Function\n",
        "apiVersion: stash.appscode.com/v1beta1\nkind: Unheard\n",
        "kind: Repository\n",
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: HelmRepository\n",
        "- kind: BackupConfiguration\n",
        "kind: BackupConfiguration\nschedule: 0 3 * * *\nalias: values-of-a-chart\n",
        "apiVersion: stash.appscode.com/v1beta1\nenabled: true\n",
        "kind: BackupConfiguration\na: [\n",
        "kind: BackupConfiguration\n? [a]\n: b\n",
    ],
)
def test_what_belongs_to_others_is_left_alone(text: str) -> None:
    assert found(text) == []


# --- Lists


ITEM = "\n  ".join(line for line in GOOD.replace("0 3", "0 25").splitlines() if "kind: B" not in line and line != GROUP)


def test_the_items_of_a_typed_list_have_its_type_as_for_kubectl() -> None:
    said = found(f"{GROUP}\nkind: BackupConfigurationList\nitems:\n- {ITEM}\n")
    assert [(each["rule"], each["kind"], each["line"]) for each in said] == [
        ("valid-schedule", "BackupConfiguration", 7)
    ]
    half = found(f"{GROUP}\nkind: BackupConfigurationList\nitems:\n- {KIND}\n  {ITEM}\n")
    assert [each["rule"] for each in half] == ["api-version"], "kubectl gives an item both or none"
    assert found(f"apiVersion: v1\nkind: List\nitems:\n- {ITEM}\n") == []


def test_fix_writes_into_the_items_of_a_typed_list() -> None:
    text = f"{GROUP}\nkind: BackupConfigurationList\nitems:\n- {ITEM}\n".replace("alias: app, ", "")
    Path("a.yaml").write_text(text)
    assert run("fix", "a.yaml").exit_code == 0
    assert Path("a.yaml").read_text() == text.replace("target: {", "target: {alias: host-0, ")


def test_a_kind_of_any_length_is_compared_with_ours_at_no_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    def compare(*_: object) -> float:
        raise AssertionError("two texts of this length take minutes")

    monkeypatch.setattr("difflib.SequenceMatcher.ratio", compare)
    assert found("apiVersion: stash.appscode.com/v1beta1\nkind: " + "BackupBatch" * 10_000 + "\n") == []
