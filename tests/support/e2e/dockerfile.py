"""A Dockerfile, built and run on this machine, which is the base image of its first stage: there need be no engine.

Each step acts on a layer over the machine's own root file system (an overlay, in a mount namespace of its own), so
the machine stays as it is. Of the language there is what our Dockerfile has, and nothing is passed over silently.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import IO

from testbed.patience import PATIENCE

ROOT = Path(__file__).parents[3]
_DEVICES = ("null", "zero", "random", "urandom")
_SETPRIV, _CHROOT = str(shutil.which("setpriv")), str(shutil.which("chroot"))
_SPACES = ("unshare", "--mount", "--propagation", "private", "--pid", "--ipc", "--uts", "--fork", "--kill-child")
_INSTRUCTION = re.compile(r"^([A-Z]+)\s+(.*)$", re.DOTALL)


@dataclass
class Stage:
    """What a stage holds: a folder that is its root file system, or with `over` a layer over the machine's."""

    folder: Path
    over: bool
    workdir: str = "/"
    environment: dict[str, str] = field(default_factory=dict)
    user: str = "0:0"
    command: list[str] = field(default_factory=list)
    arguments: dict[str, str] = field(default_factory=dict)
    said: str = ""
    """What its steps wrote."""

    def found(self, program: str) -> str:
        """Where the program is, in the stage's own PATH."""
        for folder in self.environment.get("PATH", "").split(":"):
            if (self.folder / folder.lstrip("/") / program).exists():
                return f"{folder}/{program}"
        raise FileNotFoundError(f"no {program} in the image's PATH")


@dataclass
class Image:
    """The last stage, ready to be run as a container runtime would."""

    stage: Stage

    @property
    def root(self) -> Path:
        """Its root file system."""
        return self.stage.folder

    def start(
        self,
        *command: str,
        mounts: Mapping[Path, str] = MappingProxyType({}),
        variables: Mapping[str, str] = MappingProxyType({}),
        output: IO[str] | int = subprocess.PIPE,
    ) -> subprocess.Popen[str]:
        """Start a command; without one, that of the image.

        As the image's user, without capabilities or a way to get some, the file system read-only; as process 1 of its
        own, on the machine's network. `mounts`: folders of the machine that it may read, and where.
        """
        root, dev = shlex.quote(str(self.root)), shlex.quote(f"{self.root}/dev")
        steps = [f"mount --bind {root} {root}", f"mount -t tmpfs -o mode=755 dev {dev}"]
        steps += [f"touch {dev}/{name}; mount --bind /dev/{name} {dev}/{name}" for name in _DEVICES]
        steps.append(f"mount -t proc proc {root}/proc")
        for source, target in mounts.items():
            steps.append(f"mount --bind -o ro {shlex.quote(str(source))} {root}{shlex.quote(target)}")
        steps.append(f"mount -o remount,bind,ro {root}")
        env = shlex.join(f"{name}={value}" for name, value in {**self.stage.environment, **variables}.items())
        program, *arguments = command or self.stage.command
        run = shlex.join([self.stage.found(program), *arguments])
        steps.append(
            f"exec env -i {env} {_SETPRIV} --no-new-privs {_CHROOT} --userspec={self.stage.user} --groups= {root} {run}"
        )
        inner = " && ".join(steps)
        return subprocess.Popen(
            [*_SPACES, "sh", "-c", inner], text=True, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )

    def run(self, *command: str) -> tuple[int, str]:
        """The exit code of a command, and what it wrote."""
        with self.start(*command) as process:
            said, _ = process.communicate(timeout=10 * PATIENCE)
        return process.returncode, said


def able() -> str:
    """Why this machine cannot do it; empty if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "mount namespaces need root on Linux"
    with tempfile.TemporaryDirectory() as folder:
        steps = f"cd {folder} && mkdir upper work merged && {_layered('upper', 'work', 'merged')}"
        probe = subprocess.run([*_SPACES, "sh", "-c", steps], capture_output=True, text=True, check=False)
    return probe.stderr.strip()


def _layered(upper: Path | str, work: Path | str, merged: Path | str) -> str:
    """The command that lays a folder over the machine's root file system."""
    return f"mount -t overlay -o lowerdir=/,upperdir={upper},workdir={work} overlay {merged}"


def build(folder: Path, **arguments: str) -> Image:
    """The image that the Dockerfile describes, with these build arguments. Raises RuntimeError where a step fails."""
    given = dict(arguments)
    stages: dict[str, Stage] = {}
    stage = Stage(folder, over=False)
    for name, text in instructions((ROOT / "Dockerfile").read_text()):
        text = _filled(text, given | stage.arguments)
        if name == "ARG":
            key, _, default = text.partition("=")
            stage.arguments[key] = given.setdefault(key, default)
        elif name == "FROM":
            base, _, alias = text.partition(" AS ")
            stage = stages[alias or base] = Stage(folder / (alias or base), over=base != "scratch")
            stage.folder.mkdir()
        elif name == "WORKDIR":
            stage.workdir = text
            (stage.folder / text.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            _copy(stage, stages, text)
        elif name == "RUN":
            _run(stage, text)
        elif name == "ENV":
            stage.environment |= dict(each.split("=", 1) for each in shlex.split(text))
        elif name == "USER":
            stage.user = text
        elif name == "CMD":
            stage.command = json.loads(text)
        else:
            raise ValueError(f"no instruction that is known here: {name}")
    return Image(stage)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """The instructions of a Dockerfile, lines that go on in the next one joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    for line in kept.replace("\\\n", " ").splitlines():
        if match := _INSTRUCTION.match(line):
            yield match[1], match[2].strip()


def _filled(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], text)


def _copy(stage: Stage, stages: Mapping[str, Stage], text: str) -> None:
    *sources, target = [each for each in text.split() if not each.startswith("--")]
    if text.startswith("--from="):
        origin = stages[text.split()[0].removeprefix("--from=")].folder
        for each in sources:
            shutil.copytree(
                origin / each.lstrip("/"), stage.folder / target.lstrip("/"), symlinks=True, dirs_exist_ok=True
            )
        return
    place = stage.folder / stage.workdir.lstrip("/") / target
    for source in sources:
        for path in _context(source):
            within = path.relative_to(ROOT / source)
            goal = place / within if (ROOT / source).is_dir() else place / path.name if target.endswith("/") else place
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, goal)


def _context(source: str) -> Iterator[Path]:
    """The files of the build context: what .dockerignore leaves of it. The last line that fits decides."""
    patterns = (ROOT / ".dockerignore").read_text().split()
    top = ROOT / source
    found = [path for path in top.rglob("*") if path.is_file()] if top.is_dir() else [top]
    for path in found:
        taken = True
        for pattern in patterns:
            if _fits(path.relative_to(ROOT), pattern.removeprefix("!")):
                taken = pattern.startswith("!")
        if taken:
            yield path
    if not found or not top.exists():
        raise FileNotFoundError(f"COPY of {source}, which is not there")


def _fits(path: Path, pattern: str) -> bool:
    """Whether a pattern names the file or a folder that it is in."""
    deep = pattern.removeprefix("**/")
    if deep != pattern:
        return any(fnmatch.fnmatch(part, deep) for part in path.parts)
    return fnmatch.fnmatch(path.parts[0], pattern)


def _run(stage: Stage, text: str) -> None:
    """A step, in the machine's root file system with the stage's layer over it."""
    work, merged = (
        stage.folder.with_name(f"{stage.folder.name}.work"),
        stage.folder.with_name(f"{stage.folder.name}.root"),
    )
    for each in (work, merged):
        each.mkdir(exist_ok=True)
    arguments = " ".join(f"{name}={shlex.quote(value)}" for name, value in stage.arguments.items())
    inner = shlex.quote(
        f"cd {stage.workdir} && {arguments} && {text}" if arguments else f"cd {stage.workdir} && {text}"
    )
    steps = [
        _layered(stage.folder, work, merged),
        f"mount -t proc proc {merged}/proc",
        f"mount --bind /dev {merged}/dev",
    ]
    steps.append(f"exec chroot {merged} sh -c {inner}")
    done = subprocess.run([*_SPACES, "sh", "-c", " && ".join(steps)], capture_output=True, text=True, check=False)
    stage.said += done.stdout
    if done.returncode:
        raise RuntimeError(f"RUN {text} failed: {done.stderr[-2000:]}")
