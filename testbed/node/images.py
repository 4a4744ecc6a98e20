"""Images, built from the project's Dockerfile as it stands, where no registry is: buildah, in namespaces of its own.

Only the network is the machine's, since what a build installs comes from there.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from testbed.child import dying_with_us

PROJECT = Path(__file__).resolve().parents[2]
INPUTS = (
    "app", "certs", "kube", "schemas", "image", "pyproject.toml", "README.md", "requirements.txt",
    "requirements-traces.txt", "Dockerfile", ".dockerignore",
)  # fmt: skip
"""What of a checkout the image is made of."""
_INSIDE = r"""
set -eu
root=$1 work=$2 project=$3 base=$4 pause=$5; shift 5
mount -t tmpfs tmpfs "$work/over"
mkdir "$work/over/upper" "$work/over/work"
mount -t overlay overlay -o "lowerdir=$root,upperdir=$work/over/upper,workdir=$work/over/work" "$work/root"
cd "$work/root"
mkdir -p project base pause out var/lib/containers old
cp /etc/resolv.conf etc/resolv.conf
mount --bind -o ro "$project" project
mount --bind -o ro "$base" base
mount --bind -o ro "$pause" pause
mount --bind "$work/out" out
mount --bind "$work/storage" var/lib/containers
mount -t proc proc proc
mount --rbind /dev dev
mount --bind "$work/tmp" var/tmp
mount -t tmpfs tmpfs tmp
mount -t tmpfs tmpfs run
pivot_root . old
cd /
umount -l old
exec "$@"
"""
_BUILD = r"""
set -eu
export BUILDAH_ISOLATION=chroot STORAGE_DRIVER=overlay
if ! buildah images -q "localhost/python:$1" >/dev/null 2>&1; then
  it=$(buildah from --network host scratch)
  buildah copy -q "$it" /base / >/dev/null
  buildah commit -q --rm "$it" "localhost/python:$1" >/dev/null
  it=$(buildah from --network host scratch)
  buildah copy -q "$it" /pause/pause /pause >/dev/null
  buildah config --entrypoint '["/pause"]' "$it"
  buildah commit -q --rm "$it" local/pause:1 >/dev/null
  rm -f /out/pause.tar; buildah push -q local/pause:1 docker-archive:/out/pause.tar:docker.io/local/pause:1
fi
limits="--ulimit nofile=$(ulimit -Sn):$(ulimit -Hn) --ulimit nproc=$(ulimit -Su):$(ulimit -Hu)"
buildah build -q --layers --network host $limits \
  --build-arg BASE="localhost/python:$1" -t "stash-admission:$2" /project >/dev/null
rm -f "/out/stash-admission-$2.tar"
buildah push -q "stash-admission:$2" "docker-archive:/out/stash-admission-$2.tar:docker.io/library/stash-admission:$2"
"""


def build(root: Path, base: Path, pause: Path, work: Path, tag: str, project: Path = PROJECT) -> Path:
    """The archive of the image that a checkout's Dockerfile makes.

    `base` is the file system of its base image, `pause` the folder of the pods' first process, `work` what is kept
    between builds.
    """
    archive = work / "out" / f"stash-admission-{tag}-{_digest(base, project)}.tar"
    if archive.exists():
        return archive
    for each in ("over", "root", "out", "storage", "tmp"):
        (work / each).mkdir(parents=True, exist_ok=True)
    words = ["bash", "-c", _BUILD, "build", "3", tag]
    arguments = [root, work, project, base, pause]
    unshare = ["unshare", "--mount", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--propagation", "private"]
    command = [*unshare, "bash", "-c", _INSIDE, "inside", *map(str, arguments), *words]
    environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            dying_with_us(["nice", "-n", "15", *command]),
            env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False,
        )  # fmt: skip
        said.seek(0)
        if done.returncode != 0:
            raise RuntimeError(f"building the image failed ({sys.executable}):\n{said.read()[-3000:]}")
    for stale in archive.parent.glob(f"stash-admission-{tag}-*.tar"):
        stale.unlink()  # of another checkout, or of this one before
    return (work / "out" / f"stash-admission-{tag}.tar").rename(archive)


def _digest(base: Path, project: Path) -> str:
    """What an image is made of, in short."""
    digest = hashlib.sha256(str(base).encode())
    for each in INPUTS:
        path = project / each
        files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
        for file in (file for file in files if "__pycache__" not in file.parts):
            digest.update(f"{file.relative_to(project)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:16]
