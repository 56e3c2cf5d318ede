"""The embedded platform: Temporal, a simulated Kubernetes API with Kube-OVN in it, over real sockets."""
