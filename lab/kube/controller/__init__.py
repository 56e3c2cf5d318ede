"""The simulated controllers: Kube-OVN's, and the few of Kubernetes itself that tenants meet."""
