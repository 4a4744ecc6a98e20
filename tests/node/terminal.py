"""Somebody at a terminal, whose kubeconfig leads to the nodes."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from testbed.node.cluster import Nodes
from testbed.patience import PATIENCE, eventually
from tests.support.e2e.page import Command
from tests.support.program import finished

ROOT = Path(__file__).parents[2]
NAME = "stash-admission"
_PATIENCE = 4 * PATIENCE
"""The commands have time-outs of their own, of up to five minutes."""


class Terminal:
    """Somebody with a checkout, whose kubeconfig leads to the nodes."""

    def __init__(self, nodes: Nodes, archives: dict[str, Path], folder: Path = ROOT) -> None:
        self.nodes, self.archives = nodes, archives
        self._folder = folder
        self.functions = ""
        """What the shell knows from the start."""
        path = f"{nodes.programs}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._environment = {
            "PATH": path,
            "HOME": str(nodes.folder),
            "KUBECONFIG": str(nodes.kubeconfig),
            "COLUMNS": "200",
        }

    def run(self, text: str, code: int = 0) -> str:
        """What a command prints, which ends so."""
        script = f"set -o pipefail\n{self.functions}\n{text}"
        done = finished(["bash", "-c", script], self._environment, self._folder, _PATIENCE)
        assert done.returncode == code, f"$ {text}\n{done.stdout}"
        return done.stdout

    def follow(self, *commands: Command) -> None:
        """Run commands of a page, each of which prints what is shown, to the byte."""
        for each in commands:
            refused = "is invalid" in each.output
            printed = self.run(each.text, code=1 if refused else 0)
            if each.output:
                assert printed == each.output, f"$ {each.text}"

    def restart(self) -> None:
        """As the pages have it."""
        self.run(f"kubectl -n {NAME} rollout restart deployment/{NAME}")
        self.rolled_out()

    def run_cronjob(self, what: str) -> str:
        """A run of a CronJob, now; what it did. It keeps one Job that succeeded, so that the name is free again."""
        job = f"job/{what}-at-once"
        self.run(f"kubectl -n {NAME} delete {job} --ignore-not-found")
        self.run(f"kubectl -n {NAME} create job {what}-at-once --from=cronjob/{NAME}-{what}")
        self.run(f"kubectl -n {NAME} wait --for=condition=complete {job} --timeout=120s")
        return self.run(f"kubectl -n {NAME} logs {job}")

    def registered(self) -> None:
        self.run(f"kubectl -n {NAME} wait --for=condition=complete job/{NAME}-register --timeout=300s")

    def doctor(self) -> None:
        """There is nothing wrong."""
        assert self.run("stash-admission doctor").endswith("nothing wrong\n")

    def where(self) -> set[str]:
        """The nodes that replicas are on."""
        return {each["spec"]["nodeName"] for each in self.pods()}

    def pods(self, selector: str = "app.kubernetes.io/component=webhook") -> list[Any]:
        """The pods of ours that are not on their way out."""
        found = json.loads(self.run(f"kubectl -n {NAME} get pods -l {selector} -o json"))["items"]
        return [each for each in found if "deletionTimestamp" not in each["metadata"]]

    def rolled_out(self) -> None:
        self.run(f"kubectl -n {NAME} rollout status deployment/{NAME} --timeout=300s")

    def available(self, replicas: int = 2) -> None:
        """Wait for so many replicas that are ready and stay."""
        eventually(lambda: self._ready() == replicas, says=self.pods, every=0.5)

    def _ready(self) -> int:
        conditions = [each for pod in self.pods() for each in pod["status"].get("conditions", ())]
        return sum(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    def load(self, release: str) -> None:
        for node in self.nodes.nodes:
            self.nodes.load(node, self.archives[release])
