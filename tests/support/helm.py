"""One Helm, and the chart."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from testbed.control_plane.cluster import Cluster
from testbed.documents import load_all
from tests.support.program import finished
from tools import deploy

Manifest = dict[str, Any]
CHART = deploy.MANIFESTS.parent / "charts" / "stash-admission"


@dataclass
class Helm:
    """The program, for one cluster, with a home of its own."""

    program: Path
    cluster: Cluster
    home: Path
    chart: Path = field(default=CHART)

    def run(self, *args: str, code: int = 0) -> str:
        """Run it; what it printed, which must have ended so."""
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            "KUBECONFIG": str(self.cluster.credentials.kubeconfig("admin")),
        }
        done = finished([self.program, *args], environment)
        assert done.returncode == code, done.stdout
        return done.stdout

    def values(self, values: Manifest | None) -> tuple[str, ...]:
        """The flag for values."""
        if not values:
            return ()
        path = self.home / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        return ("--values", str(path))

    def template(self, values: Manifest | None = None) -> list[Manifest]:
        """What the chart makes of values, without what only `helm test` makes."""
        args = ("template", "some-release", str(self.chart), f"--namespace={deploy.NAME}", "--no-hooks")
        return [each for each in load_all(self.run(*args, *self.values(values))) if each]
