"""A directory as Kubernetes mounts a ConfigMap."""

import time
from pathlib import Path

from app.admission.levels_file import CONTENT


def mount(directory: Path, text: str | None) -> None:
    """Write a ConfigMap's directory as the kubelet does: new files beside the old ones, and a link that is swapped."""
    version = directory / f"..{time.monotonic_ns()}"
    version.mkdir()
    if text is not None:
        (version / CONTENT).write_text(text)
    (directory / "..new").symlink_to(version.name)
    (directory / "..new").rename(directory / "..data")
    link = directory / CONTENT
    if text is None:
        link.unlink(missing_ok=True)
    elif not link.is_symlink():
        link.symlink_to(f"..data/{CONTENT}")
