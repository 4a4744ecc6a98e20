"""Building the control plane's programs with Go, of the versions that the go.mod beside this file states."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

from testbed.child import dying_with_us

MODULE = Path(__file__).resolve().parent


class Program(NamedTuple):
    """Where a program comes from: its module, the package in it, and how long it takes on two cores, once."""

    module: str
    package: str
    minutes: int  # with nothing compiled before; only said, never enforced


#: The longest first: the others reuse its parts.
PROGRAMS = {
    "kube-apiserver": Program("k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kube-apiserver", 6),
    "kubectl": Program("k8s.io/kubernetes", "k8s.io/kubernetes/cmd/kubectl", 1),
    "etcd": Program("go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3", 1),
}


class MissingBinariesError(RuntimeError):
    """The programs are not there and cannot be built; the message says what to install."""


def module_version(path: str, module: Path = MODULE) -> str:
    """The version (`v1.37.2`) of the module `path` in a go.mod of ours, the one place that states it."""
    match = re.search(rf"^\s*{re.escape(path)} (v\S+)", (module / "go.mod").read_text(), re.MULTILINE)
    if match is None:
        raise MissingBinariesError(f"{module / 'go.mod'} names no version of {path}")
    return match[1]


def compile_program(go: str, name: str, folder: Path) -> None:
    """Build the program `name` into `folder`, saying each minute that it is still being built."""
    program = PROGRAMS[name]
    version = module_version(program.module)
    say(f"building {name} {version} from source: takes about {program.minutes} min on two cores, once")
    command = [go, "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += ["-ldflags", link_flags(), "-o", str(folder / name), program.package]
    started = time.monotonic()
    with tempfile.TemporaryFile("w+") as output:
        code = run_saying(command, output, name)
        output.seek(0)
        if code != 0:
            tail = "".join(output.readlines()[-30:])
            raise MissingBinariesError(f"building {name} failed: {' '.join(command)}\n{tail}")
    size = (folder / name).stat().st_size / 2**20
    say(f"built {name} in {time.monotonic() - started:.0f} s ({size:.0f} MiB)")


def compile_package(package: str, program: Path, module: Path, flags: str = "-s -w") -> None:
    """Build a package of a module of ours, or of one that its go.mod names, as `program`."""
    command = [usable_go(), "build", "-p", "2", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += ["-ldflags", flags, "-o", str(program), package]
    with tempfile.TemporaryFile("w+") as output:
        code = run_saying(command, output, program.name, module)
        output.seek(0)
        if code != 0:
            raise MissingBinariesError(f"building {program.name} failed: {' '.join(command)}\n{output.read()[-2000:]}")


@contextmanager
def whole(folder: Path) -> Iterator[Path]:
    """A new folder beside `folder`, which becomes it in the end: a build cut short is never taken for a whole one.

    Who builds holds the lock (`binaries.only_build`), so what is left of others was killed.
    """
    for stale in (folder, *folder.parent.glob(f"{folder.name}.partial-*")):
        shutil.rmtree(stale, ignore_errors=True)
    partial = Path(tempfile.mkdtemp(prefix=f"{folder.name}.partial-", dir=folder.parent))
    try:
        yield partial
        partial.chmod(0o755)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def run_saying(command: list[str], output: IO[str], name: str, module: Path = MODULE) -> int:
    """Run `command` in a module's folder to its end and give its exit code; it ends with us."""
    with subprocess.Popen(
        dying_with_us(command),
        cwd=module,
        env=go_environment(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    ) as process:
        minutes = 0
        while True:
            try:
                return process.wait(timeout=60)
            except subprocess.TimeoutExpired:
                minutes += 1
                say(f"  still building {name} ({minutes} min)")
            except BaseException:
                process.terminate()
                raise


def link_flags() -> str:
    """Linker flags that stamp the version, as Kubernetes' own build does: unstamped it is v0.0.0-master."""
    version = module_version("k8s.io/kubernetes")
    major, minor, _ = version.removeprefix("v").split(".", 2)
    # A module's zip knows its version and not its commit; "archive" is Kubernetes' own word for such a tree.
    stamps = f"gitVersion={version} gitMajor={major} gitMinor={minor} gitCommit= gitTreeState=archive".split()
    packages = ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
    return " ".join(["-s -w", *(f"-X {package}.{stamp}" for package in packages for stamp in stamps)])


def go_environment() -> dict[str, str]:
    """The environment of a build for this machine, whatever the developer cross-compiles otherwise."""
    kept = {key: value for key, value in os.environ.items() if key not in ("GOOS", "GOARCH")}
    return {**kept, "CGO_ENABLED": "0", "GOWORK": "off"}


def usable_go() -> str:
    """The path of a Go that our go.mod accepts; MissingBinariesError says what to do where there is none."""
    wanted = re.search(r"^go (\S+)", (MODULE / "go.mod").read_text(), re.MULTILINE)
    advice = (
        "The end-to-end tests build kube-apiserver, etcd and kubectl with Go "
        f"{wanted[1] if wanted else ''} or newer.\nInstall it (https://go.dev/dl/), or set KUBEBUILDER_ASSETS"
        " to a folder that holds the three programs\n(`setup-envtest use -p path` prints one)."
    )
    go = shutil.which("go")
    if go is None:
        raise MissingBinariesError(f"There is no `go` on PATH. {advice}")
    command = [go, "list", "-m"]  # reads the go.mod, so an older Go refuses, or fetches a newer one if it may
    environment = go_environment()
    answer = subprocess.run(command, cwd=MODULE, env=environment, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise MissingBinariesError(f"{answer.stderr.strip()}\n{advice}")
    return go


def say(line: str) -> None:
    """Tell the developer what takes so long; standard output is kept for the folder's name."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
