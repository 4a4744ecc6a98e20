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

_CANNOT = 2


def main(words: list[str]) -> int:
    """Exit code 0 if all passed, 1 if not, 2 where this machine cannot have a node."""
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _interrupt)
    try:
        place.require()
        if words[:1] == ["down"]:
            cluster.down()
            say("nothing of a node is left")
            return 0
        return _run(words)
    except place.CannotError as error:
        say(f"no node on this machine: {error}")
        return _CANNOT
    except KeyboardInterrupt:
        cluster.down()
        say("interrupted; nothing of the node is left, and what is built is kept")
        return 130


def _run(words: list[str]) -> int:
    programs.find_or_build()
    rootfs.find_or_build()
    cluster.down()  # what a crash has left is none of the machine's state
    before, start = machine.state(), time.monotonic()
    folder = Path(__file__).parent
    code = pytest.main([str(folder), "-v", "-p", "no:cacheprovider", "--override-ini=addopts=", *words])
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
