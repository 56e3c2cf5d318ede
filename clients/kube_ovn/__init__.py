"""Kube-OVN through the Kubernetes API: one connection pool, watches, failures of two kinds."""
