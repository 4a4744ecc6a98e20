"""What holds for the tests of the server."""

from collections.abc import Iterator

import pytest

from testbed.patience import PATIENCE


@pytest.fixture(scope="package", autouse=True)
def _servers_are_forked(forks: None) -> None:
    """Most of these tests have one of their own."""


@pytest.fixture(scope="package", autouse=True)
def _calls_without_a_timeout_have_time() -> Iterator[None]:
    """Those of the server in this process: on a busy machine 30 seconds end while large reviews wait for their turn."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.server.webhooks._DEFAULT_TIMEOUT", PATIENCE)
        yield
