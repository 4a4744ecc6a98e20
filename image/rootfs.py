"""Assemble the image's root file system: an interpreter, what the server needs of its environment, and nothing else.

The Dockerfile's first stage runs it with the Python of the environment that `stash-admission` is installed in:

    /opt/stash-admission/bin/python -m image.rootfs /rootfs

Every file stays under the path that it has, so nothing in it needs to be told where it is.
"""

import compileall
import os
import py_compile
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from sysconfig import get_config_var

from image.needs import needed

COMMANDS = ("stash-admission", "stash-certs")
USER = 65532
NOT_NEEDED = {
    "test", "tests", "__pycache__", "*.a", "*.c", "*.h", "*.pxd", "*.pyc", "*.pyi", "*.pyx",
    "aio",  # kubernetes' second client, for asyncio: half of its 120 MB, and what it needs (`NEVER_IMPORTED`)
}  # fmt: skip
"""Names of files and folders that no command of ours reads."""
OF_THE_INTERPRETER = {
    "config-*", "dist-packages", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "site-packages", "sqlite3", "tkinter",
    "turtle.py", "turtledemo", "venv", "_ctypes_test.*", "_curses*.so", "_dbm.*", "_gdbm.*", "_sqlite3.*", "_test*.so",
    "_tkinter.*", "nis.*", "readline.*", "xxlimited*",
}  # fmt: skip
"""The same in its library, with what brings libraries of the machine along: for windows, databases, terminals."""
GENERATED = ("kubernetes/client/api", "kubernetes/client/models")
"""What kubernetes' client has for each call and each kind: 55 MiB. Only its reader of kubeconfigs is used
(`kube/kubeconfig.py`), which imports the two packages, and these import nothing until somebody asks for a name."""
OPENED_LATER = ("libgcc_s.so.1", "libnss_dns.so.2", "libnss_files.so.2")
"""Libraries that the C library opens by their names, so nothing else tells of them."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_UNCHECKED = py_compile.PycInvalidationMode.UNCHECKED_HASH
"""How compiled files know their source: not at all. It never changes, and its time would make two builds differ."""
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x")


def main() -> None:
    """Assemble it in a folder, and say how large it is."""
    root = Path(sys.argv[1])
    taken = [*interpreter(), *environment()]
    for each in taken:
        put(root, each)
    for each in libraries([taken[0], *(path for path in taken if ".so" in path.name)]):
        put(root, each)
    settings(root)
    subprocess.run(["/sbin/ldconfig", "-r", str(root)], check=True)  # noqa: S603
    compileall.compile_dir(root, quiet=1, stripdir=str(root), invalidation_mode=_UNCHECKED)
    sizes = [path.stat().st_size for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    print(f"{root}: {sum(sizes) / 2**20:.0f} MiB in {len(sizes):,} files")  # noqa: T201


def interpreter() -> Iterator[Path]:
    """The interpreter that the environment is made with, and its library."""
    yield Path(sys._base_executable)  # type: ignore[attr-defined]  # noqa: SLF001
    for name in dict.fromkeys(
        (sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), get_config_var("DESTSHARED"))
    ):
        yield from files(Path(name.replace(sys.prefix, sys.base_prefix)))


def environment() -> Iterator[Path]:
    """The environment: its Python, the project's commands, and every distribution that the project needs."""
    prefix = Path(sys.prefix)
    yield prefix / "pyvenv.cfg"
    yield from (prefix / "bin" / name for name in ("python", "python3", *COMMANDS))
    for each in needed().values():
        for file in each.files or ():
            path = Path(os.path.normpath(str(each.locate_file(file))))
            if path.is_relative_to(prefix / "lib") and is_read(path):
                yield path


def is_read(path: Path) -> bool:
    """Whether a command of ours reads a file of a distribution."""
    is_generated = any(str(path.parent).endswith(f"site-packages/{each}") for each in GENERATED)
    return not any(unneeded(part, NOT_NEEDED) for part in path.parts) and (
        path.name == "__init__.py" or not is_generated
    )


def files(folder: Path) -> Iterator[Path]:
    """The files of the interpreter's library, without those that are not needed."""
    for path in sorted(folder.iterdir()):
        if unneeded(path.name, NOT_NEEDED | OF_THE_INTERPRETER):
            continue
        if path.is_dir():
            yield from files(path)
        else:
            yield path


def unneeded(name: str, patterns: set[str]) -> bool:
    """Whether nobody reads what has that name."""
    return any(fnmatch(name, each) for each in patterns)


def libraries(programs: Iterable[Path]) -> Iterator[Path]:
    """The shared libraries that the programs and libraries load, and the loader."""
    found: dict[Path, None] = {}
    for each in programs:
        said = subprocess.run(["ldd", str(each)], capture_output=True, text=True, check=False).stdout  # noqa: S603, S607
        found |= {Path(match): None for match in _LIBRARY.findall(said)}
    for folder in {path.parent for path in found}:
        found |= {folder / name: None for name in OPENED_LATER if (folder / name).exists()}
    yield from found


def put(root: Path, path: Path) -> None:
    """Copy a file to its place; of a program that is a link, the link and what it leads to."""
    place = root / path.relative_to("/")
    place.parent.mkdir(parents=True, exist_ok=True)
    if path.is_symlink() and path.parent.name == "bin":
        if not place.is_symlink():
            place.symlink_to(path.readlink())
        put(root, Path(os.path.normpath(path.parent / path.readlink())))
    elif not place.exists():
        shutil.copyfile(path, place)
        place.chmod(0o755 if path.parent.name == "bin" or ".so" in path.name else 0o644)


def settings(root: Path) -> None:
    """What the C library reads, and the folders that a container runtime mounts something on."""
    for folder in ("dev", "etc/stash-admission/certs", "proc", "sys", "var/run/secrets"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)
    (root / "tmp").chmod(0o1777)
    (root / "etc/passwd").write_text(f"root:x:0:0::/:\nnonroot:x:{USER}:{USER}::/:\n")
    (root / "etc/group").write_text(f"root:x:0:\nnonroot:x:{USER}:\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    folders = {path.parent for path in root.rglob("*.so*") if "site-packages" not in path.parts}
    (root / "etc/ld.so.conf").write_text("".join(f"/{each.relative_to(root)}\n" for each in sorted(folders)))
    if CERTIFICATES.exists():
        put(root, CERTIFICATES)


if __name__ == "__main__":
    main()
