"""The wheel: all commands, what they need, and nothing else."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from pathlib import Path

import pytest

from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("app", "certs", "kube", "schemas")


def run(*command: str | Path) -> str:
    """What a program prints, which must succeed."""
    done = subprocess.run(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder)
    (built,) = folder.glob("*.whl")
    return built


def needed() -> set[str]:
    """The files of all modules that the commands import, at once or when they run."""
    found, rest = set[str](), [each.partition(":")[0] for each in PROJECT["scripts"].values()] + ["app.__main__"]
    while rest:
        parts = rest.pop().split(".")
        for depth in range(1, len(parts) + 1):
            below = ROOT.joinpath(*parts[:depth])
            path = below / "__init__.py" if below.is_dir() else below.with_suffix(".py")
            name = path.relative_to(ROOT).as_posix()
            if path.exists() and name not in found:
                found.add(name)
                rest += imported(path)
    return found


def imported(path: Path) -> list[str]:
    """Our modules that a file imports."""
    names = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.ImportFrom):
            names += [str(node.module), *(f"{node.module}.{each.name}" for each in node.names)]
        elif isinstance(node, ast.Import):
            names += [each.name for each in node.names]
    return [name for name in names if name.partition(".")[0] in PACKAGES]


def test_the_wheel_has_what_the_commands_need_and_nothing_else(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    modules = {name for name in names if name.endswith(".py")}
    assert modules == needed()
    assert {Path(name).parts[0] for name in names} == set(PACKAGES)
    shown = {str(Path(name).parent) for name in names - modules}
    assert shown == {f"app/commands/playground/{folder}" for folder in ("page", "examples")}, (
        "what the playground shows"
    )


def test_installed_without_a_resolver_every_command_runs(wheel: Path, tmp_path: Path) -> None:
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    programs = tmp_path / "venv" / "bin"
    (site,) = (tmp_path / "venv" / "lib").glob("python*/site-packages")
    (site / "dependencies.pth").write_text(
        sysconfig.get_path("purelib")
    )  # where this project is not, but what it needs
    pip = (sys.executable, "-m", "pip", "--python", programs / "python", "--disable-pip-version-check", "install")
    run(*pip, "--no-deps", "--no-index", "--no-compile", "--ignore-installed", wheel)
    assert {path.name for path in programs.iterdir()} >= set(PROJECT["scripts"])
    version = PROJECT["version"]
    where = "import app, schemas; print(app.__file__, schemas.__file__)"
    assert run(programs / "python", "-I", "-c", where).count(str(site)) == 2
    assert version in run(programs / "stash-admission", "--version")
    assert version in run(programs / "stash-certs", "--version")
    assert "unique-alias" in run(programs / "kubectl-stash_admission", "rules")
    assert run(programs / "kubectl_complete-stash_admission", "doc").startswith("doctor\t")
