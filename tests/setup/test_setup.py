"""What `make` sets up from what is locked, and how. `tests/e2e/test_setup.py` does it."""

import itertools
import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from testbed.documents import load
from testbed.patience import PATIENCE
from tests.support.pages import PAGES

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.txt", "requirements-traces.txt", "requirements-dev.txt", "requirements-tools.txt")
"""Each holds all of the one before."""
PIP = """#!/bin/sh
shift 3  # -m pip --disable-pip-version-check
case "$*" in
*requirements-uv.txt*) [ "$UV_IS" = missing ] || { cp uv .venv/bin && chmod +x .venv/bin/uv; } ;;
uninstall*) rm -f .venv/bin/uv ;;
*) echo "pip $*" && [ "$PIP_FAILS" != "$1" ] ;;
esac
"""
UV = """#!/bin/sh
if [ "$1" = --version ]; then [ "$UV_IS" != broken ]; else echo "uv $*" && [ "$UV_FAILS" != "$2" ]; fi
"""
STEPS = [
    "install --no-deps --require-hashes -r requirements-dev.txt",
    "install --no-deps --no-build-isolation --editable .",
    "check",
]


class Checkout:
    """The real Makefile, with stand-ins for pip, which the environment has, and for uv, which pip installs there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("Makefile", *LOCKS, "pyproject.toml"):
            shutil.copy(ROOT / name, folder)
        (folder / ".venv/bin").mkdir(parents=True)
        (folder / "uv").write_text(UV)
        (folder / ".venv/bin/python").write_text(PIP)
        (folder / ".venv/bin/python").chmod(0o755)

    def make(self, *targets: str, **variables: str) -> tuple[int, list[str]]:
        """The exit code of `make setup`, or of other targets, and what it says."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        done = subprocess.run(
            ["make", *(targets or ["setup"])], cwd=self.folder, env=inherited | variables, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=PATIENCE,
        )  # fmt: skip
        return done.returncode, done.stdout.splitlines()


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_uv_installs_what_is_locked_then_the_project_and_sees_that_it_fits_together(checkout: Checkout) -> None:
    code, said = checkout.make()
    assert code == 0
    assert said[1:] == [f"uv pip {step}" for step in STEPS]


def test_what_is_set_up_is_left_alone_until_it_is_locked_anew(checkout: Checkout) -> None:
    checkout.make()
    assert checkout.make() == (0, ["make: Nothing to be done for 'setup'."])
    os.utime(checkout.folder / ".venv/.ready", (0, 0))  # older than the lock file
    assert len(checkout.make()[1]) == 1 + len(STEPS)


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"UV_IS": "missing"}, "uv cannot be installed here"),
        ({"UV_IS": "broken"}, "uv cannot be installed here"),
        ({"UV_FAILS": "install"}, "uv failed"),
        ({"UV_FAILS": "check"}, "uv failed"),
    ],
)
def test_where_uv_cannot_do_it_pip_does_it_and_that_is_said(
    checkout: Checkout, variables: dict[str, str], words: str
) -> None:
    code, said = checkout.make(**variables)
    assert code == 0
    assert said[-5:-3] == [words, "pip takes its place: this may take minutes"]
    assert [line.replace(" --no-compile", "") for line in said[-3:]] == [f"pip {step}" for step in STEPS]
    assert (checkout.folder / ".venv/bin/uv").exists() == ("UV_FAILS" in variables)
    assert checkout.make()[1] == ["make: Nothing to be done for 'setup'."]


@pytest.mark.parametrize("step", ["install", "check"])
def test_what_fails_is_not_taken_for_set_up(checkout: Checkout, step: str) -> None:
    code, said = checkout.make(UV_FAILS=step, PIP_FAILS=step)
    assert code != 0
    assert "failed, see above; make clean makes room for another try" in said
    assert not (checkout.folder / ".venv/.ready").exists()
    assert checkout.make()[0] == 0


def test_what_serves_needs_no_more_than_is_locked_for_that(checkout: Checkout) -> None:
    code, said = checkout.make(".venv/.serve-ready")
    assert code == 0
    assert said[1] == "uv pip install --no-deps --require-hashes -r requirements.txt"
    assert not (checkout.folder / ".venv/.ready").exists()


def test_nothing_is_locked_without_the_pinned_uv(checkout: Checkout) -> None:
    code, said = checkout.make("lock", UV_IS="missing")
    assert code != 0
    assert said[0] == "uv cannot be installed here"
    code, said = checkout.make("lock")
    assert code == 0
    for line, lock in zip(said, [*LOCKS, "requirements-uv.txt", "constraints.txt"], strict=True):
        assert line.startswith("uv pip compile ")
        assert line.endswith(f" --output-file {lock}")


def test_the_action_installs_in_the_same_way(tmp_path: Path) -> None:
    (step, _) = load((ROOT / "action.yml").read_text())["runs"]["steps"]
    (tmp_path / "temp").mkdir()
    pip = "#!/bin/sh\nshift 4; echo $*"  # -I -m pip --disable-pip-version-check
    python = tmp_path / "python3"  # -I -m venv FOLDER
    python.write_text(f"#!/bin/sh\nmkdir -p $4/bin; cp {tmp_path}/pip $4/bin/python; chmod +x $4/bin/python\n")
    (tmp_path / "pip").write_text(pip)
    python.chmod(0o755)
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], capture_output=True, text=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "RUNNER_TEMP": str(tmp_path / "temp"), "SOURCE": "source"},
        check=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout.replace(" --quiet --no-compile", "").splitlines() == [
        "install --no-deps --require-hashes -r source/requirements.txt",
        "install --no-deps --no-build-isolation source",
        "check",
    ]


# --- The lock files


def locked(lock: str) -> dict[str, tuple[set[str], str, str]]:
    """What a lock file has of each package: its extras, its version, and the rest."""
    pattern = r"^([a-z0-9-]+)(?:\[(.*)\])?==([^\s;]+)((?:.*\\\n)*.*)"
    found = re.findall(pattern, (ROOT / lock).read_text(), flags=re.MULTILINE)
    return {name: (set(filter(None, extras.split(","))), version, rest) for name, extras, version, rest in found}


@pytest.mark.parametrize("lock", [*LOCKS, "requirements-uv.txt"])
def test_a_lock_file_has_hashes_and_names_no_registry_and_nothing_is_built(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert text.startswith("--only-binary :all:\n")
    assert "://" not in text
    assert all("--hash=sha256:" in rest for _, _, rest in locked(lock).values())


@pytest.mark.parametrize(("smaller", "larger"), [*itertools.pairwise(LOCKS)])
def test_what_is_locked_in_several_files_is_locked_alike(smaller: str, larger: str) -> None:
    less, more = locked(smaller), locked(larger)
    assert less.keys() <= more.keys()
    for name, (extras, version, rest) in less.items():
        more_extras, same_version, more_rest = more[name]
        assert extras <= more_extras, name
        assert version == same_version, name
        assert re.findall("sha256:.*", rest) == re.findall("sha256:.*", more_rest), name


@pytest.mark.parametrize(
    ("part", "lock"),
    [
        ("dependencies", "requirements.txt"),
        ("build", "requirements.txt"),
        ("traces", "requirements-traces.txt"),
        ("dev", "requirements-dev.txt"),
        ("tools", "requirements-tools.txt"),
        ("uv", "requirements-uv.txt"),
    ],
)
def test_what_pyproject_names_is_locked_within_its_bounds(part: str, lock: str) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    parts = settings["project"]["optional-dependencies"] | settings["dependency-groups"]
    parts["dependencies"] = settings["project"]["dependencies"]
    known = locked(lock)
    for each in map(Requirement, parts[part]):
        extras, version, _ = known[canonicalize_name(each.name)]
        assert version in each.specifier, each
        assert each.extras <= extras, each
    assert parts["build"] == settings["build-system"]["requires"]


def test_the_hooks_are_constrained_to_what_is_locked() -> None:
    """pre-commit calls pip itself, with the project's folder, which can have no hash."""
    named = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    versions = {name: version for name, (_, version, _) in locked("requirements.txt").items()}
    building = {"hatchling", "packaging", "pluggy", "tomlkit", "trove-classifiers"}
    assert dict(named) == {name: version for name, version in versions.items() if name not in building}
    hooks = load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["additional_dependencies"] for hook in hooks] == [["--constraint=constraints.txt"]] * len(hooks)


# --- One way everywhere

PLACES = ("Makefile", "Dockerfile", "action.yml", *(path.relative_to(ROOT).as_posix() for path in PAGES))


def test_pip_resolves_nothing_wherever_it_is_called() -> None:
    calls = []
    for place in PLACES:
        commands = re.split(r"&&|;|\n", (ROOT / place).read_text().replace("\\\n", " "))
        calls += [(place, each) for each in commands if re.search(r"(\bpip\b|\$\((PIP|1)\)).* install ", each)]
    pages = {"docs/install/commands.md", "docs/operate/monitoring.md"}
    assert {place for place, _ in calls} == {"Makefile", "Dockerfile", "action.yml", *pages}
    for place, call in calls:
        assert "--no-deps" in call, place
        assert re.search("--require-hashes -r|--no-build-isolation", call), place
