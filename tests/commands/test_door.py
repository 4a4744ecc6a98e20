"""Whatever names and contents are, no command writes one to a terminal, or to the log of a runner."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from app.commands.doctor.report import report
from app.commands.terminal.door import Door, data, escaped, one_line
from certs.diagnostics import note, wrong
from tests.support.commandline import run
from tests.support.hostile import HOSTILE, is_text
from tests.support.manifests import BAD, CHANGED
from tests.support.terminal import PROGRAM, on_a_terminal

NAME = "::error file=x::\x1b[31m\r\n::stop-commands::y\n##[group]\u202e.yaml"
"""Of a file: anything but a slash is one."""
QUOTED = json.dumps(HOSTILE)
SAID = BAD.replace("name: web, namespace", f"name: {QUOTED}, namespace").replace(
    "0 24 * * *", HOSTILE.encode("unicode_escape").decode()
)
BROKEN = "\n::error::comment\n# \u202e ::x\n ::warning::y: [\n"
DIFFERENCE = CHANGED.replace("  target:", "  # \u202e##[error]\n  ::add-mask::x: 1\n  target:")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    files = tmp_path / "files"
    files.mkdir()
    (files / NAME).write_text(SAID)
    (files / f"b{NAME}").write_text(BROKEN)
    (files / f"c{NAME}").write_text(DIFFERENCE)
    (files / f"d{NAME}").write_text("x: \x1b[31m")
    return files


def _calls() -> Iterator[tuple[str, ...]]:
    for output in ("text", "json", "sarif", "junit", "github"):
        yield ("check", "files", "--output", output)
        yield ("audit", "files", "--output", output)
    yield ("check", "files", "--old", "files", "--inventory", "files")
    yield ("fix", "--diff", "--suggest-aliases", "files")
    yield ("fix", "files")
    yield ("plan", "files")
    yield ("plan", "--output", "json", "files")
    yield ("plan", "--inventory", "files", "files")
    yield ("check", "files", "--config", f"files/{NAME}")
    yield ("check", f"{NAME} is not there")
    yield ("check", "files", "--inventory", f"{NAME} is not there")
    yield ("check", "files", "--rule", NAME)
    yield ("check", "files", "--output", NAME)
    yield ("plan", "files", "--replicas", NAME)
    yield ("review", "--validate", f"files/{NAME}")
    yield ("review", "--validate", NAME)
    yield ("explain", NAME)
    yield (NAME,)
    yield ("doctor", "--namespace", NAME)
    yield ("rules", "--namespace", NAME)


@pytest.mark.parametrize("call", list(_calls()), ids=lambda call: " ".join(call)[:40].encode("unicode_escape").decode())
@pytest.mark.usefixtures("folder")
def test_what_files_and_names_hold_reaches_both_streams_as_text(call: tuple[str, ...]) -> None:
    ended = run(*call)
    assert ended.exit_code in (0, 1, 2), ended.output
    assert ended.stdout or ended.stderr
    is_text(ended.stdout, annotations="github" in call)
    is_text(ended.stderr)


@pytest.mark.parametrize("command", ["check", "audit", "plan", "fix --diff", "fix"])
@pytest.mark.usefixtures("folder")
def test_a_terminal_gets_no_sequence_but_those_for_colours(command: str) -> None:
    written = re.sub(r"\x1b\[[0-9;?]*[mhlKAG]|\x1b\[\d+;\d+H|\r(?=\n)", "", on_a_terminal(*command.split(), "files"))
    for character in written:
        assert character in "\n\t" or character.isprintable(), repr(character)
    assert "\\x1b" in written


@pytest.mark.usefixtures("folder")
def test_the_forms_for_programs_say_still_what_is_there() -> None:
    said = [each["message"]["text"] for each in _sarif()["results"]]
    assert any("\\[" in each for each in said), said
    assert not any(re.search(r"(?<!\\)[\[\]]", each) for each in said)
    Xml.fromstring(run("check", "files", "--output", "junit").stdout)  # noqa: S314  it is our own
    assert json.loads(run("check", "files", "--output", "json").stdout)


def _sarif() -> Any:
    return json.loads(run("check", "files", "--output", "sarif").stdout)["runs"][0]


def test_the_door_leaves_all_else_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    plain = "a: b::c # d\té 漢\u3000字 🙂 \\"
    assert escaped(plain) == plain
    assert escaped("a\n  ::b") == "a\n  \\x3a:b"
    assert one_line("a\n::b\r") == "a\\n::b\\r"
    assert json.loads(data(json.dumps(HOSTILE, ensure_ascii=False))) == HOSTILE
    Door().say(plain)
    assert capsys.readouterr().out == f"{plain}\n"


@pytest.mark.usefixtures("folder")
def test_a_bug_of_ours_quotes_nothing_as_a_command() -> None:
    program = Path(PROGRAM).parent / "python"
    code = f"import app.cli, app.cli.manifests as m\ndef broken(*_): raise KeyError({HOSTILE!r}, 1)\n"
    code += "import app.commands.check.report as r\nr.report = broken\n"
    code += "import sys\nsys.argv = ['x', 'check', 'files']\napp.cli.main()\n"
    ended = subprocess.run([str(program), "-c", code], capture_output=True, text=True, check=False)
    assert ended.returncode == 3
    is_text(ended.stderr)


@pytest.mark.usefixtures("folder")
def test_what_a_cluster_holds_reaches_the_doctors_reader_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    remarks = [wrong(f"broken {HOSTILE}", f"run this:\n{HOSTILE}", f"it says: {HOSTILE}"), note(HOSTILE)]
    assert not report([(HOSTILE, remarks)], Door(width=200))
    written = capsys.readouterr().out
    assert written.count("owned") == 5
    is_text(written)
