"""What every end-to-end test starts from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext

import pytest

from tests.e2e import binaries
from tests.e2e.cluster import Cluster


@pytest.fixture(scope="session")
def cluster(pytestconfig: pytest.Config) -> Iterator[Cluster]:
    """One API server for the whole run: it takes seconds to start, and namespaces keep the tests apart."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    # A first run builds for minutes: what it says of that must be seen.
    with capture.global_and_fixture_disabled() if capture else nullcontext():
        folder = binaries.find_or_build()
    with Cluster(folder) as started:
        yield started
