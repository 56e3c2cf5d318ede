"""Address management of the simulated controller: who has which address of which subnet."""

import hashlib
import ipaddress
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class ExhaustedError(Exception):
    """No address is free."""


class TakenError(Exception):
    """An address is in use, or is no address of the subnet."""


@dataclass(frozen=True, slots=True)
class Lease:
    """What an owner holds: an address per family of the subnet ("" for none) and a MAC address."""

    v4: str = ""
    v6: str = ""
    mac: str = ""


class Pool:
    """The addresses of one CIDR. Allocation goes upwards once; only then are released ones used, oldest first.

    That is the order of Kube-OVN 1.17, pkg/ipam/subnet.go. Each operation costs the same however large the pool.
    """

    def __init__(self, network: Network, excluded: Iterable[tuple[int, int]], gateway: int | None = None) -> None:
        self.network = network
        self._gateway = gateway
        first, last = usable(network)
        self._spans = list(_without(first, last, sorted(excluded)))
        self._free = deque(self._spans)
        self._at = first
        self._released: deque[int] = deque()
        self.owners: dict[int, str] = {}

    def allocate(self, owner: str) -> int:
        """The next free address. Raises ExhaustedError."""
        while self._free:
            first, last = self._free[0]
            address = max(self._at, first)
            if address > last:
                self._free.popleft()
                continue
            self._at = address + 1
            if address not in self.owners:
                self.owners[address] = owner
                return address
        while self._released:
            address = self._released.popleft()
            if address not in self.owners:
                self.owners[address] = owner
                return address
        raise ExhaustedError

    def take(self, address: int, owner: str) -> None:
        """Take one address; an excluded one may be asked for, but not the gateway. Raises TakenError."""
        first, last = usable(self.network)
        if not first <= address <= last:
            raise TakenError("it is no usable address of the subnet")
        if address == self._gateway:
            raise TakenError("it is the gateway")
        if self.owners.get(address, owner) != owner:
            raise TakenError(f"it is used by {self.owners[address]}")
        self.owners[address] = owner

    def release(self, address: int) -> None:
        """Give an address back; an excluded one is not given to anyone who does not ask for it."""
        place = bisect_right(self._spans, (address, self._spans[-1][1] if self._spans else 0)) - 1
        if self.owners.pop(address, None) is not None and place >= 0 and address <= self._spans[place][1]:
            self._released.append(address)

    def text(self, address: int) -> str:
        """An address as it is written."""
        cls = ipaddress.IPv4Address if self.network.version == 4 else ipaddress.IPv6Address
        return str(cls(address))


class Addresses:
    """The pools of every subnet and the lease of every owner in it."""

    def __init__(self) -> None:
        self._pools: dict[str, tuple[tuple[str, tuple[str, ...]], dict[int, Pool]]] = {}
        self._leases: dict[str, dict[str, Lease]] = {}

    def set_subnet(self, subnet: str, cidr: str, gateway: str, excluded: Iterable[str]) -> None:
        """Make a subnet's addresses known, or change what is excluded; leases stay."""
        shape = (f"{cidr} {gateway}", tuple(excluded))
        if subnet in self._pools and self._pools[subnet][0] == shape:
            return
        pools: dict[int, Pool] = {}
        named = [ipaddress.ip_address(text) for text in gateway.split(",") if text]
        gateways = {address.version: int(address) for address in named}
        for block in filter(None, cidr.split(",")):
            network = ipaddress.ip_network(block)
            pools[network.version] = Pool(network, _ranges(shape[1], network.version), gateways.get(network.version))
        self._pools[subnet] = (shape, pools)
        for owner, lease in self._leases.get(subnet, {}).items():
            self.restore(subnet, owner, lease)

    def drop_subnet(self, subnet: str) -> None:
        """Forget a subnet and every lease in it."""
        self._pools.pop(subnet, None)
        self._leases.pop(subnet, None)

    def lease(self, subnet: str, owner: str, wanted: str = "") -> Lease:
        """The addresses wanted ("v4", "v6" or "v4,v6"), and any of a family that is not; the same again when asked again.

        Raises TakenError, ExhaustedError, and KeyError for a subnet that is not known.
        """
        leases = self._leases.setdefault(subnet, {})
        if owner in leases:
            return leases[owner]
        pools = self._pools[subnet][1]
        taken: dict[int, int] = {}
        try:
            for address in _parsed(wanted):
                if address.version not in pools:
                    raise TakenError("the subnet has no such family")
                pools[address.version].take(int(address), owner)
                taken[address.version] = int(address)
            for version in sorted(pools.keys() - taken.keys()):
                taken[version] = pools[version].allocate(owner)
        except (TakenError, ExhaustedError):
            for version, number in taken.items():
                pools[version].release(number)
            raise
        texts = {version: pools[version].text(number) for version, number in taken.items()}
        leases[owner] = Lease(texts.get(4, ""), texts.get(6, ""), mac_of(subnet, owner))
        return leases[owner]

    def restore(self, subnet: str, owner: str, lease: Lease) -> None:
        """Give an owner back what its object says it has, as after a restart; the first one to ask keeps it."""
        self._leases.setdefault(subnet, {})[owner] = lease
        pools = self._pools.get(subnet, (None, {}))[1]
        for text in filter(None, (lease.v4, lease.v6)):
            address = ipaddress.ip_address(text)
            if address.version in pools:
                pools[address.version].owners.setdefault(int(address), owner)

    def release(self, subnet: str, owner: str) -> bool:
        """Give back what an owner holds; returns whether it held anything."""
        lease = self._leases.get(subnet, {}).pop(owner, None)
        if lease is None:
            return False
        pools = self._pools.get(subnet, (None, {}))[1]
        for text in filter(None, (lease.v4, lease.v6)):
            address = ipaddress.ip_address(text)
            pool = pools.get(address.version)
            if pool and pool.owners.get(int(address)) == owner:
                pool.release(int(address))
        return True


def mac_of(subnet: str, owner: str) -> str:
    """A MAC address of an owner, the same on every run."""
    digest = hashlib.sha256(f"{subnet}/{owner}".encode()).digest()
    return ":".join(["00", "00", "00", *(f"{byte:02X}" for byte in digest[:3])])


def usable(network: Network) -> tuple[int, int]:
    """The first and last address pods may have: without the network's own and the last one, but all of a /31."""
    first, last = int(network.network_address), int(network.broadcast_address)
    return (first, last) if last - first < 2 else (first + 1, last - 1)


def available(cidr: str, excluded: Iterable[str]) -> dict[int, int]:
    """How many addresses each family of a subnet has, used or not: version to count."""
    counts: dict[int, int] = {}
    ranges = list(excluded)
    for block in filter(None, cidr.split(",")):
        network = ipaddress.ip_network(block)
        first, last = usable(network)
        spans = _without(first, last, sorted(_ranges(ranges, network.version)))
        counts[network.version] = sum(end - start + 1 for start, end in spans)
    return counts


def _parsed(wanted: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        return [ipaddress.ip_address(text) for text in wanted.split(",") if text]
    except ValueError:
        raise TakenError("it is no address") from None


def _ranges(excluded: Iterable[str], version: int) -> Iterator[tuple[int, int]]:
    for text in excluded:
        start, _, end = text.partition("..")
        first = ipaddress.ip_address(start)
        if first.version == version:
            yield int(first), int(ipaddress.ip_address(end or start))


def _without(first: int, last: int, excluded: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for start, end in excluded:
        if end < first or start > last:
            continue
        if start > first:
            yield first, start - 1
        first = max(first, end + 1)
    if first <= last:
        yield first, last
