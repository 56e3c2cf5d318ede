"""A simulated Kubernetes API server with the behaviour of Kube-OVN 1.17, over HTTP.

kmock 0.8 was tried first and not used: its emulator lists with the resourceVersion "..." and keeps none on objects
(so no conflict, no resumed watch, no 410), merges PUT and every PATCH alike, ignores selectors and subresources, and
holds its objects in memory only.
"""

from lab.kube.faults import Fault
from lab.kube.seed import Platform
from lab.kube.simulator import KubeSimulator

__all__ = ["Fault", "KubeSimulator", "Platform"]
