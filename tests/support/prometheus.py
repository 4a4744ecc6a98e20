"""A real Prometheus on loopback, which scrapes and evaluates every second."""

import contextlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from testbed.child import Child
from testbed.patience import PATIENCE

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")), reason="needs prometheus (apt install prometheus)"
)


class Prometheus:
    """It, by its HTTP API."""

    def __init__(self, port: int) -> None:
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE)

    def ready(self) -> bool:
        """Whether it answers queries."""
        with contextlib.suppress(httpx.TransportError):
            return self._client.get("/-/ready").status_code == 200
        return False

    def get(self, path: str, **parameters: str) -> Any:
        """The data of an answer."""
        answer = self._client.get(f"/api/v1/{path}", params=parameters).json()
        assert answer["status"] == "success", (answer, parameters)
        return answer["data"]

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """What an expression gives now: labels and value of each series. What is no number is left out."""
        data = self.get("query", query=expression)
        assert data["resultType"] == "vector", expression
        found = [(each["metric"], float(each["value"][1])) for each in data["result"]]
        return [(labels, value) for labels, value in found if value == value]

    def close(self) -> None:
        """Say good-bye."""
        self._client.close()


def wait_for(what: Callable[[], object], wanted: object, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Wait until something is as wanted."""
    until = time.monotonic() + PATIENCE
    while (found := what()) != wanted:
        assert time.monotonic() < until, f"it is still {found}, not {wanted}"
        meanwhile()
        time.sleep(0.3)


@contextlib.contextmanager
def scraping(folder: Path, target: str, rules: Path) -> Iterator[Prometheus]:
    """A Prometheus that scrapes a management port, with a rule file."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(rules)],
        "scrape_configs": [{"job_name": "stash-admission", "static_configs": [{"targets": [target]}]}],
    }
    (folder / "prometheus.yaml").write_text(json.dumps(config))
    command = [
        str(shutil.which("prometheus")),
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    child = Child(command, folder / "prometheus.log", dict(os.environ))
    it = Prometheus(port)
    try:
        wait_for(lambda: it.ready() or not child.running, True)
        assert child.running, child.tail()
        yield it
    finally:
        it.close()
        child.stop(5)
