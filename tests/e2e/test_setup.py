"""Set-up on a fresh machine: each lock file by the oldest and by the newest pip, and `make` in a clean checkout."""

import contextlib
import functools
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-traces.txt", "requirements-dev.txt", "requirements-tools.txt")
"""Each holds all of the one before."""
LARGEST = LOCKS[-1]
OLDEST = "pip==22.3 --hash=sha256:1daab4b8d3b97d1d763caeb01a4640a2250a0ea899e257b1e44b9eded91e15ab"
"""What Python 3.11.0 comes with."""
NEWEST = "pip==" + re.findall(r"^pip==((?:.*\\\n)*.*)", (ROOT / LARGEST).read_text(), flags=re.MULTILINE)[0]
"""What was the newest one when everything was locked."""
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
ENOUGH = 10 * PATIENCE
"""Seconds for one command: pip may take minutes alone."""
ENVIRONMENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("MAKE", "MFLAGS", "PYTEST", "COV_", "STASH_ADMISSION_")) and name != "VIRTUAL_ENV"
}


def run(*command: str | Path, folder: Path = ROOT) -> str:
    """What a command writes. It must succeed."""
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=ENOUGH,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


@functools.cache
def interpreter(wanted: str) -> str | None:
    """A Python of that version which can make environments, from the PATH or from pyenv."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = shutil.which(f"python{wanted}")
    for each in (*([found] if found else []), *map(str, sorted(pyenv.glob(f"{wanted}.*/bin/python")))):
        code = "import ensurepip, sys, venv; print('%d.%d' % sys.version_info[:2])"
        said = subprocess.run([each, "-c", code], capture_output=True, text=True, check=False).stdout
        if said.strip() == wanted:
            return each
    return None


def environment(folder: Path, pip: str) -> Path:
    """The Python of a new environment with that pip."""
    python = interpreter("3.11")
    if python is None:
        pytest.skip("there is no Python 3.11 with venv on this machine")
    run(python, "-m", "venv", folder)
    (folder / "pip.txt").write_text(pip)
    run(folder / "bin/python", "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", folder / "pip.txt")
    return folder / "bin/python"


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pinned uv, which the oldest pip gets from the registry."""
    python = environment(tmp_path_factory.mktemp("uv") / "venv", OLDEST)
    run(python, "-m", "pip", "install", "--no-deps", "--require-hashes", "-r", "requirements-uv.txt")
    return python.with_name("uv")


@pytest.fixture(scope="module")
def wheels(uv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of each package that is locked. uv finds them in a second; pip looks at every file of every version."""
    folder = tmp_path_factory.mktemp("wheels")
    found = folder / "pylock.toml"
    python = uv.with_name("python")
    run(uv, "pip", "compile", "--python", python, "--no-deps", "--format", "pylock.toml", LARGEST, "-o", found)
    packages = tomllib.loads(found.read_text())["packages"]
    files = [(each["name"], each["wheels"][0]) for each in packages]
    lines = [f"{name} @ {wheel['url']} --hash=sha256:{wheel['hashes']['sha256']}\n" for name, wheel in files]
    (folder / "files.txt").write_text("".join(lines))
    run(python, "-m", "pip", "download", "--no-deps", "--require-hashes", "-r", folder / "files.txt", "-d", folder)
    return folder


@pytest.mark.parametrize("pip", [OLDEST, NEWEST], ids=["oldest", "newest"])
def test_every_lock_file_is_installed_by_pip_and_fits_together(pip: str, wheels: Path, tmp_path: Path) -> None:
    python = environment(tmp_path / "venv", pip)
    install = (python, "-m", "pip", "install", "--no-compile", "--no-deps", "--no-index", "--find-links", wheels)
    for lock in LOCKS:
        run(*install, "--require-hashes", "-r", lock)
        run(python, "-m", "pip", "check")
    run(*install, "--no-build-isolation", checkout(tmp_path / "checkout"))
    run(python, "-m", "pip", "check")
    assert "unique-alias" in run(python.with_name("stash-admission"), "rules")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_there_is_a_wheel_of_everything_that_is_locked(uv: Path, tmp_path: Path, python: str, platform: str) -> None:
    install = (uv, "pip", "install", "--dry-run", "--target", tmp_path, "--no-deps", "--require-hashes", "-r", LARGEST)
    run(*install, "--python-version", python, "--python-platform", platform)


def checkout(folder: Path) -> Path:
    """The files of the project, as somebody has them who has just cloned it."""
    names = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for path in (ROOT / name for name in names if name):
        if path.exists():
            (folder / path.relative_to(ROOT)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / path.relative_to(ROOT))
    return folder


@pytest.fixture(params=PYTHONS, scope="module")
def clone(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A clean checkout, and the Python to set it up with."""
    python = interpreter(request.param)
    if python is None:
        pytest.skip(f"there is no Python {request.param} with venv on this machine")
    return checkout(tmp_path_factory.mktemp("clone")), f"PYTHON={python}"


def test_make_run_serves_in_a_clean_checkout(clone: tuple[Path, str]) -> None:
    folder, python = clone
    review = (ROOT / "manifests/samples/reviews/restorebatch.json").read_bytes()
    with serving(folder, python) as address:
        tls = ssl.create_default_context(cafile=folder / ".local/certs/ca.crt")
        asked = urllib.request.Request(f"{address}/mutate", review, {"Content-Type": "application/json"})  # noqa: S310
        with urllib.request.urlopen(asked, context=tls, timeout=PATIENCE) as answer:  # noqa: S310
            assert json.load(answer)["response"]["patchType"] == "JSONPatch"


@contextlib.contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[str]:
    """The address at which `make run` serves."""
    said = folder.with_name(f"{folder.name}.txt")
    command = ["make", "run", "PORT=0", "MANAGEMENT_PORT=0", *arguments]
    with said.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + ENOUGH
        while not (found := re.findall(r'"webhooks": ?"([^"]+)"', said.read_text())):
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.2)
        yield found[0]
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(PATIENCE)


def test_make_setup_sets_up_what_tests_need(clone: tuple[Path, str]) -> None:
    folder, python = clone
    said = run("make", "setup", python, folder=folder)
    assert "requirements-dev.txt" in said
    assert "pip takes its place" not in said
    assert "Nothing to be done" in run("make", "setup", python, folder=folder)
    run(
        ".venv/bin/pytest",
        "tests/domain/test_duration.py",
        "tests/server/test_settings.py",
        "tests/server/test_uvicorn.py",
        folder=folder,
    )


def test_make_lock_locks_the_same_packages_and_names_no_registry(uv: Path, tmp_path: Path) -> None:
    """Hashes may come in: a version gets another wheel when there is a new Python."""
    folder = checkout(tmp_path / "checkout")
    (folder / ".venv").symlink_to(uv.parent.parent)
    run("make", "lock", folder=folder)
    for lock in (*LOCKS, "requirements-uv.txt"):
        before, after = ((where / lock).read_text() for where in (ROOT, folder))
        assert re.findall(r"^[^ =]+", after, flags=re.MULTILINE) == re.findall(r"^[^ =]+", before, flags=re.MULTILINE)
        assert "://" not in after
