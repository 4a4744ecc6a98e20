"""The same checkout as another release."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_IN_THE_IMAGE = ("app", "certs", "kube", "schemas", "image")
_FILES = ("pyproject.toml", "README.md", "requirements.txt", "requirements-traces.txt", "Dockerfile", ".dockerignore")


@contextlib.contextmanager
def another_release(root: Path, version: str) -> Iterator[Path]:
    """A copy of what the image is built from, with another version in it."""
    with tempfile.TemporaryDirectory() as folder:
        for each in _IN_THE_IMAGE:
            shutil.copytree(root / each, Path(folder, each), ignore=shutil.ignore_patterns("__pycache__"))
        for each in _FILES:
            shutil.copy(root / each, folder)
        project = Path(folder, "pyproject.toml")
        project.write_text(project.read_text().replace('version = "0.1.0"', f'version = "{version}"', 1))
        yield Path(folder)
