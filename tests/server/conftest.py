"""What holds for the tests of the server."""

from collections.abc import Iterator

import pytest

import testbed.server
from testbed.forks import ForkServer


@pytest.fixture(scope="package", autouse=True)
def forks() -> Iterator[None]:
    """Servers do not import the program anew: most of these tests have one of their own."""
    with ForkServer() as it, pytest.MonkeyPatch.context() as patch:
        patch.setattr(testbed.server, "forks", it)
        yield
