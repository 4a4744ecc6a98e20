"""`fix` writes what the server would change, touches nothing else, and leaves alone what it cannot write surely."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from app.admission.engine import Admission
from app.admission.offline import ask
from app.cli import app
from app.commands.fix.atomic_write import CannotSave, save
from app.commands.fix.fixer import Fixed, fix
from app.commands.fix.spelling import flow, scalar
from app.domain.outcome import apply
from app.domain.suggestion import LABEL_VALUE
from app.manifest.objects import Manifest, objects_in
from app.manifest.source import Text, read
from app.manifest.values import value_of
from testbed.cases import Case, cases
from testbed.reviews import admit
from tests.support.each import by_rule, try_each
from tests.support.objects import json_values, objects
from tests.support.styles import mendable, written
from tests.support.values import same, values

ROOT = Path(__file__).parents[2]
FIXES = Path(__file__).parent / "fixes"
"""Examples: a text, and behind a line `=====` what becomes of it."""
BACKUP = """\
apiVersion: stash.appscode.com/v1beta1
kind: BackupConfiguration
metadata: {name: web}
spec:
  repository: {name: gcs-repo}
  retentionPolicy: {name: keep, keepLast: 5, prune: true}
"""
RESTORE = """\
apiVersion: stash.appscode.com/v1beta1
kind: RestoreSession
metadata: {name: web}
spec:
  repository: {name: gcs-repo}
"""
BATCH = BACKUP.replace("BackupConfiguration", "BackupBatch")
REF = "{kind: Deployment, name: web}"
ADMISSION = Admission()


def fixed(text: str, *, aliases: bool = False) -> Fixed:
    return fix(Text("x.yaml", text), ADMISSION, aliases=aliases)


def after(text: str) -> str:
    """The text as `fix` leaves it, which must be able to write all."""
    result = fixed(text)
    assert result.left == []
    assert result.unreadable == []
    return result.after


def run(*arguments: str | Path, given: bytes | None = None) -> Result:
    return CliRunner(env={"NO_COLOR": "1"}).invoke(app, ["fix", *map(str, arguments)], input=given)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- What is written


def _text(part: str) -> str:
    return part.replace("\n<no end of line>\n", "")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("path", sorted(FIXES.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_text_is_fixed_as_its_example_shows(path: Path, newline: str) -> None:
    before, expected = (_text(part).replace("\n", newline) for part in path.read_text().split("=====\n"))
    for head in ("", f"# comment{newline}---{newline}"):
        assert after(head + before) == head + expected


def test_a_document_behind_a_byte_order_mark_is_fixed_as_any_other() -> None:
    document = BACKUP + f"  target: {{ref: {REF}}}\n"
    text = f"{document}---\n\ufeff{document}"
    assert after(text) == text.replace("{ref:", "{alias: host-0, ref:")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_byte_order_marks_that_keep_a_document_from_being_read_are_removed(newline: str) -> None:
    document = BACKUP + f"  target: {{alias: web, ref: {REF}}}\n"
    bad = f"# joined\n\ufeff{document}---\n\ufeff# once\n\ufeff{document}---\nnote: |\n\n\ufeff\n"
    text = f"{document}---\n{bad}".replace("\n", newline)
    result = fixed(text)
    assert result.unreadable == []
    good = f"{document}---\n# joined\n{document}---\n\ufeff# once\n{document}---\nnote: |\n\n\ufeff\n"
    assert result.after == good.replace("\n", newline)
    assert [(each.line, each.change) for each in result.written] == [
        (10, "the byte order mark is removed"),
        (19, "the byte order mark is removed"),
    ]
    assert fixed(result.after).after == result.after


def test_a_byte_order_mark_is_not_removed_from_a_document_that_is_broken_without_it_too() -> None:
    text = "# joined\n\ufeffapiVersion: [\n"
    result = fixed(text)
    assert result.after == text
    assert "byte order mark" not in str(result.unreadable[0])


def test_json_stays_json() -> None:
    text = '{\n  "apiVersion": "stash.appscode.com/v1beta1",\n  "kind": "RestoreBatch",\n  "metadata": {"name": "x"},\n'
    text += '  "spec": {\n    "repository": {"name": "r"},\n    "members": [\n      {\n'
    text += '        "rules": [\n          {"paths": ["/a"]}\n        ],\n'
    text += '        "target": {\n          "ref": {"kind": "Deployment"}\n        }\n      }\n    ]\n  }\n}\n'
    expected = text.replace('        "rules": [\n          {"paths": ["/a"]}\n        ],\n', "").replace(
        '          "ref": {"kind": "Deployment"}\n',
        '          "alias": "host-0",\n          "ref": {"kind": "Deployment"},\n'
        '          "rules": [\n            {"paths": ["/a"]}\n          ]\n',
    )
    assert after(text) == expected


def test_the_other_documents_and_objects_stay_byte_for_byte() -> None:
    other = "a:  1   # x\n\n\nb: [ 1,2 ]\r\n"
    text = f"{other}---\n{BACKUP}  target:\n    ref: {REF}\n--- # next\n{other}---\n[\n"
    result = fixed(text)
    assert result.after == text.replace("    ref:", "    alias: host-0\n    ref:")
    assert len(result.unreadable) == 1
    listed = BACKUP.replace("\n", "\n  ").rstrip()
    text = f"kind: List\nitems:\n- a: 1\n- {listed}\n    target:\n      ref: {REF}\n- {listed}\n"
    assert after(text) == text.replace("      ref:", "      alias: host-0\n      ref:")


# --- What is left alone


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"{BACKUP}  target:\n    alias: &a ''\n    ref: {REF}\n", "the value has an anchor or a tag"),
        (f"{BACKUP}  target:\n    alias: !!null\n    ref: {REF}\n", "the value has an anchor or a tag"),
        (f"{BACKUP}  target:\n    alias: |\n    ref: {REF}\n", "the value is a block"),
        (f"{BACKUP}  target: {{alias, ref: {REF}}}\n", "the key has no colon"),
        (f"{BACKUP}  x: &t\n    ref: {REF}\n  target: *t\n", "it shares an anchor"),
        (f"{BACKUP}  x: &n {{alias: null}}\n  target: {{ref: {REF}, <<: *n}}\n", "it shares an anchor"),
        (f"{RESTORE}  <<: {{rules: [{{paths: [/a]}}]}}\n  target: {{alias: app}}\n", "comes from an anchor"),
        (f"{RESTORE}  target: {{alias: app}}\n  rules:\n  - paths: [/a] # why\n", "cannot be inside braces"),
        (f"{RESTORE}  target: {{alias: app}}\n  rules: [{{paths: [/a]}}] # why\n", "cannot be inside braces"),
        (
            f"{RESTORE}  target:\n    alias: app\n    rules: [{{paths: [/a]}}]\n  rules:\n  # why\n  - paths: [/a]\n",
            "it has comments, which would be lost",
        ),
        (
            f"{RESTORE}  target: {{alias: app, rules: []}}\n  rules: [{{paths: [/a]}}]\n",
            "already an empty list of that name",
        ),
        (f"{RESTORE}  ? rules\n  : - paths: [/a]\n  target: {{alias: app}}\n", "it is not at the start of its line"),
        (
            RESTORE.replace("spec:\n  ", "x: &t\n  alias: app\nspec: {").strip()
            + ",\n  target: *t, rules: [{paths: [/a]}]}\n",
            "inside braces",
        ),
        (
            RESTORE.replace("spec:\n  ", "spec: {").strip()
            + ",\n  target: {alias: app}, # t\n  rules: [{paths: [/a]}]}\n",
            "there is a comment next to it",
        ),
        (
            RESTORE.replace("spec:\n  ", "spec: {").strip()
            + ",\n  rules: [{paths: [/a]}], # r\n  target: {alias: app}}\n",
            "there is a comment next to it",
        ),
        (
            f"x: &t\n alias: app\n{RESTORE}  target: *t\n  rules: [{{paths: [/a]}}]\n",
            "it shares an anchor",
        ),
        (f"{RESTORE}  target: {{}}\n  rules: [{{paths: [/a]}}]\n", "it would be broken"),
    ],
)
def test_what_cannot_surely_be_written_is_left_alone_and_said(text: str, says: str) -> None:
    result = fixed(text)
    assert result.after == text
    assert result.written == []
    (left,) = result.left
    assert says in left.message
    assert (left.file, left.line) == ("x.yaml", 1)


def test_an_object_that_is_left_alone_does_not_keep_others_from_being_written() -> None:
    good = f"{BACKUP}  target:\n    ref: {REF}\n"
    bad = f"{BACKUP}  target:\n    alias: |\n    ref: {REF}\n".replace("name: web", "name: bad")
    result = fixed(f"{bad}---\n{good}")
    assert result.after == f"{bad}---\n{good}".replace("    ref:", "    alias: host-0\n    ref:").replace(
        "|\n    alias: host-0", "|"
    )
    items = [each.replace("\n", "\n  ").rstrip(" ") for each in (good, bad, good)]
    text = "kind: List\nitems:\n" + "".join(f"- {each}" for each in items)
    result = fixed(text)
    assert [each.object for each in result.written] == ["BackupConfiguration web"] * 2
    assert len(result.left) == 1
    assert result.after.count("alias: host-0") == 2


# --- For every object


NEW = by_rule(each for each in cases() if each.old is None)


@pytest.mark.parametrize("rule", NEW)
def test_what_is_written_is_what_the_server_would_store(rule: str) -> None:
    try_each(NEW[rule], _is_what_the_server_would_store)


def _is_what_the_server_would_store(case: Case) -> None:
    text = "\n".join(_plainly(case.object, 0)) + "\n"
    (document,) = values(text)
    assert same(document, case.object)
    result = fixed(text)
    (stored,) = values(result.after)
    if not result.left:
        assert same(stored, admit(case.object).document)
    assert fixed(result.after).after == result.after


def _plainly(value: Any, indent: int) -> list[str]:
    """A value in block style."""
    lines = []
    for key, item in value.items():
        if isinstance(item, dict) and item:
            lines += [f"{' ' * indent}{flow(key)}:", *_plainly(item, indent + 2)]
        elif isinstance(item, list) and item and all(isinstance(each, dict) and each for each in item):
            lines.append(f"{' ' * indent}{flow(key)}:")
            for each in item:
                first, *rest = _plainly(each, indent + 2)
                lines += [f"{' ' * indent}- {first.lstrip()}", *rest]
        else:
            lines.append(f"{' ' * indent}{flow(key)}: {flow(item)}")
    return lines


@settings(max_examples=250, deadline=None)
@given(st.data(), st.lists(mendable() | objects(), min_size=1, max_size=2), st.booleans(), st.booleans(), st.booleans())
def test_only_the_mutations_differ_comments_stay_and_a_second_run_changes_nothing(
    data: Any, documents: list[dict[str, Any]], crlf: bool, ended: bool, aliases: bool
) -> None:
    text = "---\n".join(data.draw(written(each)) for each in documents)
    text = text.replace("\n", "\r\n") if crlf else text
    text = text if ended else text.rstrip("\r\n")
    result = fixed(text, aliases=aliases)
    assert result.unreadable == []
    assert fixed(result.after, aliases=aliases).after == result.after
    assert sorted(re.findall(r"# comment [^\r\n]*", result.after)) == sorted(re.findall(r"# comment [^\r\n]*", text))
    assert ("\r" in result.after) is ("\r" in text)
    before, stored = _manifests(text), _manifests(result.after)
    assert len(before) == len(stored)
    left = len(result.left)
    for one, other in zip(before, stored, strict=True):
        answer = ask(one, ADMISSION)
        if not left and not aliases:
            assert same(other.value, _changed(one, answer.edits))
            assert ask(other, ADMISSION).edits == ()
    if not any(each.rule == "move-rules" for each in result.written):
        lost = [line for line in text.splitlines() if line not in result.after.splitlines()]
        assert all("alias" in line or "executionOrder" in line or "{" in line for line in lost), lost


def _manifests(text: str) -> list[Manifest]:
    return [each for each in objects_in(Text("x.yaml", text)) if isinstance(each, Manifest)]


def _changed(manifest: Manifest, edits: Any) -> Any:
    return apply((edit for _, edit in edits), manifest.value)


@given(json_values | st.text())
def test_a_value_in_one_line_is_read_as_what_it_is(value: Any) -> None:
    (read_again,) = values(f"a: {flow(value)}\n")
    assert same(read_again, {"a": value})


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("app", "app"), ("host-0", "host-0"), ("2-web", "2-web"), ("on", '"on"'), ("y", '"y"'), ("10", '"10"'),
        ("null", '"null"'), ("1e3", '"1e3"'), ("0x1f", '"0x1f"'), ("2001-01-01", '"2001-01-01"'), ("1.5", '"1.5"'),
        ("", '""'), ("12:30", '"12:30"'), ("a b", '"a b"'), ("- a", '"- a"'), ("#", '"#"'), ("a: b", '"a: b"'),
        ("1_000", '"1_000"'),
    ],
)  # fmt: skip
def test_a_text_is_quoted_only_where_it_would_be_something_else(value: str, spelled: str) -> None:
    assert scalar(value) == spelled
    assert scalar("it's", "'") == "'it''s'"


# --- Aliases for members that clash


def member(kind: str, name: str, alias: str | None) -> str:
    written_alias = f"      alias: {alias}\n" if alias else ""
    return f"  - target:\n{written_alias}      ref: {{kind: {kind}, name: '{name}'}}\n"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ([("Deployment", "web", "app"), ("Deployment", "shop", "app")], ["app", "shop"]),
        ([("Deployment", "web", None), ("Deployment", "shop", None)], ["host-0", "shop"]),
        ([("Deployment", "web", None), ("StatefulSet", "db", None)], ["host-0", "db"]),
        ([("StatefulSet", "db", "db"), ("Deployment", "web", "db-0")], ["db", "web"]),
        ([("Deployment", "a", "app"), ("Deployment", "b", "app"), ("Deployment", "b", "app")], ["app", "b", "b-2"]),
        ([("Deployment", "app", "app"), ("AppBinding", "app", "app")], ["app", "app-2"]),
        ([("DaemonSet", "log", None), ("DaemonSet", "trace", None)], [None, "trace"]),
        ([("Deployment", "web", "web"), ("Deployment", "shop", "shop")], ["web", "shop"]),
        ([("Deployment", "web", "on"), ("Deployment", "on", "web"), ("Deployment", "y", "web")], [True, "web", "y"]),
    ],
)
def test_members_that_clash_get_aliases_from_the_names_of_their_targets(
    members: list[tuple[str, str, str | None]], expected: list[Any]
) -> None:
    text = f"{BATCH}  members:\n" + "".join(member(*each) for each in members)
    result = fixed(text, aliases=True)
    (document,) = values(result.after)
    assert [each["target"].get("alias") for each in document["spec"]["members"]] == expected
    assert fixed(result.after, aliases=True).after == result.after
    assert "aliases" not in result.after
    if expected[0] is not True:
        refused = admit({**document, "metadata": {"name": "x"}}).validation.refused_by
        assert not refused & {"unique-alias", "unique-host"}


@settings(max_examples=150, deadline=None)
@given(objects("BackupBatch"))
def test_aliases_that_are_suggested_are_valid_unique_and_stable(document: dict[str, Any]) -> None:
    text = f"{flow(document)}\n"
    result = fixed(text, aliases=True)
    if result.left:
        return
    (stored,) = _manifests(result.after)
    rules = {each.rule for each in ask(stored, ADMISSION).findings}
    assert not rules & {"unique-alias", "unique-host"}
    assert fixed(result.after, aliases=True).after == result.after
    for each in result.written:
        if each.rule == "suggest-aliases":
            alias = re.search(r'"(.*)"', each.change)
            assert alias is not None
            assert LABEL_VALUE.fullmatch(alias[1])


def test_a_restore_gets_no_aliases_since_they_name_what_was_backed_up() -> None:
    restore = RESTORE.replace("RestoreSession", "RestoreBatch")
    text = f"{restore}  members:\n" + member("Deployment", "web", "app") + member("Deployment", "shop", "app")
    result = fixed(text, aliases=True)
    assert result.after == text
    assert "must match those of the backup" in result.left[0].message


# --- The command


@pytest.mark.usefixtures("folder")
def test_files_are_written_and_it_is_said_what_was_changed() -> None:
    text = f"{BACKUP}  target:\n    ref: {REF}\n"
    Path("a.yaml").write_text(text)
    Path("b.yaml").write_text(BACKUP)
    result = run(".")
    assert result.exit_code == 0
    assert result.stdout == (
        'a.yaml:1: BackupConfiguration web: spec.target.alias: "host-0" is written (default-alias)\n'
    )
    assert result.stderr.endswith("\n1 of 2 files changed\n")
    assert Path("a.yaml").read_text() == text.replace("    ref:", "    alias: host-0\n    ref:")
    again = run(".")
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "0 of 2 files changed\n")


@pytest.mark.usefixtures("folder")
def test_a_difference_is_shown_and_nothing_written() -> None:
    text = f"{BACKUP}  target:\n    ref: {REF}\n"
    Path("a.yaml").write_text(text)
    result = run("--diff", "a.yaml")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == ["--- a.yaml", "+++ a.yaml"]
    assert [line for line in result.stdout.splitlines() if line[0] in "+-"][2:] == ["+    alias: host-0"]
    assert Path("a.yaml").read_text() == text
    ended = subprocess.run(["patch", "-p0"], input=result.stdout, text=True, capture_output=True, check=False)
    assert ended.returncode == 0, ended.stdout
    assert run("--diff", "a.yaml").exit_code == 0


def test_standard_input_is_written_to_standard_output() -> None:
    text = f"# ü\r\n{BACKUP}  target:\n    ref: {REF}\n"
    result = run("-", given=text.encode())
    assert result.exit_code == 0
    assert result.stdout_bytes == text.replace("    ref:", "    alias: host-0\r\n    ref:").encode()
    assert run("-", given=b"a: 1\n").stdout_bytes == b"a: 1\n"


@pytest.mark.usefixtures("folder")
def test_what_is_left_alone_ends_with_1_and_what_cannot_be_read_with_2() -> None:
    Path("a.yaml").write_text(f"{BACKUP}  target:\n    alias: |\n    ref: {REF}\n")
    result = run("a.yaml")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: a.yaml:1:1: BackupConfiguration web: ")
    assert result.stderr.endswith("0 of 1 file changed, 1 object left alone\n")
    Path("b.yaml").write_text("a: [ # stash.appscode.com\n")
    assert run("a.yaml", "b.yaml").exit_code == 2
    assert run("nowhere.yaml").exit_code == 2
    assert run("-", "-").exit_code == 2


@pytest.mark.usefixtures("folder")
def test_a_file_keeps_its_mode_and_encoding_and_a_link_stays_a_link() -> None:
    text = f"{BACKUP}  target:\n    ref: {REF}\n"
    Path("real").mkdir()
    Path("real/a.yaml").write_bytes(text.encode("utf-16"))
    Path("real/a.yaml").chmod(0o640)
    Path("a.yaml").symlink_to("real/a.yaml")
    assert run("a.yaml").exit_code == 0
    assert Path("a.yaml").is_symlink()
    assert "alias: host-0" in Path("real/a.yaml").read_bytes().decode("utf-16")
    assert stat.S_IMODE(Path("real/a.yaml").stat().st_mode) == 0o640
    assert [each.name for each in Path("real").iterdir()] == ["a.yaml"]


@pytest.mark.usefixtures("folder")
def test_nothing_is_written_through_a_link_that_leads_out_of_what_was_given() -> None:
    text = f"{BACKUP}  target:\n    ref: {REF}\n"
    for name in ("given/inside", "elsewhere"):
        Path(name).mkdir(parents=True)
    for name in ("given/inside/a.yaml", "elsewhere/b.yaml", "elsewhere/c.yaml"):
        Path(name).write_text(text)
    Path("given/again").symlink_to("inside")
    Path("given/out").symlink_to("../elsewhere")
    Path("given/c.yaml").symlink_to("../elsewhere/c.yaml")
    for flags in (["--diff"], []):
        result = run(*flags, "given")
        assert result.exit_code == 1
        said = "BackupConfiguration web: not written: a link leads to it, out of what was given"
        told = [line for line in result.stderr.splitlines() if said in line]
        assert [line.partition(":1:1: ")[0] for line in told] == [
            "Error: given/c.yaml",
            "Error: given/out/b.yaml",
            "Error: given/out/c.yaml",
        ]
        assert "1 of 4 files" in result.stderr
        assert "elsewhere" not in result.stdout
        assert "given/out" not in result.stdout
    assert "alias: host-0" in Path("given/inside/a.yaml").read_text()
    assert {path.read_text() for path in Path("elsewhere").iterdir()} == {text}
    assert Path("given/c.yaml").is_symlink()
    assert run("given/c.yaml", "given/out").exit_code == 0, "these were named"
    assert all("alias: host-0" in path.read_text() for path in Path("elsewhere").iterdir())


@pytest.mark.usefixtures("folder")
def test_a_file_with_two_names_stays_one_file_and_is_left_alone() -> None:
    text = f"{BACKUP}  target:\n    ref: {REF}\n"
    Path("a.yaml").write_text(text)
    Path("b.yaml").hardlink_to("a.yaml")
    result = run("a.yaml")
    assert result.exit_code == 2
    assert "a.yaml: cannot be written: it has another name (a hard link)" in result.stderr
    assert Path("a.yaml").samefile("b.yaml")
    assert Path("b.yaml").read_text() == text
    Path("b.yaml").unlink()
    assert run("a.yaml").exit_code == 0


def test_a_pipe_that_is_named_as_a_file_cannot_be_written() -> None:
    reading, writing = os.pipe()
    os.write(writing, f"{BACKUP}  target:\n    ref: {REF}\n".encode())
    os.close(writing)
    result = run(f"/dev/fd/{reading}")
    os.close(reading)
    assert result.exit_code == 2
    assert "cannot be written: " in result.stderr


@pytest.mark.usefixtures("folder")
def test_a_file_that_changed_meanwhile_is_not_overwritten() -> None:
    Path("a.yaml").write_text(BACKUP)
    before = read(Path("a.yaml"))
    assert isinstance(before, Text)
    Path("a.yaml").write_text("changed: by somebody\n")
    with pytest.raises(CannotSave, match="it was changed meanwhile"):
        save(Path("a.yaml"), before, "ours")
    assert Path("a.yaml").read_text() == "changed: by somebody\n"
    Path("a.yaml").unlink()
    with pytest.raises(CannotSave, match="No such file"):
        save(Path("a.yaml"), before, "ours")


def test_the_samples_are_fixed_as_the_server_would_store_them(tmp_path: Path) -> None:
    copies = {}
    for path in sorted((ROOT / "manifests/samples").glob("*.yaml")):
        copies[path.name] = path.read_text()
        (tmp_path / path.name).write_text(copies[path.name])
    ended = subprocess.run(
        [sys.executable, "-m", "app", "fix", str(tmp_path)], cwd=ROOT, capture_output=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    for name, text in copies.items():
        stored = _manifests((tmp_path / name).read_text())
        assert len(stored) == len(_manifests(text))
        assert all(ask(each, ADMISSION).edits == () for each in stored)
        assert all(value_of(each.node) == each.value for each in stored)


# --- What is stored


WITHOUT_ALIAS = BACKUP + f"  target: {{ref: {REF}}}\n"
OTHER = WITHOUT_ALIAS.replace("name: web}\nspec", "name: other}\nspec")


@pytest.mark.usefixtures("folder")
def test_that_an_alias_changes_what_is_stored_is_said_once() -> None:
    Path("a.yaml").write_text(f"{WITHOUT_ALIAS}---\n{OTHER}")
    Path("b.yaml").write_text(WITHOUT_ALIAS)
    for arguments in (["--diff"], []):
        result = run(*arguments, "a.yaml", "b.yaml")
        assert result.stderr.count("sidecars restart") == 1
        assert "--old PATH" in result.stderr
    assert "sidecars" not in run("a.yaml").stderr, "nothing is left to write"
    Path("restore.yaml").write_text(RESTORE + f"  target: {{ref: {REF}}}\n")
    result = run("restore.yaml")
    assert "1 of 1 file changed" in result.stderr
    assert "sidecars" not in result.stderr, "a restore has none"


@pytest.mark.parametrize("option", ["--old", "--inventory"])
@pytest.mark.usefixtures("folder")
def test_a_target_that_is_stored_without_alias_gets_none(option: str) -> None:
    Path("cluster").mkdir()
    Path("cluster/stored.yaml").write_text(
        WITHOUT_ALIAS.replace("name: web}\nspec", "name: web, namespace: demo}\nspec")
    )
    Path("a.yaml").write_text(f"{WITHOUT_ALIAS}---\n{OTHER}")
    result = run(option, "cluster", "a.yaml")
    assert result.exit_code == 0
    assert "sidecars" not in result.stderr
    assert Path("a.yaml").read_text() == f"{WITHOUT_ALIAS}---\n{OTHER.replace('{ref:', '{alias: host-0, ref:')}"


@pytest.mark.usefixtures("folder")
def test_what_is_stored_can_come_from_standard_input_and_must_be_readable() -> None:
    Path("a.yaml").write_text(WITHOUT_ALIAS)
    assert run("--old", "-", "a.yaml", given=WITHOUT_ALIAS.encode()).exit_code == 0
    assert Path("a.yaml").read_text() == WITHOUT_ALIAS
    assert run("--old", "-", "-", given=b"").exit_code == 2
    result = run("--old", "-", "a.yaml", given=b"# stash.appscode.com\na: [")
    assert result.exit_code == 2
    assert "-:" in result.stderr
    assert Path("a.yaml").read_text() == WITHOUT_ALIAS, "nobody knows what is stored"
