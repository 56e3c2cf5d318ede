"""A simulated Kubernetes API server with the behaviour of Kube-OVN 1.17."""
