"""Callers that send large reviews without pause, as a program: their work is not to slow down what measures."""

from __future__ import annotations

import ssl
import threading
import time
from pathlib import Path

import httpx
import orjson
import typer

from testbed.laborious import MEMBERS
from testbed.reviews import review
from testbed.server import JSON

_SHAPES = ("members with one alias", "members without alias and name", "members without a fault")


def main(port: int, seconds: float, size: int, file: Path, ca: Path, callers: int = 3) -> None:
    """Send updates of so many bytes to a port of this machine, one after the other; write what they got."""
    bodies = [_body(name, size) for name in _SHAPES]
    context = ssl.create_default_context(cafile=str(ca))
    until = time.monotonic() + seconds

    def call(number: int) -> None:
        with (
            httpx.Client(verify=context, trust_env=False, headers=JSON, timeout=60) as client,
            file.open("ab", 0) as out,
        ):
            while time.monotonic() < until:
                body, began = bodies[number % len(bodies)], time.monotonic()
                status = client.post(f"https://localhost:{port}/validate?timeout=10s", content=body).status_code
                out.write(orjson.dumps({"status": status, "after": time.monotonic() - began}) + b"\n")
                number += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(callers)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()


def _body(name: str, size: int) -> bytes:
    per_member = len(orjson.dumps(MEMBERS[name](1_000))) / 1_000
    stored = MEMBERS[name](int(size / 2 / per_member))
    return orjson.dumps(review({**stored, "spec": {**stored["spec"], "paused": True}}, stored))


if __name__ == "__main__":
    typer.run(main)
