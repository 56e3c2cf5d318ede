"""Measurements, each beside the obvious way to do the same work; `make bench` writes docs/benchmarks.md."""
