"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes, or to make it, says something of the machine and of what else runs there.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
