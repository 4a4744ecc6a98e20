"""The pre-commit hooks and the GitHub Action call commands that there are, with flags that they have."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main

from app.cli import app
from testbed.documents import load
from tests.support.manifests import BAD, CHANGED, GOOD, WARNED

ROOT = Path(__file__).parents[2]


def _read(name: str) -> Any:
    return load((ROOT / name).read_text())


@pytest.mark.parametrize("hook", _read(".pre-commit-hooks.yaml"), ids=lambda hook: hook["id"])
def test_a_hook_runs_a_command_that_there_is_on_files_of_its_types(hook: dict[str, Any]) -> None:
    *program, command = shlex.split(hook["entry"])
    assert program == ["python", "-I", "-m", "app"], "what is checked out is no code of ours"
    assert command in typer.main.get_command(app).commands  # type: ignore[attr-defined]
    assert hook["id"] == f"stash-admission-{command}"
    assert (hook["language"], hook["types_or"]) == ("python", ["yaml", "json"])


def _step(name: str) -> Any:
    (step,) = [each for each in _read("action.yml")["runs"]["steps"] if each["name"] == name]
    return step


def _run(folder: Path, step: Any, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A step of the action as a runner runs it, `folder` being the checkout."""
    environment = {**os.environ, **variables, "RUNNER_TEMP": str(folder.parent / f"{folder.name}-temp")}
    Path(environment["RUNNER_TEMP"]).mkdir(exist_ok=True)
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    return subprocess.run(script, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def _action(folder: Path, *traps: str, **inputs: str) -> subprocess.CompletedProcess[str]:
    """The action's own script, with the inputs as GitHub gives them; what it installed is what is tested."""
    action, step = _read("action.yml"), _step("Check")
    given = {name: spec["default"] for name, spec in action["inputs"].items()} | {
        name.replace("_", "-"): value for name, value in inputs.items()
    }
    named = {name: given[value.removeprefix("${{ inputs.").removesuffix(" }}")] for name, value in step["env"].items()}
    installed = folder.parent / f"{folder.name}-temp" / "stash-admission"
    installed.parent.mkdir(exist_ok=True)
    if not installed.exists():
        installed.symlink_to(sys.prefix)
    return _run(folder, step, named | dict(each.split("=", 1) for each in traps))


def test_the_action_checks_the_checkout_and_annotates_the_pull_request(tmp_path: Path) -> None:
    (tmp_path / "a b.yaml").write_text(BAD)
    ended = _action(tmp_path)
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout.startswith("::error file=a b.yaml,line=6,col=3,title=valid-schedule::")
    assert ended.stderr == ""


def test_the_actions_inputs_are_the_commands_flags(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    (tmp_path / "bad.yaml").write_text(BAD)
    (tmp_path / "-warned.yaml").write_text(WARNED)
    assert _action(tmp_path, paths="good.yaml").returncode == 0
    assert _action(tmp_path, paths="good.yaml\nbad.yaml\n").returncode == 1
    assert _action(tmp_path, paths="bad.yaml", rules="valid-schedule=warn\nnothing-kept=off").returncode == 0
    assert _action(tmp_path, paths="-warned.yaml").returncode == 0
    assert _action(tmp_path, paths="-warned.yaml", fail_on="warning").returncode == 1
    (tmp_path / "new.yaml").write_text(BAD.replace("alias: app", "alias: web"))
    ended = _action(tmp_path, paths="new.yaml", old="bad.yaml", output="text")
    assert ended.returncode == 0
    assert "(alias-changed)" in ended.stdout
    assert _action(tmp_path, paths="$(touch /tmp/nobody)").returncode == 2


def test_the_action_judges_by_the_levels_and_the_contents_of_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    levels = tmp_path / "of one cluster"
    levels.mkdir()
    (levels / "config.yaml").write_text("rules: {valid-schedule: warn, nothing-kept: off}\n")
    for config in ("of one cluster", "of one cluster/config.yaml"):
        assert _action(tmp_path, paths="bad.yaml", config=config).returncode == 0
    sample = ROOT / "manifests" / "samples" / "exclusive-repository.yaml"
    (tmp_path / "what else").mkdir()
    (tmp_path / "what else" / sample.name).write_text(sample.read_text())
    named = f"what else/{sample.name}\nbad.yaml"
    assert _action(tmp_path, paths=named, config="of one cluster").returncode == 0, (
        "files that are named are not compared"
    )
    beside = _action(tmp_path, paths=named, config="of one cluster", inventory="what else")
    assert beside.returncode == 1
    assert "title=exclusive-repository" in beside.stdout


@pytest.mark.parametrize("name", ["config", "inventory", "paths", "old", "rules"])
@pytest.mark.parametrize("value", ["$(touch found)", "`touch found`", "x; touch found", '"; touch found; "', "--help"])
def test_what_an_input_of_the_action_holds_is_no_command(tmp_path: Path, name: str, value: str) -> None:
    (tmp_path / "good.yaml").write_text(GOOD)
    ended = _action(tmp_path, **({"paths": "good.yaml"} | {name: value}))
    assert ended.returncode == 2, ended.stdout
    assert not (tmp_path / "found").exists()


def test_every_input_of_the_action_is_given_to_the_script_by_its_environment() -> None:
    action, step = _read("action.yml"), _step("Check")
    assert {f"${{{{ inputs.{name} }}}}" for name in action["inputs"]} == set(step["env"].values())
    assert not any("${{" in each["run"] for each in action["runs"]["steps"])


def test_a_hook_finds_and_mends_what_is_in_the_files_that_it_is_given(tmp_path: Path) -> None:
    for name, text in (("a.yaml", CHANGED), ("b.yaml", "a: 1\n")):
        (tmp_path / name).write_text(text)
    for hook in _read(".pre-commit-hooks.yaml"):
        command = [sys.executable, *shlex.split(hook["entry"])[1:], "a.yaml", "b.yaml"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    assert "alias: host-0" in (tmp_path / "a.yaml").read_text()


_TRAP = "import pathlib; pathlib.Path({ran!r}).touch()\n"
_BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/app-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("app/__main__.py", "print('this is ours')")
        wheel.writestr("app-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: app\\nVersion: 1\\n")
        wheel.writestr("app-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("app-1.dist-info/RECORD", "")
    return "app-1-py3-none-any.whl"
"""


def _trapped(folder: Path) -> Path:
    """A checkout whose files would be run, or read, by a Python or a pip that begins in it; what is there if one is."""
    ran = folder.parent / "ran"
    trap = _TRAP.format(ran=str(ran))
    for name in ("venv", "pip", "ensurepip", "sitecustomize", "usercustomize", "app", "typing", "setup", "backend"):
        (folder / f"{name}.py").write_text(trap)
    (folder / "x.pth").write_text(trap)
    (folder / "pyproject.toml").write_text('[build-system]\nrequires = []\nbuild-backend = "backend"\n')
    for name in ("pip.conf", "pip.ini", ".pip/pip.conf", "setup.cfg", "pyvenv.cfg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("[global]\nno-such-option = true\nindex-url = http://127.0.0.1:1/\n")
    (folder / "uv.toml").write_text('index-url = "http://127.0.0.1:1/"\n')
    (folder / "good.yaml").write_text(GOOD)
    return ran


def test_the_action_runs_no_code_of_the_checkout(tmp_path: Path) -> None:
    checkout, source = tmp_path / "checkout", tmp_path / "source"
    checkout.mkdir()
    source.mkdir()
    ran = _trapped(checkout)
    (source / "requirements.txt").write_text("")
    (source / "ours.py").write_text(_BACKEND)
    project = '[build-system]\nrequires = []\nbuild-backend = "ours"\nbackend-path = ["."]\n'
    (source / "pyproject.toml").write_text(project)
    paths = {"SOURCE": str(source), "PYTHONPATH": str(checkout), "PYTHONSTARTUP": str(checkout / "app.py")}
    ended = _run(checkout, _step("Install stash-admission"), paths)
    assert ended.returncode == 0, ended.stderr
    checked = _run(checkout, _step("Check"), dict.fromkeys(_step("Check")["env"], "") | paths)
    assert (checked.returncode, checked.stdout) == (0, "this is ours\n"), checked.stderr
    assert not ran.exists()


def test_neither_the_action_nor_a_hook_judges_by_code_of_the_checkout(tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    ran = _trapped(checkout)
    variables = {"PYTHONPATH": ".", "PYTHONSTARTUP": "app.py"}
    ended = _action(checkout, "PYTHONPATH=.", "PYTHONSTARTUP=app.py", paths="good.yaml")
    assert ended.returncode == 0, ended.stderr
    for hook in _read(".pre-commit-hooks.yaml"):
        command = [sys.executable, *shlex.split(hook["entry"])[1:], "good.yaml"]
        environment = os.environ | variables
        done = subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    assert not ran.exists()
    subprocess.run([sys.executable, "-m", "app"], cwd=checkout, env=os.environ | variables, check=False)
    assert ran.exists(), "the trap is one"
