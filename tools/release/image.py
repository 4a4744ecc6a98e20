"""The image as an archive in the layout of OCI, where an engine can build it."""

import os
import subprocess
from pathlib import Path


def image(source: Path, target: Path, seconds: int) -> str:
    """Build it; why that cannot be done here, or nothing.

    All times in it are that of the commit. Raises CalledProcessError where an engine is there, and the build fails.
    """
    try:
        asked = subprocess.run(["docker", "buildx", "inspect"], capture_output=True, text=True, check=False)  # noqa: S607
    except FileNotFoundError:
        return "there is no docker"
    if asked.returncode:
        return "docker has no engine, or no buildx"
    command = ["docker", "buildx", "build", "--provenance=false", "--output"]
    command += [f"type=oci,dest={target},rewrite-timestamp=true", "."]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(seconds)}
    subprocess.run(command, cwd=source, env=environment, check=True)  # noqa: S603
    return ""
