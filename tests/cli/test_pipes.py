"""Whatever is named as a file and is none ends a command with an error: nobody waits for the other end of a pipe."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.forks import ForkServer
from testbed.patience import PATIENCE
from testbed.server import issue
from tests.support.manifests import GOOD

_COMMANDS = [
    ["check", "{it}"],
    ["check", "{good}", "--old", "{it}"],
    ["check", "{good}", "--inventory", "{it}"],
    ["check", "{good}", "--config", "{it}"],
    ["fix", "{it}"],
    ["fix", "--diff", "{it}"],
    ["plan", "{it}"],
    ["plan", "{good}", "--inventory", "{it}"],
    ["audit", "{it}"],
    ["rules", "--config", "{it}"],
    ["review", "--validate", "{it}"],
    ["review", "--validate", "--inventory", "{it}", "{good}"],
    ["playground", "--port", "0", "--inventory", "{it}"],
    ["playground", "--port", "0", "--config", "{it}"],
    ["serve", "--cert-dir", "{certs}", "--config", "{it}"],
    ["serve", "--cert-dir", "{certs}", "--inventory", "{it}"],
    ["serve", "--cert-dir", "{certs}", "--client-ca", "{it}"],
    ["serve", "--cert-dir", "{pipes}"],
]
"""Every way to name a file."""


def _environment() -> dict[str, str]:
    variables = {"COLUMNS": "200", "NO_COLOR": "1", "STASH_ADMISSION_PORT": "0", "STASH_ADMISSION_MANAGEMENT_PORT": "0"}
    return {**os.environ, **variables}


def _ended(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name(program)), *arguments]
    return subprocess.run(
        command, env=_environment() | variables, capture_output=True, text=True, check=False, timeout=PATIENCE
    )


@pytest.fixture(scope="module")
def programs() -> Iterator[ForkServer]:
    """Starts `stash-admission` without importing it anew: a process of its own can wait for no pipe of this one."""
    with ForkServer() as it:
        yield it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipes")
    (folder / "good.yaml").write_text(GOOD)
    issue(folder / "certs")
    (folder / "pipes").mkdir()
    for name in ("tls.crt", "tls.key", "ca.crt", "pipe.yaml"):
        os.mkfifo(folder / "pipes" / name)
    return folder


@pytest.mark.parametrize("it", ["pipes/pipe.yaml", "/dev/zero"])
@pytest.mark.parametrize("arguments", _COMMANDS, ids=" ".join)
def test_a_pipe_or_a_device_ends_a_command_with_an_error(
    programs: ForkServer, folder: Path, tmp_path: Path, arguments: list[str], it: str
) -> None:
    places = {"it": str(folder / it), "good": str(folder / "good.yaml")}
    places |= {"certs": str(folder / "certs"), "pipes": str(folder / "pipes")}
    with (tmp_path / "stdout").open("wb") as stdout, (tmp_path / "stderr").open("wb") as stderr:
        given = [each.format(**places) for each in arguments]
        process = programs.start(given, _environment(), stdout.fileno(), stderr.fileno())
    try:
        code = process.wait(PATIENCE)
    finally:
        process.kill()
    said = (tmp_path / "stderr").read_text()
    assert code == 2, (tmp_path / "stdout").read_text() + said
    assert "Error" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", ["stash-admission audit", "stash-admission doctor", "stash-certs show"])
def test_a_kubeconfig_that_is_a_pipe_ends_a_command_with_an_error(folder: Path, command: str) -> None:
    pipe = str(folder / "pipes/pipe.yaml")
    ended = _ended(*command.split(), KUBECONFIG=pipe)
    said = f"Error: the kubeconfig {pipe} is not a regular file: correct KUBECONFIG\n"
    assert (ended.returncode, ended.stderr) == (2, said)


def test_what_a_shell_hands_over_is_read(folder: Path) -> None:
    command = f'{sys.executable} -m app check <(cat "{folder}/good.yaml")'
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("1 object checked")
