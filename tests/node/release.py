"""The same checkout as another release."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from testbed.node.images import INPUTS


@contextlib.contextmanager
def another_release(root: Path, version: str) -> Iterator[Path]:
    """A copy of what the image is built from, with another version in it."""
    with tempfile.TemporaryDirectory() as folder:
        for each in INPUTS:
            if (root / each).is_dir():
                shutil.copytree(root / each, Path(folder, each), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(root / each, folder)
        project = Path(folder, "pyproject.toml")
        project.write_text(project.read_text().replace('version = "0.1.0"', f'version = "{version}"', 1))
        yield Path(folder)
