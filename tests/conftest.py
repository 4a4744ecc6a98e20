"""What holds for all tests."""

import os
from collections.abc import Iterator
from functools import cache

import pytest
import typer.testing
from hypothesis import HealthCheck, settings

from testbed.forks import ForkServer

# How long an example takes, or to make it, says something of the machine and of what else runs there.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Typer makes every command and option anew for each call, which takes longer than most of the calls.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]  # noqa: SLF001


@pytest.fixture(scope="session")
def forks() -> Iterator[None]:
    """Servers do not import the program anew, where tests have one of their own."""
    import testbed.server  # which most tests do without

    with ForkServer() as it, pytest.MonkeyPatch.context() as patch:
        patch.setattr(testbed.server, "forks", it)
        yield


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the settings is in the environment."""
    from app.settings import PREFIX  # which most tests do without

    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
