"""YAML that grows ends with an error wherever files are read, and not after hours."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from app.admission.engine import Admission
from app.commands.playground.evaluate import judge
from testbed.growing import ENDLESS, GROWING
from tests.support.commandline import run
from tests.support.manifests import GOOD

MANY = "come from aliases"
MUCH = "aliases stand for more than"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    return tmp_path


COMMANDS = {
    "check": ["check", "grows.yaml"],
    "check --old": ["check", "good.yaml", "--old", "grows.yaml"],
    "check --inventory": ["check", "good.yaml", "--inventory", "."],
    "check --config": ["check", "good.yaml", "--config", "grows.yaml"],
    "fix": ["fix", "grows.yaml"],
    "fix --diff": ["fix", "--diff", "--suggest-aliases", "grows.yaml"],
    "plan": ["plan", "grows.yaml"],
    "plan --inventory": ["plan", "good.yaml", "--inventory", "."],
    "audit": ["audit", "grows.yaml"],
}


@pytest.mark.parametrize("growing", GROWING, ids=lambda each: each.__name__)
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.usefixtures("folder")
def test_a_text_that_grows_without_end_is_told_with_its_place(
    command: list[str], growing: Callable[[int], str]
) -> None:
    text = growing(ENDLESS)
    Path("grows.yaml").write_text(text)
    ended = run(*command)
    assert ended.exit_code == 2, ended.output
    assert "grows.yaml:" in ended.stderr
    assert MANY in ended.stderr or MUCH in ended.stderr
    assert Path("grows.yaml").read_text() == text


@pytest.mark.parametrize("growing", GROWING, ids=lambda each: each.__name__)
def test_the_playground_tells_it_too(growing: Callable[[int], str]) -> None:
    for given in (growing(ENDLESS), ""), (GOOD, growing(ENDLESS)):
        said = json.dumps(judge(*given, Admission()))
        assert MANY in said or MUCH in said
