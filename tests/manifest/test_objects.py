"""Reading files: as kubectl reads them, with the place of every field, whatever is in them."""

import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from app.domain.path import Path as Field
from app.manifest.discovery import OtherFile, Unreadable, files
from app.manifest.growth import Growth
from app.manifest.nodes import Malformed
from app.manifest.objects import Manifest, Other, objects, objects_in
from app.manifest.source import MAX_FILE_BYTES, Text, read
from app.manifest.wanted import Wanted
from testbed.growing import ENDLESS, GROWING
from testbed.server import unprivileged
from tests.support.objects import objects as any_objects
from tests.support.styles import mendable, written
from tests.support.values import same, values

KUBECTL = [json.loads(line) for line in (Path(__file__).parent / "kubectl.jsonl").read_text().splitlines()]
"""Texts and the documents that kubectl reads in them, null where it refuses one: made with the YAMLOrJSONDecoder of
k8s.io/apimachinery 0.37.2, which is what `kubectl apply -f` reads with."""
HEAD = "apiVersion: stash.appscode.com/v1beta1\nkind: BackupConfiguration\nmetadata: {name: web}\n"


def only(text: str) -> Manifest:
    """The one object in a text."""
    (found,) = objects_in(Text("x.yaml", text))
    assert isinstance(found, Manifest), found
    return found


def place(text: str, *field: str | int) -> tuple[int, int]:
    """Line and column of a field of the one object."""
    return only(text).place(field)


def wrong(text: str) -> list[str]:
    """What cannot be read in a text."""
    return [str(each) for each in objects_in(Text("x.yaml", text)) if isinstance(each, Unreadable)]


# --- Byte order marks


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_document_may_begin_with_a_byte_order_mark_which_is_in_no_column(newline: str) -> None:
    text = f"{HEAD}spec: {{}}\n---\n\ufeff{HEAD}spec: {{paused: true}}\n".replace("\n", newline)
    first, second = objects_in(Text("x.yaml", text))
    assert isinstance(first, Manifest)
    assert isinstance(second, Manifest)
    assert second.value["spec"] == {"paused": True}
    assert second.place(("apiVersion",)) == (6, 1)
    assert second.place(("spec", "paused")) == (9, 8)
    assert second.text.line(6) == "apiVersion: stash.appscode.com/v1beta1"
    assert second.text.line(5) == "---"


def test_a_byte_order_mark_in_the_middle_of_a_document_is_named_where_it_is() -> None:
    (said,) = wrong(f"# Source: a.yaml\n\ufeff{HEAD}")
    assert said.startswith("x.yaml:2:1: a byte order mark (U+FEFF) in the middle: remove it")


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_a_fault_at_a_byte_order_mark_is_in_the_line_that_begins_with_it(newline: str) -> None:
    (said,) = wrong(f'{{"apiVersion": "stash.appscode.com/v1beta1"}} {{"a": 1}}{newline}\ufeffb: c{newline}')
    assert said.startswith("x.yaml:2:1: not JSON")


# --- As kubectl


@pytest.mark.parametrize(("text", "expected"), KUBECTL, ids=[repr(text)[:40] for text, _ in KUBECTL])
def test_a_text_means_what_it_means_to_kubectl(text: str, expected: list[Any] | None) -> None:
    if expected is None:
        with pytest.raises(Malformed):
            values(text)
    else:
        assert same(values(text), expected)


@pytest.mark.parametrize(
    ("text", "says", "at"),
    [
        ("a: 1\nb: 2\na: 3\n", "the key 'a' appears twice", 10),
        ("true: 1\ny: 2\n", "the key 'true' appears twice", 8),
        ('{"a": 1, "a": 2}', "the key 'a' appears twice", 9),
        ("a: !foo 5\n", "the tag !foo is not allowed here", 3),
        ("a: !foo {b: 1}\n", "the tag !foo is not allowed here", 3),
        ("a: !!python/object/apply:os.system [ls]\n", "is not allowed here", 3),
        ("a: !!set {b}\n", "is not allowed here", 3),
        ("1.5: a\n", "put it in quotes", 0),
        ("a: !!binary '?'\n", "not base64", 3),
        ("a: !!binary 'é'\n", "not base64", 3),
        ('{"a": 1}{"b": 2}{"c": }', "expected a value here", 22),
        ("a: 1\n...\nb: 2\n", "not YAML", 9),
    ],
)
def test_what_kubectl_reads_without_a_word_and_nobody_means_is_refused(text: str, says: str, at: int) -> None:
    with pytest.raises(Malformed, match=says) as raised:
        values(text)
    assert raised.value.offset == at


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a:\n\tb: 1\n", "x.yaml:2:1: .*replace the tab with spaces"),
        ("{{- if .Values.x }}\na: 1\n{{- end }}\n", "x.yaml:1:3: .*render the template first"),
        (f"{HEAD}spec:\n  paused: {{{{ .Values.x }}}}\n", "x.yaml:5:12: .*render it first"),
        (f"{HEAD}spec: {{keep: ${{KEEP}}, a: 1}}\n", "x.yaml:4:.*substitute the variables first"),
        (f"{HEAD}spec: {{name: %%NAME%%}}\n", "x.yaml:4:.*substitute what stands for a value first, or put"),
        (f"{HEAD}a: @NAME@\n", "x.yaml:4:4: .*substitute what stands for a value first, or put"),
        (f"{HEAD}spec:\n  schedule: * * * * *\n", "x.yaml:5:14: .*put what begins with `\\*` in quotes"),
        ("--- {a: 1}\n", "x.yaml:1:4: move what follows `---` to a line of its own"),
        (f"{HEAD}spec: [1\n", "x.yaml:5:1: not YAML"),
        ("{\"a\": 1,\n \"b\" 2}", "x.yaml:2:6: not JSON: expected `:` here"),
        ('{"a": 1,\n "b": "\\q"}', "x.yaml:2:8: not JSON"),
        ("a: \x01\n", "x.yaml:1:4: not YAML: the character 0x0001 is not allowed"),
        ("é: \x01\n", "x.yaml:1:4: not YAML: the character"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_where_and_what_to_do(text: str, says: str) -> None:
    (line,) = wrong(text)
    assert re.fullmatch(f"{says}.*", line), line


def test_the_documents_after_one_that_cannot_be_read_are_read() -> None:
    text = f"a: [\n---\n{HEAD}---\nb: *x\n---\n{HEAD}"
    found = list(objects_in(Text("x.yaml", text)))
    assert [type(each) for each in found] == [Unreadable, Manifest, Unreadable, Manifest]
    assert [each.index for each in found if isinstance(each, Manifest)] == [1, 3]


@settings(max_examples=150, deadline=None)
@given(st.data(), any_objects() | mendable(), st.booleans())
def test_an_object_written_in_any_style_is_read_as_what_it_is(data: Any, document: dict[str, Any], crlf: bool) -> None:
    text = data.draw(written(document))
    assert same(values(text.replace("\n", "\r\n") if crlf else text), [document])


@settings(max_examples=100, deadline=None)
@given(any_objects(), st.sampled_from([None, 1, 4]))
def test_json_is_read_as_what_it_is(document: dict[str, Any], indent: int | None) -> None:
    assert same(values(json.dumps(document, indent=indent)), [document])
    assert same(values(json.dumps(document, ensure_ascii=False) * 2), [document, document])


# --- Places


@settings(max_examples=150, deadline=None)
@given(st.data(), mendable())
def test_every_field_is_where_another_reader_finds_it(data: Any, document: dict[str, Any]) -> None:
    text = data.draw(written(document))
    manifest = only(text)
    for field, line, column in _by_ruamel(YAML().load(text)):
        assert manifest.place(field) == (line + 1, column + 1), (field, text)


def _by_ruamel(value: Any, field: Field = ()) -> Iterator[tuple[Field, int, int]]:
    """Every field with its line and column from 0, as ruamel.yaml has them."""
    if isinstance(value, CommentedMap):
        for key in value:
            yield (*field, key), *value.lc.key(key)
            yield from _by_ruamel(value[key], (*field, key))
    elif isinstance(value, CommentedSeq):
        for number, item in enumerate(value):
            yield (*field, number), *value.lc.item(number)
            yield from _by_ruamel(item, (*field, number))


SPEC = ("spec", "target", "alias")


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ("spec:\n  target:\n    alias: app\n", SPEC, (6, 5)),
        ("spec:\n  # comment\n  target:   # more\n\n    alias: app\n", SPEC, (8, 5)),
        ("spec: {target: {alias: app}}\n", SPEC, (4, 17)),
        ("spec: {target: {'alias': app}}\n", SPEC, (4, 17)),
        ('spec: {"target": {"alias": "app"}}\n', SPEC, (4, 19)),
        ("spec:\n  target:\n    ref: {name: web}\n", SPEC, (5, 3)),
        ("spec:\n  target:\n", SPEC, (5, 3)),
        ("spec:\n  paused: true\n", SPEC, (4, 1)),
        ("", SPEC, (1, 1)),
        ("spec:\n  members:\n  - target:\n      alias: app\n", ("spec", "members", 0, "target", "alias"), (7, 7)),
        ("spec:\n  members:\n  - task: {}\n", ("spec", "members", 0, "target"), (6, 5)),
        ("spec:\n  members:\n  -\n    task: {}\n", ("spec", "members", 0), (7, 5)),
        ("spec:\n  members: [{}, {}]\n", ("spec", "members", 1, "target"), (5, 17)),
        ("spec:\n  members: []\n", ("spec", "members", 4), (5, 3)),
        ("spec:\n  paths:\n  - |\n    a\n    b\n  - 'c'\n", ("spec", "paths", 1), (9, 5)),
        ("spec:\n  timeOut: >-\n    3d\n", ("spec", "timeOut"), (5, 3)),
        ("spec:\n  target: &t\n    alias: app\n  other: *t\n", ("spec", "other", "alias"), (6, 5)),
        ("spec:\n  target: &t\n    alias: app\n  other: *t\n", ("spec", "other"), (7, 3)),
        ("spec:\n  base: &b {alias: app}\n  target:\n    <<: *b\n", SPEC, (5, 13)),
        ("spec:\n  base: &b {alias: app}\n  target:\n    <<: [*b, {alias: db}]\n", SPEC, (5, 13)),
        ("spec:\n  base: &b {alias: app}\n  target:\n    alias: db\n    <<: *b\n", SPEC, (5, 13)),
        ("spec:\n  base: &b {alias: app}\n  target:\n    <<: *b\n    alias: db\n", SPEC, (8, 5)),
        ("spec: {あ: 1, target: {}}\n", ("spec", "target"), (4, 14)),
        ("spec: {a:\t1,\ttarget: {}}\n", ("spec", "target"), (4, 14)),
        ("spec:\n  😀: 1\n  a: {😀: 1, b: 2}\n", ("spec", "a", "b"), (6, 13)),
        ("spec:\n  ? target\n  : alias: app\n", SPEC, (6, 5)),
        ('spec:\n  b: "x\u2028y\u0085"\n  a: 1\n', ("spec", "a"), (6, 3)),
    ],
)
def test_the_place_of_a_field_is_its_key_or_the_nearest_above_that_is_there(
    spec: str, field: Field, expected: tuple[int, int]
) -> None:
    assert place(HEAD + spec, *field) == expected
    assert place((HEAD + spec).replace("\n", "\r\n"), *field) == expected
    assert place("\ufeff" + HEAD + spec, *field) == expected
    assert place(f"# first\na: 1\n---\n{HEAD}{spec}".replace("a: 1\n", "", 1), *field) == (
        expected[0] + 2,
        expected[1],
    )


def test_the_objects_of_a_list_have_places_of_their_own() -> None:
    item = HEAD.replace("\n", "\n  ").rstrip()
    text = f"apiVersion: v1\nkind: List\nitems:\n- {item}\n- kind: Secret\n- {item}\n  spec: {{}}\n"
    first, secret, second = objects_in(Text("x.yaml", text))
    assert isinstance(secret, Other)
    assert isinstance(first, Manifest)
    assert isinstance(second, Manifest)
    assert (first.line, first.within, second.line, second.within) == (4, ("items", 0), 8, ("items", 2))
    assert second.place(("spec", "target")) == (11, 3)


def test_a_list_of_one_kind_and_a_list_in_a_list_are_lists() -> None:
    inner = json.dumps({"kind": "BackupBatchList", "items": [{"apiVersion": "stash.appscode.com/v1", "kind": "X"}]})
    found = list(objects_in(Text("x.json", f'{{"kind": "List", "items": [{inner}, {inner}]}}')))
    assert [each.within for each in found if isinstance(each, Manifest)] == [
        ("items", 0, "items", 0),
        ("items", 1, "items", 0),
    ]


@pytest.mark.parametrize(
    "text",
    ["- 1\n", "x\n", "5\n", "kind: BackupBatch\n", "apiVersion: v1\nkind: Secret\n", "a: {b: c}\n", "kind: List\n"
     "items: {}\n", "apiVersion: stash.appscode.com/v1beta1\n", "apiVersion: [stash.appscode.com/v1beta1]\nkind: X\n"],
)  # fmt: skip
def test_what_is_no_object_of_the_group_is_something_else(text: str) -> None:
    assert [type(each) for each in objects_in(Text("x.yaml", text))] == [Other]


def test_the_items_of_a_list_may_be_aliases_and_faults_are_told_where_they_are() -> None:
    item = HEAD.replace("\n", "\n  ").rstrip()
    text = f"x: &x\n  {item}\nkind: List\nitems:\n- *x\n- {item}\n  kind: twice\n- {item}\n"
    first, second, third = objects_in(Text("x.yaml", text))
    assert isinstance(first, Manifest)
    assert (first.value["kind"], first.place(("kind",))) == ("BackupConfiguration", (3, 3))
    assert str(second) == "x.yaml:11:3: the key 'kind' appears twice: remove one"
    assert isinstance(third, Manifest)
    assert wrong(f"~: 1\n{HEAD}") == ["x.yaml:1:1: a key must be a string: put it in quotes"]


def test_objects_of_any_kind_can_be_asked_for() -> None:
    text = f"{HEAD}---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: demo}}\n---\nkind: Secret\n"
    found = objects_in(Text("x.yaml", text), Wanted(lambda version, kind: (version, kind) == ("v1", "Namespace")))
    assert [each.name if isinstance(each, Manifest) else each for each in found] == [
        Other("x.yaml"),
        "demo",
        Other("x.yaml"),
    ]


# --- Files


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*names: str, content: str = HEAD) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(content)


@pytest.mark.usefixtures("folder")
def test_a_directory_gives_its_yaml_and_json_files_sorted_and_what_is_below() -> None:
    put("b.yaml", "a.yml", "c.json", "d.txt", "sub/e.yaml", ".hidden.yaml", ".git/f.yaml", "sub/.x/g.yaml")
    assert [str(each) for each in files([Path()])] == [".hidden.yaml", "a.yml", "b.yaml", "c.json", "sub/e.yaml"]
    assert [str(each) for each in files([Path("sub"), Path("d.txt"), Path("sub/e.yaml"), Path(".git")])] == [
        "sub/e.yaml",
        "d.txt",
        ".git/f.yaml",
    ]


@pytest.mark.usefixtures("folder")
def test_links_are_followed_and_each_directory_is_read_once() -> None:
    put("real/a.yaml", "other/b.yaml")
    Path("real/link").symlink_to("../other")
    Path("real/again").symlink_to("../other")
    Path("real/loop").symlink_to("..")
    Path("real/broken.yaml").symlink_to("nowhere")
    Path("real/self.yaml").symlink_to("self.yaml")
    Path("real/broken").symlink_to("nowhere")
    found = [str(each) for each in files([Path()])]
    assert found == [
        "other/b.yaml",
        "real/a.yaml",
        "OtherFile(file='real/broken.yaml')",
        "OtherFile(file='real/self.yaml')",
    ]
    assert [str(each) for each in files([Path("real/self.yaml")])] == ["real/self.yaml"], "named, so reading it tells"


@pytest.mark.usefixtures("folder")
def test_a_name_that_cannot_be_one_is_told() -> None:
    assert [str(each) for each in files([Path("x" * 300)])] == [f"{'x' * 300}: File name too long"]


@pytest.mark.usefixtures("folder")
def test_what_is_no_regular_file_is_not_opened_in_a_directory() -> None:
    os.mkfifo("pipe.yaml")
    assert list(files([Path()])) == [OtherFile("pipe.yaml")]
    assert str(read(Path("pipe.yaml"))) == "pipe.yaml: not a regular file"


@pytest.mark.usefixtures("folder")
def test_a_directory_that_may_not_be_read_is_told() -> None:
    Path().chmod(0o755)
    Path("open").mkdir()
    Path("closed").mkdir(mode=0)
    with unprivileged():
        assert list(files([Path("open")])) == []
        assert [str(each) for each in files([Path("closed")])] == ["closed: Permission denied"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"a: 1\nb: \xff\n", "x.yaml:2:4: not UTF-8: byte 0xff"),
        ("größe: 1\n# ü".encode("latin-1"), "x.yaml:1:3: not UTF-8: byte 0xf6"),
        (b"\x7fELF\0\0", "x.yaml: a binary file, not YAML"),
        (b"\xff\xfea", "x.yaml:1:1: not UTF-16-LE"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_file_that_is_no_text_is_told(content: bytes, says: str) -> None:
    Path("x.yaml").write_bytes(content)
    assert says in str(read(Path("x.yaml")))


@pytest.mark.usefixtures("folder")
def test_a_file_that_is_too_large_is_not_read() -> None:
    with Path("x.yaml").open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    assert str(read(Path("x.yaml"))) == "x.yaml: larger than 32 MiB: split it, or leave it out with --exclude"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.usefixtures("folder")
def test_a_file_may_say_how_it_is_encoded(encoding: str) -> None:
    Path("x.yaml").write_bytes(f"{HEAD}spec:\n  ü: 1\n".encode(encoding))
    (found,) = objects([Path("x.yaml")])
    assert isinstance(found, Manifest)
    assert found.value["spec"] == {"ü": 1}
    assert found.place(("spec", "ü")) == (5, 3)


# --- Hostile files


def test_a_billion_laughs_are_refused_and_honest_aliases_are_not() -> None:
    lines = ["  a: &a [x,x,x,x,x,x,x,x,x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"  {name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    assert ["too many values come from aliases" in each for each in wrong(HEAD + "spec:\n" + "\n".join(lines))] == [
        True
    ]
    honest = "  a: &a {b: [c, d]}\n" + "".join(f"  x{n}: *a\n" for n in range(200))
    assert only(f"{HEAD}spec:\n{honest}").value["spec"]["x199"] == {"b": ["c", "d"]}


@pytest.mark.parametrize("growing", GROWING, ids=lambda each: each.__name__)
def test_a_short_text_that_stands_for_very_much_is_refused_where_it_is_too_much(growing: Callable[[int], str]) -> None:
    assert wrong(growing(2)) == []
    (said,) = wrong(growing(ENDLESS))
    assert "too many values come from aliases: remove anchors" in said or "the file's aliases stand for more" in said


def test_what_aliases_stand_for_is_counted_for_all_documents_of_a_file() -> None:
    """Each of them is small enough, and nobody would wait for all of them."""
    document = f"a: &a [{'1,' * 1_000}]\nb: [{','.join(['*a'] * 40)}]\n"
    assert wrong("---\n".join([document] * 2)) == []
    said = wrong("---\n".join([document] * 20))
    assert len(said) == 18
    assert said[0].startswith("x.yaml:8:")
    assert said[0].endswith("the file's aliases stand for more than 100,000 values: remove some, or split the file")


def test_objects_that_are_merged_into_each_other_are_no_deeper_than_others() -> None:
    for levels, says in ((90, ""), (200, "nested more than 98 levels deep")):
        lines = "".join(f"x{n}: &a{n} {{<<: *a{n - 1}}}\n" for n in range(1, levels))
        said = wrong(f"x0: &a0 {{z: 1}}\n{lines}{HEAD}<<: *a{levels - 1}\n")
        assert says in "".join(said)
        assert bool(said) is bool(says)


@pytest.mark.parametrize("depth", [97, 98, 150, 2_000, 200_000])
@pytest.mark.parametrize("style", ["flow", "json", "block"])
def test_a_document_may_be_as_deep_as_a_review_may(style: str, depth: int) -> None:
    if style == "block" and depth > 2_000:
        depth = 3_000
    deep = "[" * (depth - 2) + "]" * (depth - 2)
    if style == "json":
        head = {"apiVersion": "stash.appscode.com/v1beta1", "kind": "BackupBatch", "spec": {"a": 1}}
        text = json.dumps(head).replace("1}", deep + "}")
    elif style == "flow":
        text = f"{HEAD}spec:\n  a: {deep}\n"
    else:
        text = f"{HEAD}spec:\n" + "".join(" " * n + "a:\n" for n in range(1, depth))
    assert bool(wrong(text)) is (depth > 98)


def test_a_document_with_too_many_values_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def late(begin: Callable[[Growth], None]) -> Callable[[Growth], None]:
        def begins(growth: Growth) -> None:
            begin(growth)
            growth._values = 999_000  # noqa: SLF001  as if so many were read already, which takes ten seconds

        return begins

    for name in ("__init__", "begin"):
        monkeypatch.setattr(Growth, name, late(getattr(Growth, name)))
    for count, refused in ((900, False), (1_001, True)):
        for text in (f"{HEAD}spec: [{'1,' * count}]\n", f'{{"a": [{"1," * count}1]}}'):
            said = wrong(text)
            assert bool(said) is refused
            assert not refused or "more than 1,000,000 values" in said[0]


def test_ten_thousand_documents_are_read() -> None:
    found = list(objects_in(Text("x.yaml", "---\n".join([HEAD] * 10_000))))
    assert len(found) == 10_000
    assert isinstance(found[-1], Manifest)
    assert found[-1].line == 39_997


@given(st.text(max_size=100) | st.text(alphabet="{}[]\"':,-|>&*#! \n\ta1", max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in objects_in(Text("x.yaml", text)):
        if isinstance(each, Unreadable):
            assert each.line is not None
            assert each.line >= 1


def test_a_key_in_base64_is_what_it_decodes_to() -> None:
    (found,) = objects_in(Text("x.yaml", HEAD.replace("kind:", "!!binary kind:")))
    assert isinstance(found, Other), "it has no kind"
    assert only(HEAD.replace("kind:", "!!binary a2luZA==:")).kind == "BackupConfiguration"
