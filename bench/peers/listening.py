"""What the peers in Python share: their flags, the line when they listen, and a line for each decision."""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import uvicorn

HOST = "127.0.0.1"


class Flags(NamedTuple):
    """What the command line says."""

    port: int
    cert: Path
    key: Path


def flags(program: str) -> Flags:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m bench.peers.{program}")
    parser.add_argument("--port", type=int, required=True, help=f"port on {HOST}")
    parser.add_argument("--cert", type=Path, required=True, help="file with the certificate")
    parser.add_argument("--key", type=Path, required=True, help="file with its key")
    given = parser.parse_args()
    return Flags(given.port, given.cert, given.key)


def ready() -> None:
    """Say that the server listens."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


def log(webhook: str, request: dict[str, Any], decision: str, started: float) -> None:
    """Write a line of JSON for a decision that began at `started`, as the server that is compared does."""
    line = {
        "webhook": webhook,
        "uid": request["uid"],
        "operation": request["operation"],
        "kind": request["kind"]["kind"],
        "namespace": request.get("namespace", ""),
        "name": request.get("name", ""),
        "decision": decision,
        "milliseconds": round((time.perf_counter() - started) * 1e3, 3),
    }
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


class Listener(uvicorn.Server):
    """uvicorn that says when it listens."""

    async def startup(self, sockets: Any = None) -> None:
        """Listen."""
        await super().startup(sockets)
        if self.started:
            ready()
