"""A program that is run to its end."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from testbed.patience import PATIENCE


def finished(
    command: Sequence[str | Path],
    environment: Mapping[str, str],
    folder: Path | None = None,
    patience: float = PATIENCE,
) -> subprocess.CompletedProcess[str]:
    """A program that has ended, with what it wrote to both streams, as a terminal shows it."""
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=patience,
        check=False,
    )
