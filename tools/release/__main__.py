"""Make all artefacts of a release in `dist/`: `python -m tools.release [--url URL] [--image NAME]`.

They are made of the last commit, in a folder of its own: what is not committed is not in them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from cyclonedx.output.json import JsonV1Dot6

from image.sbom import bill
from tools.release import krew
from tools.release.archives import archive, below
from tools.release.image import image
from tools.release.provenance import digest, statement

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Make them, and say what was made."""
    parser = argparse.ArgumentParser(prog="make release")
    parser.add_argument("--url", default="", help="the repository's address, under which releases are found")
    parser.add_argument("--image", default="", help="the image's name in install.yaml, with its tag")
    parser.add_argument("--into", type=Path, default=ROOT / "dist", help="the folder, which is emptied first")
    flags = parser.parse_args()
    if _git("status", "--porcelain", "--untracked-files=no"):
        sys.stderr.write("not everything is committed: the release is made of the last commit\n")
    commit, seconds = _git("rev-parse", "HEAD"), int(_git("log", "-1", "--format=%ct"))
    shutil.rmtree(flags.into, ignore_errors=True)
    flags.into.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        git = [
            "git",
            "-c",
            "core.autocrlf=false",
            "-c",
            "core.eol=lf",
            "archive",
            commit,
        ]  # whatever somebody's git does
        with subprocess.Popen(git, cwd=ROOT, stdout=subprocess.PIPE) as packed:  # noqa: S603
            subprocess.run(["tar", "x"], cwd=source, stdin=packed.stdout, check=True)  # noqa: S607
        _make(source, flags.into, seconds, flags.url, flags.image)
        artefacts = {path.name: path.read_bytes() for path in flags.into.iterdir()}
        version = _project(source)["version"]
        artefacts["provenance.intoto.json"] = statement(artefacts, source, commit, version, flags.url).encode()
        (flags.into / "provenance.intoto.json").write_bytes(artefacts["provenance.intoto.json"])
    sums = "".join(f"{digest(artefacts[name])}  {name}\n" for name in sorted(artefacts))
    (flags.into / "SHA256SUMS").write_text(sums)
    sys.stdout.write(sums)


def _make(source: Path, into: Path, seconds: int, url: str, name: str) -> None:
    project = _project(source)
    version = project["version"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
    hatch = [sys.executable, "-m", "hatchling", "build", "--directory", str(into)]
    subprocess.run(hatch, cwd=source, env=environment, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    chart = source / "charts" / "stash-admission"
    ignored = [*(chart / ".helmignore").read_text().split(), ".helmignore"]
    _write(into / f"stash-admission-{version}.tgz", archive(below(chart, "stash-admission", ignored), seconds))
    manifests = source / "manifests"
    _write(into / "manifests.tar.gz", archive(below(manifests, "manifests", ["*.py"]), seconds))
    installed = (manifests / "install.yaml").read_bytes()
    usual = f"stash-admission:{version}"
    _write(into / "install.yaml", installed.replace(usual.encode(), (name or usual).encode()))
    definitions = [path.read_bytes() for path in sorted((manifests / "crds").glob("*.yaml"))]
    _write(into / "crds.yaml", b"---\n".join(definitions))
    _write(into / "sbom.cdx.json", JsonV1Dot6(bill(source / "requirements.txt")).output_as_string(indent=2) + "\n")
    wheel = next(into.glob("*.whl"))
    packed = krew.plugin(wheel, source / "requirements.txt", version, seconds)
    _write(into / "kubectl-stash_admission.tar.gz", packed)
    where = f"{url}/releases/download/v{version}/kubectl-stash_admission.tar.gz"
    if url:
        _write(into / "krew.yaml", krew.manifest(packed, where, version, url, project["description"]))
    else:
        sys.stderr.write("krew.yaml is left out: it names an address, so make release URL=…\n")
    if why_not := image(source, into / "image.tar", seconds):
        sys.stderr.write(f"image.tar is left out: {why_not}\n")


def _project(source: Path) -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((source / "pyproject.toml").read_bytes().decode())["project"]
    return project


def _write(path: Path, content: bytes | str) -> None:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603, S607
    return done.stdout.strip()


if __name__ == "__main__":
    main()
