"""Somebody at a terminal, whose kubeconfig leads to the nodes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from testbed.node.cluster import Nodes
from testbed.patience import PATIENCE
from tests.support.e2e.page import Command
from tests.support.program import finished

ROOT = Path(__file__).parents[2]
NAME = "stash-admission"
_PATIENCE = 4 * PATIENCE
"""The commands have time-outs of their own, of up to five minutes."""


class Terminal:
    """Somebody with a checkout, whose kubeconfig leads to the nodes."""

    def __init__(self, nodes: Nodes, archives: dict[str, Path]) -> None:
        self.nodes, self.archives = nodes, archives
        path = f"{nodes.programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {
            "PATH": path,
            "HOME": str(nodes.folder),
            "KUBECONFIG": str(nodes.kubeconfig),
            "COLUMNS": "200",
        }

    def run(self, text: str, code: int = 0) -> str:
        """What a command prints, which ends so."""
        done = finished(["bash", "-c", f"set -o pipefail\n{text}"], self._environment, ROOT, _PATIENCE)
        assert done.returncode == code, f"$ {text}\n{done.stdout}"
        return done.stdout

    def follow(self, *commands: Command) -> None:
        """Run commands of a page, each of which prints what is shown, to the byte."""
        for each in commands:
            refused = "is invalid" in each.output
            printed = self.run(each.text, code=1 if refused else 0)
            if each.output:
                assert printed == each.output, f"$ {each.text}"

    def pods(self, selector: str = "app.kubernetes.io/component=webhook") -> list[Any]:
        """The pods of ours that are not on their way out."""
        found = json.loads(self.run(f"kubectl -n {NAME} get pods -l {selector} -o json"))["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def rolled_out(self) -> None:
        self.run(f"kubectl -n {NAME} rollout status deployment/{NAME} --timeout=300s")

    def load(self, release: str) -> None:
        for node in self.nodes.nodes:
            self.nodes.load(node, self.archives[release])
