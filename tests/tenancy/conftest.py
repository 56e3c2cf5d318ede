"""Every run of the property tests is the same run: nothing random, nothing timed."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "tenancy",
    derandomize=True,
    deadline=None,
    max_examples=100,
    # Sound documents are large and take many draws; some are refused all the same.
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
settings.load_profile("tenancy")
