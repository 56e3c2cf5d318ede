"""Every run of the property tests is the same run: nothing random, nothing timed."""

from hypothesis import HealthCheck, settings

# Documents are large, and building one that is sound takes many draws.
settings.register_profile(
    "tenancy",
    derandomize=True,
    deadline=None,
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("tenancy")
