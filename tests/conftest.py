"""What holds for all tests."""

from functools import cache

import typer.testing
from hypothesis import HealthCheck, settings

# How long an example takes, or to make it, says something of the machine and of what else runs there.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Typer makes every command and option anew for each call, which takes longer than most of the calls.
typer.testing._get_command = cache(typer.testing._get_command)  # type: ignore[attr-defined]  # noqa: SLF001
