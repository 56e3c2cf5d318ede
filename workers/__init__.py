"""Settings, wiring and the worker process."""
