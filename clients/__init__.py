"""The systems underneath: Kube-OVN over the Kubernetes API. Nothing here knows Temporal."""
