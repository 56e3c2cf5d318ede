"""The controller: turns changes of objects into steps, and after a start takes up everything again."""

from collections.abc import Callable, Iterable, Mapping

from lab.kube.addresses import Addresses, Lease
from lab.kube.api import Api
from lab.kube.controller import eips, external_gateway, namespaces, nat, pods, subnets, vlans, vpcs
from lab.kube.controller.cluster import DEFAULT_VPC, SUBNET_LABEL, Cluster, Pace, spec_of, status_of
from lab.kube.controller.work import Item, NotYetError, Work
from lab.kube.faults import Faults
from lab.kube.kinds import Manifest
from lab.kube.northbound import Northbound
from lab.kube.statuses import StatusError
from lab.kube.store import Change, Extractor

Step = Callable[[Cluster, Item], None]


def _named(step: Callable[[Cluster, str], None]) -> Step:
    return lambda cluster, item: step(cluster, item.name)


def _of_kind(step: Callable[[Cluster, str, str], None]) -> Step:
    return lambda cluster, item: step(cluster, item.plural, item.name)


_NAT_KINDS = ("ovn-fips", "ovn-snat-rules", "ovn-dnat-rules")
_STEPS: dict[tuple[str, str], Step] = {
    ("admit", "vpcs"): _named(vpcs.admit),
    ("realise", "vpcs"): _named(vpcs.realise),
    ("routes", "vpcs"): _named(vpcs.program_routes),
    ("admit", "subnets"): _named(subnets.admit),
    ("realise", "subnets"): _named(subnets.realise),
    ("count", "subnets"): _named(subnets.count),
    ("admit", "ovn-eips"): _named(eips.admit),
    ("realise", "ovn-eips"): _named(eips.realise),
    ("usage", "ovn-eips"): _named(eips.update_usage),
    ("admit", "vlans"): lambda cluster, item: cluster.realise_later("vlans", item.name),
    ("realise", "vlans"): _named(vlans.realise),
    ("admit", "provider-networks"): lambda cluster, item: cluster.realise_later("provider-networks", item.name),
    ("realise", "provider-networks"): _named(vlans.realise_provider_network),
    ("admit", "ips"): _named(pods.admit_ip),
    ("admit", "namespaces"): _named(namespaces.admit),
    ("annotate", "namespaces"): _named(namespaces.annotate),
    ("realise", "pods"): lambda cluster, item: pods.realise(cluster, item.name, item.namespace),
    ("clean", "pods"): lambda cluster, item: pods.clean(cluster, item.name, item.namespace),
    **{("admit", plural): _of_kind(nat.admit) for plural in _NAT_KINDS},
    **{("realise", plural): _of_kind(nat.realise) for plural in _NAT_KINDS},
}

_CLEAN: dict[str, Callable[[Cluster, str, Manifest], None]] = {
    "vpcs": vpcs.clean,
    "subnets": subnets.clean,
    "ovn-eips": eips.clean,
    "vlans": vlans.clean,
    "ips": pods.clean_ip,
    "ovn-fips": lambda cluster, name, last: nat.clean(cluster, "ovn-fips", name, last),
    "ovn-snat-rules": lambda cluster, name, last: nat.clean(cluster, "ovn-snat-rules", name, last),
    "ovn-dnat-rules": lambda cluster, name, last: nat.clean(cluster, "ovn-dnat-rules", name, last),
}

_GATEWAY = Item("sync", "configmaps", external_gateway.CONFIG_MAP, external_gateway.NAMESPACE)
_RECONCILED = ("provider-networks", "vlans", "vpcs", "subnets", "ips", "ovn-eips", *_NAT_KINDS, "namespaces", "pods")


def _value(field: str) -> Extractor:
    return lambda manifest: [str(spec_of(manifest).get(field) or "")]


INDEXES: Mapping[str, Mapping[str, Extractor]] = {
    "subnets": {
        "vpc": lambda manifest: [spec_of(manifest).get("vpc") or DEFAULT_VPC],
        "vlan": _value("vlan"),
        "bound": lambda manifest: _texts(spec_of(manifest).get("namespaces")),
    },
    "vpcs": {"bound": lambda manifest: _texts(spec_of(manifest).get("namespaces"))},
    "vlans": {"tag": lambda manifest: [vlans.tag(spec_of(manifest))]},
    "ips": {"subnet": _value("subnet")},
}
"""What the store finds without looking at every object, because the controller asks for it."""


def _texts(values: object) -> Iterable[str]:
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


class Controller:
    """Reacts to every change in the store; nothing is polled."""

    def __init__(self, api: Api, northbound: Northbound, faults: Faults, pace: Pace) -> None:
        self.work = Work(self._run)
        self.cluster = Cluster(api, northbound, Addresses(), faults, self.work, pace)
        self._last: dict[tuple[str, str], Manifest] = {}
        self._was_paused = False
        self._gateway = external_gateway.ExternalGateway()

    def start(self) -> None:
        """Take up every object again, as a restarted controller does, and from now on every change."""
        store = self.cluster.api.store
        self._restore_addresses()
        self._collect_garbage()
        for plural in _RECONCILED:
            for stored in store.all(plural):
                self._enqueue(plural, stored.key[1], stored.key[2])
        self.work.add(_GATEWAY)
        store.listeners.append(self._observe)
        self.cluster.faults.listeners.append(self._heed_faults)
        self._heed_faults()

    def stop(self) -> None:
        """Stand still for good."""
        self.work.close()

    def _observe(self, change: Change) -> None:
        plural, namespace, name = change.now.key
        if change.type == "DELETED":
            self._clean_later(plural, namespace, name, change.now.manifest)
        elif plural in _RECONCILED and (change.before is None or _matters(change.before.manifest, change.now.manifest)):
            self._enqueue(plural, namespace, name)
        if (plural, namespace, name) == ("configmaps", external_gateway.NAMESPACE, external_gateway.CONFIG_MAP):
            self.work.add(_GATEWAY)
        self.work.wake((plural, name))
        self.work.wake((plural, ""))

    def _enqueue(self, plural: str, namespace: str, name: str) -> None:
        if plural == "pods":
            self.work.add(Item("realise", plural, name, namespace), self.cluster.pace.ready(plural))
        else:
            self.work.add(Item("admit", plural, name))

    def _clean_later(self, plural: str, namespace: str, name: str, last: Manifest) -> None:
        if plural == "pods":
            self.work.add(Item("clean", plural, name, namespace))
        elif plural in _CLEAN:
            self._last[plural, name] = last
            self.work.add(Item("clean", plural, name), self.cluster.pace.cleanup_delay)

    def _run(self, item: Item) -> None:
        try:
            self._step(item)
        except StatusError as refusal:
            if refusal.code not in {400, 422}:
                raise
            # What the real controller would try to write for ever: a type that is no label value, say.
            raise NotYetError(f"the API refuses what it writes: {refusal.message}") from refusal

    def _step(self, item: Item) -> None:
        if item == _GATEWAY:
            self._gateway.sync(self.cluster)
            return
        step = _STEPS.get((item.step, item.plural))
        if step is not None:
            step(self.cluster, item)
        else:
            _CLEAN[item.plural](self.cluster, item.name, self._last[item.plural, item.name])
            del self._last[item.plural, item.name]

    def _heed_faults(self) -> None:
        is_paused = self.cluster.faults.paused()
        if is_paused and not self._was_paused:
            self.work.pause()
        elif self._was_paused and not is_paused:
            self.work.resume()
        self._was_paused = is_paused
        self.work.retry_all()

    def _restore_addresses(self) -> None:
        store, addresses = self.cluster.api.store, self.cluster.addresses
        for stored in store.all("subnets"):
            spec = spec_of(stored.manifest)
            if spec.get("cidrBlock") and spec.get("protocol"):
                addresses.set_subnet(stored.key[2], spec["cidrBlock"], spec["gateway"], spec.get("excludeIps") or [])
        for stored in store.all("ovn-eips"):
            spec = spec_of(stored.manifest)
            subnet = (stored.manifest["metadata"].get("labels") or {}).get(SUBNET_LABEL)
            if subnet and spec.get("macAddress"):
                lease = Lease(spec.get("v4Ip", ""), spec.get("v6Ip", ""), spec["macAddress"])
                addresses.restore(subnet, stored.key[2], lease)
        for stored in store.all("ips"):
            spec = spec_of(stored.manifest)
            lease = Lease(spec.get("v4IpAddress", ""), spec.get("v6IpAddress", ""), spec.get("macAddress", ""))
            addresses.restore(spec.get("subnet", ""), stored.key[2], lease)

    def _collect_garbage(self) -> None:
        """What objects deleted just before a restart left behind (Kube-OVN 1.17, gc.go).

        NAT rows are not looked at, nor the OvnEip of a router whose Vpc is gone: those stay.
        """
        api, northbound = self.cluster.api, self.cluster.northbound
        for name in [name for name in northbound.switches if api.find("subnets", name) is None]:
            northbound.delete_switch(name)
        for name in [name for name in northbound.routers if name != DEFAULT_VPC and api.find("vpcs", name) is None]:
            northbound.delete_router(name)
        for router in list(northbound.routers.values()):
            for port in [port for port in router.ports.values() if port.switch not in northbound.switches]:
                northbound.delete_port(port.name, router.name)
        for stored in api.store.all("ips"):
            spec = spec_of(stored.manifest)
            if spec.get("podName") and api.find("pods", spec["podName"], spec.get("namespace", "")) is None:
                api.delete("ips", stored.key[2])


def _matters(before: Manifest, after: Manifest) -> bool:
    """Whether a change is one controllers react to: all but the status, of which only a Vpc's subnets count."""
    if before.get("spec") != after.get("spec"):
        return True
    if after["kind"] == "Vpc" and status_of(before).get("subnets") != status_of(after).get("subnets"):
        return True
    old, new = before["metadata"], after["metadata"]
    return any(
        old.get(field) != new.get(field) for field in ("deletionTimestamp", "labels", "annotations", "finalizers")
    )
