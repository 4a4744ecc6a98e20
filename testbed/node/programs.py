"""The node's programs, built with Go from the modules beside this file and the control plane's, each once."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from testbed.control_plane import binaries, gobuild
from testbed.control_plane.gobuild import MissingBinariesError, say
from testbed.node import place

_HERE = Path(__file__).parent


class Program(NamedTuple):
    """The folder of the module whose go.mod names it, its package, and how long it takes on two cores, once."""

    module: Path
    package: str
    minutes: int


_KUBERNETES = "k8s.io/kubernetes/cmd"
_CONTAINERD = "github.com/containerd/containerd/v2/cmd"
PROGRAMS = {
    "kubelet": Program(gobuild.MODULE, f"{_KUBERNETES}/kubelet", 7),
    "kube-controller-manager": Program(gobuild.MODULE, f"{_KUBERNETES}/kube-controller-manager", 4),
    "kube-scheduler": Program(gobuild.MODULE, f"{_KUBERNETES}/kube-scheduler", 1),
    "kube-proxy": Program(gobuild.MODULE, f"{_KUBERNETES}/kube-proxy", 1),
    "containerd": Program(_HERE / "runtime", f"{_CONTAINERD}/containerd", 3),
    "containerd-shim-runc-v2": Program(_HERE / "runtime", f"{_CONTAINERD}/containerd-shim-runc-v2", 1),
    "ctr": Program(_HERE / "runtime", f"{_CONTAINERD}/ctr", 1),
    "kube-router": Program(_HERE / "policies", "github.com/cloudnativelabs/kube-router/v2/cmd/kube-router", 8),
    "cert-manager": Program(_HERE / "certmanager", ".", 3),
    "pause": Program(_HERE / "pause", ".", 1),
}
DEFINITIONS = "cert-manager-crds"
"""The folder of cert-manager's CRDs, beside the programs."""
_CERT_MANAGER = "github.com/cert-manager/cert-manager"


def find_or_build() -> Path:
    """The folder of all of them, those of the control plane among them. Raises CannotError."""
    folder = place.cache() / "programs" / _key(_modules())
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with binaries.only_build(folder):
            for name in gobuild.PROGRAMS:
                if not (folder / name).exists():
                    shutil.copy(binaries.find_or_build() / name, folder / name)
            for name, program in PROGRAMS.items():
                if not (folder / name).exists():
                    (folder / name).hardlink_to(_built(name, program))
            if not (folder / DEFINITIONS).exists():
                _copy_definitions(folder)
    except MissingBinariesError as missing:
        raise place.CannotError(str(missing)) from None
    return folder


def versions() -> Iterator[tuple[str, str]]:
    """What a node is made of, and its version, as the go.mod files say."""
    yield "Kubernetes", gobuild.module_version("k8s.io/kubernetes")
    yield "etcd", gobuild.module_version("go.etcd.io/etcd/server/v3")
    for name, module in (("containerd", "runtime"), ("kube-router", "policies"), ("cert-manager", "certmanager")):
        text = (_HERE / module / "go.mod").read_text()
        found = re.search(rf"/{name}(?:/v2)? (v\S+)", text)
        assert found
        yield name, found[1]


def _key(modules: list[Path]) -> str:
    texts = [
        file.read_bytes() for each in modules for file in sorted(each.glob("*.*")) if file.suffix in (".mod", ".go")
    ]
    return hashlib.sha256(b"".join(texts)).hexdigest()[:16]


def _modules() -> list[Path]:
    return sorted({each.module for each in PROGRAMS.values()})


def _built(name: str, program: Program) -> Path:
    """A program, built unless it is there: what another module has changed is not built again."""
    folder = place.cache() / "built" / _key([program.module])
    if not (folder / name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        _build(name, program, folder)
    return folder / name


def _build(name: str, program: Program, folder: Path) -> None:
    """Build beside, then rename: a build cut short is never taken for a whole one."""
    go = gobuild.usable_go()
    say(f"building {name} from source: takes about {program.minutes} min on two cores, once")
    flags = gobuild.link_flags() if program.module == gobuild.MODULE else "-s -w"
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial, tempfile.TemporaryFile("w+") as output:
        command = ["nice", "-n", "15", go, "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath"]
        command += ["-ldflags", flags, "-o", str(Path(partial) / name), program.package]
        if gobuild.run_saying(command, output, name, program.module) != 0:
            output.seek(0)
            raise place.CannotError(f"building {name} failed: {' '.join(command)}\n{output.read()[-3000:]}")
        (Path(partial) / name).rename(folder / name)


def _copy_definitions(folder: Path) -> None:
    command = [gobuild.usable_go(), "list", "-mod=readonly", "-m", "-f", "{{.Dir}}", _CERT_MANAGER]
    module, environment = PROGRAMS["cert-manager"].module, gobuild.go_environment()
    done = subprocess.run(command, cwd=module, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise place.CannotError(f"{' '.join(command)} failed: {done.stderr}")
    with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
        copy = shutil.copytree(Path(done.stdout.strip(), "deploy", "crds"), Path(partial, DEFINITIONS))
        copy.rename(folder / DEFINITIONS)
