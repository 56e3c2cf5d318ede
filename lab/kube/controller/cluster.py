"""What every controller works with: the objects, the northbound, the addresses, and a few habits they share."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.kube.addresses import Addresses
from lab.kube.api import STATUS, Api
from lab.kube.controller.work import Item, NotYetError, Work
from lab.kube.faults import Faults
from lab.kube.kinds import Manifest
from lab.kube.northbound import Northbound

FINALIZER = "kubeovn.io/kube-ovn-controller"
DEFAULT_VPC = "ovn-cluster"
DEFAULT_SUBNET = "ovn-default"
JOIN_SUBNET = "join"
EXTERNAL_SUBNET = "external"
GATEWAY_NODE_LABEL = "ovn.kubernetes.io/external-gw"
CHASSIS_ANNOTATION = "ovn.kubernetes.io/chassis"
SUBNET_LABEL = "ovn.kubernetes.io/subnet"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things take, in seconds: until an object is ready, and from its 404 until the northbound is clean."""

    ready_delay: float = 0.02
    per_kind: Mapping[str, float] = field(default_factory=dict)
    cleanup_delay: float = 0.01

    def ready(self, plural: str) -> float:
        """The delay of one kind."""
        return self.per_kind.get(plural, self.ready_delay)


@dataclass(frozen=True, slots=True)
class Cluster:
    """Everything a controller step reads and writes."""

    api: Api
    northbound: Northbound
    addresses: Addresses
    faults: Faults
    work: Work
    pace: Pace

    def realise_later(self, plural: str, name: str) -> None:
        """Queue the step that makes an object real, after the time its kind takes."""
        delay = self.pace.ready(plural)
        late = self.faults.in_controller("late", plural, name)
        self.work.add(Item("realise", plural, name), delay + (late.seconds if late else 0.0))

    def hold_if_never_ready(self, plural: str, name: str) -> None:
        """Raise NotYetError when a fault keeps an object from ever being ready."""
        if self.faults.in_controller("never-ready", plural, name):
            raise NotYetError("a fault keeps it from being ready")

    def add_finalizer(self, plural: str, name: str) -> None:
        """Add the controller's finalizer, unless it is there or the object is going."""
        manifest = self.api.find(plural, name)
        if manifest is None or manifest["metadata"].get("deletionTimestamp"):
            return
        held = manifest["metadata"].get("finalizers") or []
        if FINALIZER not in held:
            self.api.patch(plural, name, {"metadata": {"finalizers": [*held, FINALIZER]}})

    def remove_finalizer(self, plural: str, name: str) -> None:
        """Remove the controller's finalizer; raises NotYetError while a fault makes it stick."""
        manifest = self.api.find(plural, name)
        held = (manifest or {}).get("metadata", {}).get("finalizers") or []
        if FINALIZER not in held:
            return
        if self.faults.in_controller("stuck-finalizer", plural, name):
            raise NotYetError("a fault keeps its finalizer")
        self.api.patch(plural, name, {"metadata": {"finalizers": [each for each in held if each != FINALIZER]}})

    def set_status(self, plural: str, name: str, status: Mapping[str, Any]) -> None:
        """Merge fields into an object's status; None removes one."""
        if self.api.find(plural, name) is not None:
            self.api.patch(plural, name, {"status": dict(status)}, options=STATUS)


def spec_of(manifest: Manifest | None) -> Manifest:
    """An object's spec, or an empty one."""
    return dict((manifest or {}).get("spec") or {})


def status_of(manifest: Manifest | None) -> Manifest:
    """An object's status, or an empty one."""
    return dict((manifest or {}).get("status") or {})


def is_going(manifest: Manifest) -> bool:
    """Whether an object is marked for deletion."""
    return bool(manifest["metadata"].get("deletionTimestamp"))


def families(text: str) -> tuple[str, str]:
    """Split "v4", "v6" or "v4,v6" into its IPv4 and IPv6 part ("" where there is none)."""
    parts = [part for part in text.split(",") if part]
    v4 = next((part for part in parts if ":" not in part), "")
    v6 = next((part for part in parts if ":" in part), "")
    return v4, v6
