"""The workflow that releases: `tests/release/` runs its steps, as far as they run anywhere."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from testbed.documents import load

ROOT = Path(__file__).parents[2]
WORKFLOW: dict[str, Any] = load((ROOT / ".github" / "workflows" / "release.yml").read_text())
STEPS = {step.get("name", step.get("uses")): step for job in WORKFLOW["jobs"].values() for step in job["steps"]}
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def test_every_action_is_pinned_to_a_commit() -> None:
    used = [step["uses"] for step in STEPS.values() if "uses" in step]
    assert used
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", each)] == []


def test_only_who_publishes_may_write_and_only_after_the_tests_have_passed() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    writing = {name for name, job in WORKFLOW["jobs"].items() if "write" in str(job.get("permissions"))}
    assert writing == {"publish"}
    assert WORKFLOW["jobs"]["publish"]["needs"] == ["test", "build"]
    assert WORKFLOW["jobs"]["publish"]["if"] == "github.ref_type == 'tag'"


def test_the_engine_and_the_signer_are_of_one_version() -> None:
    assert re.search(r" image=[\w/]+:v\d+\.\d+\.\d+$", STEPS["An engine that writes archives"]["run"])
    (signer,) = (step for step in STEPS.values() if "cosign-installer" in step.get("uses", ""))
    assert re.fullmatch(r"v\d+\.\d+\.\d+", signer["with"]["cosign-release"])


def test_a_pipe_fails_where_its_first_command_does() -> None:
    assert WORKFLOW["defaults"] == {"run": {"shell": "bash"}}, "the shell of the runner knows no pipefail"


def test_nothing_starts_before_the_settings_are_known() -> None:
    assert {name for name, job in WORKFLOW["jobs"].items() if "needs" not in job} == {"settings"}


@pytest.mark.parametrize(
    ("registry", "known", "said"),
    [
        ("registry.example", "true", ""),
        ("registry.example:5000", "true", ""),
        ("", "true", "set the variable REGISTRY"),
        ("https://registry.example", "true", "set the variable REGISTRY"),
        ("registry.example/backup", "true", "set the variable REGISTRY"),
        ("registry.example", "false", "REGISTRY_LOGIN"),
    ],
)
def test_a_registry_that_is_not_set_is_named_before_anything_is_made(registry: str, known: str, said: str) -> None:
    script = STEPS["A registry is set, and who logs in to it"]["run"]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": os.environ["PATH"], "REGISTRY": registry, "KNOWN": known},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == bool(said)
    assert said in done.stdout
    assert done.stdout.startswith("::error::") == bool(said)


def test_the_token_of_the_workflow_goes_to_no_registry_unless_somebody_chose_that() -> None:
    variables = STEPS["Log in to the registry"]["env"]
    for name, own, secret in (("LOGIN", "github.actor", "USER"), ("PASSWORD", "github.token", "PASSWORD")):
        wanted = f"${{{{ vars.REGISTRY_LOGIN == 'workflow' && {own} || secrets.REGISTRY_{secret} }}}}"
        assert variables[name] == wanted


def test_no_registry_is_named() -> None:
    where = [*(ROOT / ".github").rglob("*.yml"), ROOT / "docs" / "install" / "releases.md"]
    hosts = [host for path in where for host in re.findall(r"\b[\w-]+(?:\.[\w-]+)*\.io\b", path.read_text())]
    assert hosts == []


def test_the_make_targets_that_it_calls_are_there() -> None:
    called = {word for step in STEPS.values() for line in re.findall(r"make ([a-z -]+)", step.get("run", ""))
              for word in line.split()}  # fmt: skip
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"release", "release-check", "helm"} <= called <= targets


@pytest.mark.parametrize(("tag", "code"), [(f"v{VERSION}", 0), (VERSION.replace(".", "x"), 1), ("v9.9.9", 1)])
def test_a_tag_that_is_not_the_version_ends_it(tag: str, code: int) -> None:
    script = STEPS["The tag is the version"]["run"]
    environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=environment, check=False)
    assert done.returncode == code


def test_the_tags_of_the_action_move_to_the_newest_release_and_its_own_stays(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        named = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main")
        done = subprocess.run(
            ["git", *named, *words], cwd=tmp_path / "clone", capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    (tmp_path / "clone").mkdir()
    git("init", "--quiet", "--bare", "../origin")
    git("init", "--quiet")
    git("remote", "add", "origin", "../origin")
    commits = {}
    for release in ("v0.1.0", "v0.1.9", "v0.1.10", "v0.2.0", "v0.1.11", "v0.1.9"):
        if release not in commits:  # a workflow may run again
            git("commit", "--quiet", "--allow-empty", "-m", release)
            git("tag", "-a", release, "-m", release)
            git("push", "--quiet", "origin", release)
            commits[release] = git("rev-parse", "HEAD")
        environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": release}
        script = STEPS["Tags of the Action, which move to the newest release"]["run"]
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path / "clone", env=environment, check=True, capture_output=True,
        )  # fmt: skip
    listed = (line.split("\t") for line in git("ls-remote", "--tags", "origin").splitlines())
    found = {name.removeprefix("refs/tags/"): commit for commit, name in listed}
    assert {release: found[f"{release}^{{}}"] for release in commits} == commits
    assert found["v0"] == found["v0.2"] == commits["v0.2.0"]
    assert found["v0.1"] == commits["v0.1.11"]
