"""What these tests start from: programs that are built once."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest

from testbed.release import binaries


@pytest.fixture(scope="session", autouse=True)
def programs(pytestconfig: pytest.Config) -> Path:
    """The folder of the programs: a first run builds for minutes, which must be seen."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        return binaries.find_or_build()
