"""`make node`: two nodes, the tests on them, docs/node.md, and nothing left. `down` removes what a crash has left."""

from __future__ import annotations

import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType

import pytest

from testbed.control_plane.gobuild import say
from testbed.node import cluster, machine, place, programs, rootfs
from tests.node import page
from tests.node.results import RESULTS

_CANNOT, _INTERRUPTED = 2, 130
_TESTS = ("test_node.py", "test_certificates.py", "test_gate.py")
"""In the order in which they have to run."""


def main(words: list[str]) -> int:
    """Exit code 0 if all passed, 1 if not, 2 where this machine cannot have a node."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    try:
        place.require()
        with place.alone():
            return _alone(words)
    except place.CannotError as error:
        say(f"no node on this machine: {error}")
        return _CANNOT
    except KeyboardInterrupt:
        return _INTERRUPTED  # before there was a node


def _alone(words: list[str]) -> int:
    try:
        code = 0 if words[:1] == ["down"] else _run(words)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    cluster.down()
    if words[:1] == ["down"] or code == _INTERRUPTED:
        say(f"{'interrupted; ' if code else ''}nothing of a node is left, and what is built is kept")
    return code


def _run(words: list[str]) -> int:
    programs.find_or_build()
    rootfs.find_or_build()
    cluster.down()  # what a crash has left is none of the machine's state
    before, start = machine.state(), time.monotonic()
    files = [str(Path(__file__).with_name(each)) for each in _TESTS]
    code = pytest.main([*files, "-v", "-p", "no:cacheprovider", "--override-ini=addopts=", *words])
    if code == pytest.ExitCode.INTERRUPTED:
        return _INTERRUPTED
    cluster.down()
    changed = machine.differences(before, machine.state())
    for line in changed:
        say(f"the machine has changed: {line}")
    if code != pytest.ExitCode.OK or changed:
        return code or 1
    if not words:
        results = json.loads(RESULTS.read_text())
        page.write(results["rows"], results["figures"], list(programs.versions()), time.monotonic() - start)
        say(f"{page.PAGE.name} is written")
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
