"""Where a machine cannot have nodes, `make node` says which piece is missing."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import pytest

from testbed.node import place


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that can have nodes, as far as this process can be told."""
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(place, "CGROUPS", tmp_path)
    monkeypatch.setattr(place, "SPACE", 0)
    for each in place.SUBSYSTEMS:
        (tmp_path / each).mkdir()
        (tmp_path / each / "cgroup.procs").touch()
    return tmp_path


def test_nothing_is_missing(machine: Path) -> None:
    assert machine.exists()
    place.require()


def test_another_system_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.exists()
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    assert missing() == "a node needs Linux"


def test_root_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.exists()
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert missing() == "a node needs root: it makes namespaces, mounts and cgroups"


def test_a_program_is_named_with_its_package(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.exists()
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "nsenter" else f"/usr/bin/{name}")
    assert missing() == "there is no nsenter on PATH: install util-linux"


def test_hierarchies_of_cgroups_are_named(machine: Path) -> None:
    (machine / "memory" / "cgroup.procs").unlink()
    assert missing().startswith(f"there is no hierarchy of cgroups (version 1) for memory in {machine}: boot with ")


def test_space_is_named(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.exists()
    monkeypatch.setattr(place, "SPACE", 2**40)
    assert missing().endswith(f"GiB free: {2**40} are needed")


def test_two_do_not_have_nodes_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with place.alone(), pytest.raises(place.CannotError, match="another `make node` is under way"), place.alone():
        pass
    with place.alone():
        pass


def missing() -> str:
    with pytest.raises(place.CannotError) as caught:
        place.require()
    return str(caught.value)
