"""Kube-OVN through the Kubernetes API: one connection pool, watches, failures of two kinds."""

from clients.kube_ovn.answers import ConflictError
from clients.kube_ovn.client import KubeOvn, connect
from clients.kube_ovn.connection import KubeConnection
from clients.kube_ovn.ensure import Ensured, Outcome
from clients.kube_ovn.external import diagnose_external_ip, wait_for_external_ip
from clients.kube_ovn.readiness import READINESS, Readiness

__all__ = [
    "READINESS",
    "ConflictError",
    "Ensured",
    "KubeConnection",
    "KubeOvn",
    "Outcome",
    "Readiness",
    "connect",
    "diagnose_external_ip",
    "wait_for_external_ip",
]
