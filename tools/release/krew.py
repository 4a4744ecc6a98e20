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
place=${{XDG_CACHE_HOME:-$HOME/.cache}}/stash-admission/{version}
if [ ! -e "$place/.ready" ]; then
  echo "stash-admission {version}: making an environment in $place, once" >&2
  rm -rf "$place"
  python3 -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
  python3 -m venv "$place"
  pip() {{ "$place/bin/python" -m pip --disable-pip-version-check --quiet install --no-deps "$@" >&2; }}
  pip --require-hashes -r "$here/requirements.txt"
  pip "$here/{wheel}"
  touch "$place/.ready"
fi
exec "$place/bin/kubectl-stash_admission" "$@"
"""


def plugin(wheel: Path, lock: Path, version: str, seconds: int) -> bytes:
    """The archive."""
    launcher = _LAUNCHER.format(version=version, wheel=wheel.name).encode()
    files = [
        Entry("kubectl-stash_admission", launcher, executable=True),
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
