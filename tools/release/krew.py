"""The plugin of kubectl as krew installs it: an archive of the wheel with what it needs, and a manifest."""

from hashlib import sha256
from pathlib import Path

from tools.release.archives import Entry, archive

PLUGIN = "stash-admission"
_PLATFORMS = (("linux", "amd64"), ("linux", "arm64"), ("darwin", "arm64"))
"""Those for which everything that is locked has a wheel."""
_LAUNCHER = """#!/bin/sh
# Runs stash-admission in an environment of its own, which the first call makes of what is locked beside this file.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$(readlink -f -- "$0")")" && pwd)
version=$(python3 -c 'import sys
if sys.version_info < (3, 11): sys.exit("Python 3.11 or newer is needed")
print("%d.%d" % sys.version_info[:2])')
place=${{XDG_CACHE_HOME:-$HOME/.cache}}/stash-admission/{version}-python$version
if [ ! -x "$place/bin/python" ]; then
  echo "stash-admission {version}: making an environment in $place, once" >&2
  # It is made beside, then renamed: of two first calls each makes one, and the one that is first stays.
  made=$place.$$
  trap 'rm -rf "$made"' EXIT
  trap 'exit 1' HUP INT TERM
  python3 -m venv "$made"
  pip() {{ "$made/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps "$@" >&2; }}
  pip --require-hashes -r "$here/requirements.txt"
  pip "$here/{wheel}"
  [ -x "$place/bin/python" ] || rm -rf "$place"
  python3 -c 'import os, sys; os.rename(*sys.argv[1:])' "$made" "$place" 2>/dev/null || [ -x "$place/bin/python" ]
  rm -rf "$made"
fi
exec "$place/bin/python" "$place/bin/kubectl-stash_admission" "$@"
"""


def launcher(version: str, wheel: str) -> str:
    """The script by which the plugin starts, beside its lock file and a wheel of that name."""
    return _LAUNCHER.format(version=version, wheel=wheel)


def plugin(wheel: Path, lock: Path, version: str, seconds: int) -> bytes:
    """The archive."""
    files = [
        Entry("kubectl-stash_admission", launcher(version, wheel.name).encode(), executable=True),
        Entry("requirements.txt", lock.read_bytes()),
        Entry(wheel.name, wheel.read_bytes()),
    ]
    return archive(files, seconds)


def manifest(packed: bytes, uri: str, version: str, homepage: str, description: str) -> str:
    """The manifest of a plugin whose archive is found at an address."""
    platforms = "".join(
        f"  - selector:\n      matchLabels:\n        os: {system}\n        arch: {machine}\n"
        f"    uri: {uri}\n    sha256: {sha256(packed).hexdigest()}\n    bin: kubectl-stash_admission\n"
        for system, machine in _PLATFORMS
    )
    return (
        "apiVersion: krew.googlecontainertools.github.com/v1alpha2\nkind: Plugin\n"
        f"metadata:\n  name: {PLUGIN}\nspec:\n  version: v{version}\n  homepage: {homepage}\n"
        "  shortDescription: Judge manifests and installations of Stash\n"
        f'  description: "{description}"\n'
        "  caveats: It needs python3, 3.11 or newer, with venv. The first call takes a minute.\n"
        f"  platforms:\n{platforms}"
    )
