"""What `make release` makes: twice the same, whole, and taken by the programs that it is for."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from testbed.child import dying_with_us
from testbed.control_plane import binaries as control_plane
from testbed.control_plane.flags import free_ports
from testbed.documents import load, load_all
from testbed.helm import binaries as helms
from testbed.patience import PATIENCE, eventually
from tests.support.program import finished
from tools.generate import ROOT

URL = "https://code.example/backup/stash-admission"
NONE: Mapping[str, str] = MappingProxyType({})
OTHER_HABITS = {
    "TZ": "Pacific/Apia", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0",
    "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.autocrlf", "GIT_CONFIG_VALUE_0": "true",
}  # fmt: skip
IMAGE = "registry.example/backup/stash-admission:0.1.0"


def run(*command: str | Path, folder: Path = ROOT, code: int = 0, variables: Mapping[str, str] = NONE) -> str:
    """What a program prints, which must end so."""
    environment = {**os.environ, **variables}
    done = finished([str(each) for each in command], environment, folder, 10 * PATIENCE)
    assert done.returncode == code, done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folders of two releases, of which somebody with other habits makes the second one."""
    folders = [tmp_path_factory.mktemp("release") / "dist" for _ in range(2)]
    make = (sys.executable, "-m", "tools.release", "--url", URL, "--image", IMAGE, "--into")
    run(*make, folders[0])
    run("sh", "-c", 'umask 077; exec "$@"', "sh", *make, folders[1], variables=OTHER_HABITS)
    return folders


@pytest.fixture(scope="module")
def dist(releases: list[Path]) -> Path:
    return releases[0]


@pytest.fixture(scope="module")
def version(dist: Path) -> str:
    (wheel,) = dist.glob("*.whl")
    return wheel.name.split("-")[1]


def contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """The files in an archive; of anything else, itself."""
    if path.suffix == ".whl":
        packed = zipfile.ZipFile(path)
        yield from ((name, packed.read(name)) for name in packed.namelist())
    elif path.suffix in (".gz", ".tgz"):
        with tarfile.open(path) as packed_tar:
            for each in packed_tar.getmembers():
                yield each.name, packed_tar.extractfile(each).read()  # type: ignore[union-attr]
    else:
        yield path.name, path.read_bytes()


def test_twice_it_is_the_same_to_the_byte(releases: list[Path]) -> None:
    one, other = ({path.name: path.read_bytes() for path in folder.iterdir()} for folder in releases)
    assert one.keys() == other.keys()
    assert [name for name in one if one[name] != other[name]] == []


def test_everything_is_there_and_in_the_sums_and_in_the_provenance(dist: Path, version: str) -> None:
    names = {path.name for path in dist.iterdir()} - {"image.tar"}
    assert names == {
        f"stash_admission-{version}-py3-none-any.whl", f"stash_admission-{version}.tar.gz",
        f"stash-admission-{version}.tgz", "manifests.tar.gz", "install.yaml", "crds.yaml",
        "kubectl-stash_admission.tar.gz", "krew.yaml", "sbom.cdx.json", "provenance.intoto.json", "SHA256SUMS",
    }  # fmt: skip
    run("sha256sum", "--check", "--strict", "SHA256SUMS", folder=dist)
    summed = {line.split()[1] for line in (dist / "SHA256SUMS").read_text().splitlines()}
    assert summed | {"SHA256SUMS"} == {path.name for path in dist.iterdir()}
    said: dict[str, Any] = json.loads((dist / "provenance.intoto.json").read_text())
    subjects = {each["name"]: each["digest"]["sha256"] for each in said["subject"]}
    assert subjects.keys() == summed - {"provenance.intoto.json"}
    assert all(sha256((dist / name).read_bytes()).hexdigest() == found for name, found in subjects.items())
    commit = run("git", "rev-parse", "HEAD").strip()
    depends = said["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert depends[0] == {"uri": f"git+{URL}@{commit}", "digest": {"gitCommit": commit}}


def test_nothing_in_it_is_of_the_machine_that_made_it(dist: Path) -> None:
    for path in dist.iterdir():
        for name, content in contents(path):
            for word in (str(ROOT), str(dist), str(Path.home() / "")):
                assert f"{word}/".encode() not in content, f"{path.name}: {name}"


def test_install_yaml_has_the_image_that_was_named_and_else_what_the_manifests_have(dist: Path) -> None:
    text = (dist / "install.yaml").read_text()
    assert text.count(IMAGE) == (ROOT / "manifests/install.yaml").read_text().count("image: stash-admission:") > 2
    assert text.replace(IMAGE, "stash-admission:0.1.0") == (ROOT / "manifests/install.yaml").read_text()
    assert {each["kind"] for each in load_all((dist / "crds.yaml").read_text())} == {"CustomResourceDefinition"}


@pytest.fixture(scope="module")
def registry(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A registry on this machine: its host and port."""
    folder = tmp_path_factory.mktemp("registry")
    (port,) = free_ports(1)
    configuration = {
        "version": 0.1,
        "log": {"level": "error"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "blobs")}},
        "http": {"addr": f"127.0.0.1:{port}"},
    }
    (folder / "registry.yaml").write_text(json.dumps(configuration))
    command = [str(programs / "registry"), "serve", str(folder / "registry.yaml")]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(dying_with_us(command), stdout=log, stderr=log)
    where = f"127.0.0.1:{port}"
    try:
        eventually(
            lambda: (
                subprocess.run(["curl", "-fs", f"http://{where}/v2/"], capture_output=True, check=False).returncode == 0
            ),
            says=lambda: (folder / "log").read_text(),
        )
        yield where
    finally:
        process.terminate()
        process.wait(PATIENCE)


@pytest.mark.parametrize("major", helms.MAJORS)
def test_helm_pushes_the_chart_and_what_it_pulls_is_the_chart(
    dist: Path, version: str, registry: str, tmp_path: Path, major: int
) -> None:
    helm = helms.find_or_build() / f"helm{major}"
    packed = dist / f"stash-admission-{version}.tgz"
    home = {"HOME": str(tmp_path)}
    assert "0 chart(s) failed" in run(helm, "lint", "--strict", packed, variables=home)
    charts = f"oci://{registry}/helm{major}"
    pushed = run(helm, "push", packed, charts, "--plain-http", variables=home)
    assert re.search(r"^Digest: sha256:[0-9a-f]{64}$", pushed, re.MULTILINE), "as the workflow reads it"
    run(
        helm, "pull", f"{charts}/stash-admission", "--version", version, "--plain-http", folder=tmp_path, variables=home
    )
    assert (tmp_path / packed.name).read_bytes() == packed.read_bytes()
    template = (helm, "template", "some-release", "--namespace=stash-admission")
    assert run(*template, packed, variables=home) == run(*template, ROOT / "charts/stash-admission", variables=home)


def test_krew_installs_the_plugin_and_kubectl_runs_it(programs: Path, dist: Path, tmp_path: Path) -> None:
    described = load((dist / "krew.yaml").read_text())
    (packed,) = {each["uri"].rpartition("/")[2] for each in described["spec"]["platforms"]}
    assert described["spec"]["platforms"][0]["uri"].startswith(f"{URL}/releases/download/v")
    home = {"HOME": str(tmp_path), "KREW_ROOT": str(tmp_path / "krew"), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run(programs / "krew", "install", f"--manifest={dist / 'krew.yaml'}", f"--archive={dist / packed}", variables=home)
    path = f"{tmp_path / 'krew' / 'bin'}{os.pathsep}{os.environ['PATH']}"
    kubectl = control_plane.find_or_build() / "kubectl"
    first = run(
        kubectl,
        "stash-admission",
        "check",
        "manifests/samples/unique-alias.yaml",
        code=1,
        variables=home | {"PATH": path},
    )
    assert "making an environment" in first
    assert "(unique-alias)" in first
    again = run(kubectl, "stash-admission", "explain", "unique-alias", variables=home | {"PATH": path})
    assert again.startswith("unique-alias (")


def test_the_workflow_is_one(programs: Path) -> None:
    assert run(programs / "actionlint", "-color=false", ".github/workflows/release.yml") == ""


def test_archives_have_no_owner_and_one_time(dist: Path, version: str) -> None:
    seconds = int(run("git", "log", "-1", "--format=%ct"))
    for name in (f"stash-admission-{version}.tgz", "manifests.tar.gz", "kubectl-stash_admission.tar.gz"):
        with tarfile.open(dist / name) as packed:
            about = packed.getmembers()
        assert {(each.uid, each.gid, each.uname, each.gname, each.mtime) for each in about} == {(0, 0, "", "", seconds)}
        with gzip.open(dist / name) as zipped:
            zipped.read()
            assert zipped.mtime == seconds
