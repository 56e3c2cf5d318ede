"""Documents of tenants, seeded, and what they leave on a platform in a form that two runs can be compared by."""

import json
import random
import re
from collections.abc import Iterable, Iterator
from typing import Any

Document = dict[str, Any]

_ADDRESS = re.compile(r"\b198\.1[89]\.\d+\.\d+\b")
_MAC = re.compile(r"\b(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}\b")
_PLAN_HASH = re.compile(r'("planHash": ")[0-9a-f]{64}')
"""In a hand-over's text. A plan for what is there in part is another than one for nothing."""
_BY_CHANCE = ("v4availableIPrange", "v4usingIPrange", "ovn.kubernetes.io/vpc_nat")
"""Which addresses are free, and which of an external IP's rules came last."""


def tenant(name: str, *, subnets: int = 1, floating: bool = False, balancer: bool = False) -> Document:
    """A tenant that leaves through one external IP."""
    ips: list[Document] = [{"use": "snat", "name": "egress"}]
    ips += [{"use": "floatingIP", "name": "jump", "target": "10.0.0.10"}] if floating else []
    ips += [{"use": "loadBalancer", "name": "web"}] if balancer else []
    return {
        "apiVersion": "berth.network/v1",
        "kind": "TenantNetwork",
        "metadata": {"name": name},
        "spec": {
            "subnets": [{"name": f"net{n}", "cidrs": [f"10.0.{n}.0/24", f"fd00:{n}::/64"]} for n in range(subnets)],
            "externalIPs": ips,
        },
    }


def some_tenants(count: int, seed: int) -> list[Document]:
    """So many tenants of different shapes, all with the same addresses inside; the last of each seed is the largest."""
    chance = random.Random(seed)  # noqa: S311  # a test has to repeat
    shapes = [(chance.randint(1, 2), chance.random() < 0.5, chance.random() < 0.5) for _ in range(count - 1)]
    return [
        tenant(f"t{number}", subnets=subnets, floating=floating, balancer=balancer)
        for number, (subnets, floating, balancer) in enumerate([*shapes, (2, True, True)])
    ]


def comparable(objects: Document, northbound: Document) -> Document:
    """A platform in words that two equal outcomes share: an address is the object that holds it, a run is just a run."""
    holders = {
        status["v4Ip"]: f"<address of {key}>"
        for key, found in objects.items()
        if key.startswith("ovn-eips/") and (status := found.get("status") or {}).get("v4Ip")
    }

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: plain(inner) for key, inner in value.items() if key not in _BY_CHANCE}
            return kept | ({"berth.network/run": "<run>"} if "berth.network/run" in kept else {})
        if isinstance(value, list):
            return sorted((plain(inner) for inner in value), key=lambda inner: json.dumps(inner, sort_keys=True))
        if isinstance(value, str):
            value = _PLAN_HASH.sub(r"\1<hash>", _MAC.sub("<mac>", value))
            return _ADDRESS.sub(lambda found: holders.get(found[0], found[0]), value)
        return value

    found: Document = plain({"objects": objects, "northbound": northbound})
    return found


def made_twice(calls: Iterable[Document]) -> list[str]:
    """What was created more than once in these calls, and not refused."""
    made = [
        "/".join(filter(None, (call["plural"], call["namespace"], call["name"])))
        for call in calls
        if call["verb"] == "create" and call["status"] == 201
    ]
    return sorted({thing for thing in made if made.count(thing) > 1})


def created_by(objects: Document, run: str) -> set[str]:
    """What bears this run's ID."""
    return {
        key
        for key, found in objects.items()
        if (found["metadata"].get("annotations") or {}).get("berth.network/run") == run
    }


def of_tenant(objects: Document, name: str) -> set[str]:
    """What bears the tenant's label."""
    return {
        key
        for key, found in objects.items()
        if (found["metadata"].get("labels") or {}).get("berth.network/tenant") == name
    }


def differences(path: str, seen: Any, wanted: Any) -> Iterator[str]:
    """Where two comparable platforms differ, and how."""
    if isinstance(seen, dict) and isinstance(wanted, dict):
        for key in sorted(seen.keys() | wanted.keys()):
            yield from differences(f"{path}/{key}", seen.get(key), wanted.get(key))
    elif seen != wanted:
        yield f"{path} is {seen}, should be {wanted}"
