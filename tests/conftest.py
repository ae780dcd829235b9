"""What holds for every test: properties are tried on the same examples each time, and nothing is timed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "leadsync", deadline=None, derandomize=True, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("leadsync")
