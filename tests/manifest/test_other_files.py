"""What is not ours is not read as ours: a repository holds templates, data and broken files, and objects of Stash."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.manifest import source
from app.manifest.discovery import OtherFile, Unreadable
from app.manifest.exclusions import BadPattern, Exclusions
from app.manifest.objects import Found, Manifest, objects
from app.manifest.regular_file import beginning
from app.manifest.wanted import names_group
from testbed.server import unprivileged
from tests.support.commandline import run
from tests.support.manifests import BAD, CHANGED, GOOD

HEAD = "apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\n"
FOREIGN: dict[str, bytes] = {
    "helm.yaml": b"{{- if .Values.on }}\napiVersion: v1\n{{- end }}\n",
    "jinja.yml": b"{% for x in y %}\n- {{ x }}\n{% endfor %}\n",
    "erb.yaml": b"a: <%= ENV['X'] %>\n  b: <% if x %>\n",
    "tsconfig.json": b'{\n  // comments\n  "compilerOptions": {},\n}\n',
    "latin1.yaml": "größe: 1\n".encode("latin-1"),
    "conflict.yaml": b"<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> other\n",
    "binary.yaml": b"\x7fELF\0\0",
    "twice.json": b'{"a": 1, "a": 2}',
    "utf16.yaml": "a: [".encode("utf-16"),
    "empty.yaml": b"",
    "nested.json": b"[" * 100_000,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name: str, content: bytes | str = HEAD) -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def found(*paths: str, but: Exclusions | None = None) -> list[Found]:
    return list(objects(map(Path, paths or (".",)), but=but))


def names(but: Exclusions) -> list[str]:
    return [each.file for each in found(but=but)]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_that_does_not_name_the_group_is_another_whatever_is_wrong_with_it(name: str) -> None:
    put(name, FOREIGN[name])
    assert found() == found(name) == [OtherFile(name)]


COMMANDS = {
    "check": ["check", "."],
    "check --old": ["check", "good.yaml", "--old", "."],
    "check --inventory": ["check", "good.yaml", "--inventory", "."],
    "fix": ["fix", "."],
    "fix --old": ["fix", "good.yaml", "--old", "."],
    "fix --inventory": ["fix", "good.yaml", "--inventory", "."],
    "plan": ["plan", "."],
    "audit": ["audit", "."],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_repository_of_broken_files_and_good_objects_is_fine(command: list[str]) -> None:
    for name, content in FOREIGN.items():
        put(f"other/{name}", content)
    Path("other/nowhere.yaml").symlink_to("gone")
    os.mkfifo("other/pipe.yaml")
    put("good.yaml", GOOD)
    ended = run(*command)
    assert ended.exit_code == 0, ended.output
    assert "Error" not in ended.stderr


def test_what_is_left_out_is_counted() -> None:
    put("a.yaml", f"{BAD}---\nkind: Service\napiVersion: v1\n")
    put("b.yaml", "a: [")
    put("c.json", "{")
    last = run("check", ".").stdout.splitlines()[-1]
    assert last == (
        "1 object checked: 1 error, 0 warnings, 0 changes; 1 object of other kinds left out; "
        "2 files without Stash objects left out"
    )
    assert run("audit", ".").stdout.splitlines()[-1].endswith("; 2 files without Stash objects left out")
    put("a.yaml", CHANGED)
    ended = run("fix", ".")
    assert ended.stderr.splitlines()[-1] == "1 of 1 file changed; 2 files without Stash objects left out"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("text", [HEAD, HEAD.upper(), "a: [ # stash.appscode.com\n"])
def test_the_group_is_found_in_every_encoding_and_case(text: str, encoding: str) -> None:
    put("a.yaml", text.encode(encoding))
    assert not any(isinstance(each, OtherFile) for each in found())


@pytest.mark.parametrize(
    "version",
    [r"\u0073tash.appscode.com/v1beta1", r"stash\x2Eappscode.com/v1beta1", r"stash.\U00000061ppscode.com/v1beta1",
     "stash.apps\\\n  code.com/v1beta1", r"stash.appscode.com\/v1beta1"],
)  # fmt: skip
def test_a_group_that_is_written_with_escapes_is_found(version: str) -> None:
    put("a.yaml", HEAD.replace("stash.appscode.com/v1beta1", f'"{version}"'))
    (one,) = found()
    assert isinstance(one, Manifest)
    assert one.version == "v1beta1"


def test_other_escapes_name_nothing() -> None:
    assert not names_group(rb"\u0041\n \x20 stash\appscode.com \u00e9")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{{ x }}\n" + HEAD.encode(), "a.yaml:2:1: not YAML: did not find expected <document start>: render"),
        (b"<<<<<<< HEAD\n" + HEAD.encode(), "a.yaml:2:11: not YAML: mapping values are not allowed in this context:"),
        (f"größe: 1\n{HEAD}".encode("latin-1"), "a.yaml:1:3: not UTF-8: byte 0xf6"),
        (HEAD.encode("utf-16-le"), "a.yaml: a binary file, not YAML: text must be UTF-8, or UTF-16 with a byte"),
        (b"\xff\xfe\0\0" + HEAD.encode("utf-32-le"), "a.yaml: a binary file, not YAML: text must be UTF-8, or UTF-16"),
        (f"a: [\n---\n{HEAD}".encode(), "a.yaml:2:1: not YAML"),
    ],
)  # fmt: skip
def test_what_names_the_group_and_cannot_be_read_is_an_error_with_its_place(content: bytes, says: str) -> None:
    put("a.yaml", content)
    first = found()[0]
    assert isinstance(first, Unreadable)
    assert str(first).startswith(says)


# --- Large, deep and odd


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds that a test reaches."""
    monkeypatch.setattr(source, "MAX_FILE_BYTES", 100)
    monkeypatch.setattr(source, "_PIECE_BYTES", 64)
    monkeypatch.setattr(source, "_OVERLAP_BYTES", 32)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("before", range(150, 250, 7))
def test_a_file_that_is_too_large_is_looked_through_for_the_group(before: int) -> None:
    put("a.json", b"x" * before)
    assert found() == [OtherFile("a.json")]
    put("a.json", b"x" * before + b"stash.appscode.com")
    assert "larger than" in str(found()[0])
    put("a.json", b"stash.appscode.com" + b"x" * before)
    assert "larger than" in str(found()[0])


@pytest.mark.parametrize("size", [0, 1, 6, 7, 8, 100, 101, 102, 250])
def test_a_file_is_read_whole_however_little_the_system_gives_at_a_time(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    put("a.json", bytes(range(size)))
    whole, real = bytes(range(size)), os.read
    assert beginning("a.json", 101) == whole[:101]
    monkeypatch.setattr(os, "read", lambda descriptor, most: real(descriptor, min(most, 7)))
    assert beginning("a.json", 101) == whole[:101]
    assert beginning("a.json", 1_000) == whole


@pytest.mark.usefixtures("small")
def test_a_file_that_is_far_too_large_is_not_looked_through_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_SEARCHED_BYTES", 200)
    put("a.json", b"x" * 300)
    assert str(found()[0]).endswith("leave it out with --exclude")


@pytest.mark.usefixtures("small")
def test_a_stream_that_is_too_large_is_an_error_as_nobody_saw_its_end() -> None:
    assert run("check", "-", given=b"x" * 200).exit_code == 2


@pytest.mark.usefixtures("small")
def test_a_large_file_that_is_gone_when_it_is_looked_through_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    put("a.json", b"x" * 300)
    first = names_group

    def gone(content: bytes) -> bool:
        Path("a.json").unlink(missing_ok=True)
        return first(content)

    monkeypatch.setattr(source, "names_group", gone)
    assert str(found()[0]) == "a.json: No such file or directory"


def test_directories_may_be_nested_deeper_than_python_calls_functions(folder: Path) -> None:
    for _ in range(1_200):
        os.mkdir("d")  # noqa: PTH102  a path as long as that is no argument
        os.chdir("d")
    put("a.yaml")
    os.chdir(folder)
    try:
        assert len(found()) == 1
    finally:
        subprocess.run(["rm", "-r", "d"], check=True)  # which Python's own cannot


def test_a_file_that_may_not_be_read_may_hold_an_object() -> None:
    Path().chmod(0o755)
    put("a.yaml", "a: 1")
    Path("a.yaml").chmod(0)
    with unprivileged():
        assert [str(each) for each in found()] == ["a.yaml: Permission denied"]


# --- What is left out on request


@pytest.fixture
def repository() -> None:
    for name in ("a.yaml", "charts/x/templates/b.yaml", "charts/x/values.yaml", "node_modules/m/c.yaml", "d.tpl.yaml"):
        put(name)


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize(
    ("patterns", "left"),
    [
        (["charts"], ["a.yaml", "d.tpl.yaml", "node_modules/m/c.yaml"]),
        (["charts/*/templates", "node_modules/"], ["a.yaml", "charts/x/values.yaml", "d.tpl.yaml"]),
        (["*.tpl.yaml", "**/templates/**"], ["a.yaml", "charts/x/values.yaml", "node_modules/m/c.yaml"]),
        (["*.yaml", "!a.yaml"], ["a.yaml"]),
        (["/a.yaml", "templates"], ["charts/x/values.yaml", "d.tpl.yaml", "node_modules/m/c.yaml"]),
    ],
)
def test_patterns_leave_out_files_and_directories(patterns: list[str], left: list[str]) -> None:
    assert names(Exclusions(patterns)) == left


@pytest.mark.usefixtures("repository")
def test_a_pattern_counts_for_what_is_named_and_from_the_directory_that_is_named(folder: Path) -> None:
    assert found("a.yaml", but=Exclusions(["a.yaml"])) == []
    assert [each.file for each in found("charts", but=Exclusions(["charts/x/templates"]))] == ["charts/x/values.yaml"]
    assert [each.file for each in found("charts", but=Exclusions(["/x/values.yaml"]))] == ["charts/x/templates/b.yaml"]
    assert len(found(str(folder), but=Exclusions(["charts/x"]))) == 3


def test_a_pattern_that_means_nothing_is_an_error_of_usage() -> None:
    with pytest.raises(BadPattern):
        Exclusions(["!"])
    ended = run("check", ".", "--exclude", "!")
    assert ended.exit_code == 2
    assert ended.stderr == "Error: --exclude: not a pattern as of a .gitignore: !\n"


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_every_command_leaves_out_what_it_is_asked_to(command: list[str]) -> None:
    put("good.yaml", GOOD)
    put("bad/x.yaml", f"{{{{ x }}}} {HEAD}")
    assert run(*command).exit_code == 2
    if command[0] != "check":
        assert run(*command, "--exclude", "bad").exit_code in (0, 1)
    assert run(*command, "--exclude", "bad", "--exclude", "x.yaml").exit_code in (0, 1)
    Path(".git").mkdir()
    put(".gitignore", "bad/\n")
    assert run(*command, "--gitignore").exit_code in (0, 1)


@pytest.mark.usefixtures("repository")
def test_what_git_ignores_is_left_out_where_that_is_asked_for(read_as: Callable[[str], list[str]]) -> None:
    put(".gitignore", "*.tpl.yaml\nnode_modules\n!\n# nothing\n")
    put("charts/.gitignore", "values.yaml\n")
    put("charts/x/.gitignore", "!values.yaml\n/templates/\n")
    put(".git/info/exclude", "/a.yaml\n")
    assert read_as(".") == ["charts/x/values.yaml"]
    assert read_as("charts/x") == ["charts/x/values.yaml"]
    assert read_as("node_modules/m") == []
    assert len(found()) == 5


@pytest.fixture
def read_as() -> Callable[[str], list[str]]:
    def read(path: str) -> list[str]:
        return [each.file for each in found(path, but=Exclusions(gitignore=True))]

    return read


def test_a_working_directory_that_was_deleted_does_not_matter_to_standard_input(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    before = Path.cwd()
    os.chdir(gone)
    try:
        gone.rmdir()
        ended = run("check", "-", given=GOOD.encode())
    finally:
        os.chdir(before)
    assert ended.exit_code == 0, ended.output


def test_templates_of_a_chart_that_name_the_group_are_told_with_what_leaves_them_out() -> None:
    put("charts/shop/Chart.yaml", b"apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    put("charts/shop/templates/a.yaml", b"{{ x }}\n" + HEAD.encode())
    put("templates/no-chart.yaml", b"{{ x }}\n" + HEAD.encode())
    said = run("check", ".")
    assert said.exit_code == 2
    (*_, note) = said.stderr.splitlines()
    assert note.startswith("Note: 1 of these is a template of a Helm chart: leave such out, as with --exclude")
    put("charts/shop/templates/sub/b.yaml", b"{{ x }}\n" + HEAD.encode())
    assert "Note: 2 of these are templates of a Helm chart" in run("check", ".").stderr
    Path("templates/no-chart.yaml").unlink()
    left_out = run("check", ".", "--exclude", "charts/*/templates")
    assert (left_out.exit_code, left_out.stderr) == (0, "")
