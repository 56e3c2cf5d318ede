"""Subnets: the spec as the controller rewrites it, what it says is wrong, and what it says nothing about."""

from typing import Any

import pytest

from lab.kube.controller.cluster import FINALIZER
from tests.lab.kube.caller import DROP, Caller


async def _conditions(caller: Caller, name: str) -> dict[str, str]:
    return {each["type"]: each["status"] for each in (await caller.status("subnets", name)).get("conditions") or []}


@pytest.fixture
async def red(caller: Caller) -> Caller:
    """A caller beside a standing VPC `red`."""
    await caller.create("namespaces", "red")
    await caller.create("vpcs", "red", {"namespaces": ["red"], "policyRoutes": [DROP]})
    return caller


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (
            {"cidrBlock": "10.0.0.7/24"},
            {"cidrBlock": "10.0.0.0/24", "gateway": "10.0.0.1", "excludeIps": ["10.0.0.1"], "protocol": "IPv4"},
        ),
        (
            {"cidrBlock": "10.0.0.0/24", "gateway": "10.0.0.254", "excludeIps": ["10.0.0.2..10.0.0.9"]},
            {"gateway": "10.0.0.254", "excludeIps": ["10.0.0.2..10.0.0.9", "10.0.0.254"]},
        ),
        (
            {"cidrBlock": "10.0.0.0/24", "excludeIps": ["10.0.0.1..10.0.0.9"]},
            {"excludeIps": ["10.0.0.1..10.0.0.9"]},
        ),
        ({"cidrBlock": "fd00:10::/64"}, {"gateway": "fd00:10::1", "protocol": "IPv6"}),
        (
            {"cidrBlock": "10.0.0.0/24,fd00:10::/64", "gateway": "10.0.0.254"},
            {"gateway": "10.0.0.254,fd00:10::1", "protocol": "Dual", "excludeIps": ["10.0.0.254", "fd00:10::1"]},
        ),
        ({"cidrBlock": "10.0.0.0/31"}, {"gateway": "10.0.0.0"}),
    ],
)
async def test_defaults_are_written_into_the_spec(red: Caller, given: dict[str, Any], written: dict[str, Any]) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", **given})
    subnet = await red.get("subnets", "red--a")
    always = {"provider": "ovn", "vpc": "red", "default": False, "natOutgoing": False, "private": False}
    assert subnet["spec"].items() >= ({**given, **always, **written}).items()
    assert subnet["metadata"]["finalizers"] == [FINALIZER]
    assert await _conditions(red, "red--a") == {"Validated": "True", "Ready": "True"}


@pytest.mark.parametrize(
    "spec",
    [
        {"cidrBlock": "10.0.0.0/32"},
        {"cidrBlock": "224.0.1.0/24"},
        {"cidrBlock": "127.0.1.0/24"},
        {"cidrBlock": "169.254.1.0/24"},
        {"cidrBlock": "fe80::/64"},
        {"cidrBlock": "10.0.0.0/24", "gateway": "10.0.1.1"},
        {"cidrBlock": "10.0.0.0/24", "gateway": "10.0.0.0"},
        {"cidrBlock": "10.0.0.0/24", "gateway": "10.0.0.255"},
        {"cidrBlock": "10.0.0.0/24,10.0.1.0/24"},
        {"cidrBlock": "10.0.0.0/24", "excludeIps": ["10.0.0.9..10.0.0.2"]},
        {"cidrBlock": "fd00::/64", "mtu": 1000},
        {"cidrBlock": "10.0.0.0/24", "vpc": "red--a"},
        {},
    ],
)
async def test_what_the_controller_refuses_is_an_error_that_is_never_cleared(red: Caller, spec: dict[str, Any]) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", **spec})
    assert await _conditions(red, "red--a") == {"Error": "True", "Validated": "False", "Ready": "False"}
    good = {"vpc": "red", "cidrBlock": "10.9.0.0/24", "gateway": None, "excludeIps": None, "mtu": None}
    await red.merge("subnets", "red--a", {"spec": good})
    assert await _conditions(red, "red--a") == {"Error": "True", "Validated": "True", "Ready": "True"}


async def test_a_cidr_that_cannot_be_parsed_gets_no_status_at_all(red: Caller) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0/24"})
    assert await red.status("subnets", "red--a") == {}


async def test_a_subnet_without_its_vpc_waits_in_silence(caller: Caller) -> None:
    await caller.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24"})
    assert await _conditions(caller, "red--a") == {"Validated": "True"}
    await caller.create("vpcs", "red", {"policyRoutes": [DROP]})
    assert await _conditions(caller, "red--a") == {"Validated": "True", "Ready": "True"}


async def test_a_namespace_outside_the_vpc_waits_in_silence(red: Caller) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24", "namespaces": ["blue"]})
    assert await _conditions(red, "red--a") == {"Validated": "True"}
    assert "red--a" not in red.kube.northbound.switches
    await red.merge("vpcs", "red", {"spec": {"namespaces": ["red", "blue"]}})
    assert await _conditions(red, "red--a") == {"Validated": "True", "Ready": "True"}


async def test_cidrs_may_overlap_between_vpcs_and_not_within_one(red: Caller) -> None:
    await red.create("vpcs", "blue", {"policyRoutes": [DROP]})
    await red.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24"})
    await red.create("subnets", "blue--a", {"vpc": "blue", "cidrBlock": "10.0.0.0/24"})
    await red.create("subnets", "red--b", {"vpc": "red", "cidrBlock": "10.0.0.128/25"})
    assert (await _conditions(red, "blue--a"))["Ready"] == "True"
    assert await _conditions(red, "red--b") == {"Error": "True", "Validated": "False", "Ready": "False"}
    # The first one is as ready as before, and gone it makes room.
    assert (await _conditions(red, "red--a"))["Ready"] == "True"
    await red.delete("subnets", "red--a")
    assert (await _conditions(red, "red--b"))["Ready"] == "True"


async def test_nothing_checks_the_join_network_or_the_external_one(red: Caller) -> None:
    for name, cidr in (("red--a", "100.64.0.0/16"), ("red--b", "203.0.113.0/24")):
        await red.create("subnets", name, {"vpc": "red", "cidrBlock": cidr})
        assert (await _conditions(red, name))["Ready"] == "True"


async def test_a_vpc_name_that_begins_with_a_digit_breaks_its_overlay_subnets(caller: Caller) -> None:
    await caller.create("vpcs", "1red", {"policyRoutes": [DROP]})
    await caller.create("subnets", "a", {"vpc": "1red", "cidrBlock": "10.0.0.0/24"})
    assert (await caller.status("vpcs", "1red"))["standby"] is True
    assert await _conditions(caller, "a") == {"Validated": "True"}


async def test_router_ports_of_different_pairs_can_share_a_name(caller: Caller) -> None:
    for vpc, subnet in (("a-b", "c"), ("a", "b-c")):
        await caller.create("vpcs", vpc, {"policyRoutes": [DROP]})
        await caller.create("subnets", subnet, {"vpc": vpc, "cidrBlock": "10.0.0.0/24"})
    names = [name for vpc in ("a-b", "a") for name in caller.kube.northbound.routers[vpc].ports]
    assert names == ["a-b-c", "a-b-c"]


async def test_addresses_are_counted_as_numbers(red: Caller) -> None:
    await red.create(
        "subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24,fd00:10::/64", "namespaces": ["red"]}
    )
    await red.create("pods", "p", {"containers": []}, namespace="red")
    status = await red.status("subnets", "red--a")
    assert (status["v4usingIPs"], status["v4availableIPs"]) == (1, 252)
    assert (status["v6usingIPs"], status["v6availableIPs"]) == (1, 2**64 - 4)


async def test_a_subnet_in_use_stays_until_its_last_address_is_free(red: Caller) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24", "namespaces": ["red"]})
    await red.create("pods", "p", {"containers": []}, namespace="red")
    await red.delete("subnets", "red--a")
    assert (await red.get("subnets", "red--a"))["metadata"]["deletionTimestamp"]
    assert "red--a" in red.kube.northbound.switches
    await red.delete("pods", "p", "red")
    assert not await red.exists("subnets", "red--a")
    assert "red--a" not in red.kube.northbound.switches


async def test_a_private_subnet_is_ready_for_another_reason(red: Caller) -> None:
    await red.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24", "private": True})
    reasons = {each["type"]: each["reason"] for each in (await red.status("subnets", "red--a"))["conditions"]}
    assert reasons["Ready"] == "SetPrivateLogicalSwitchSuccess"


async def test_a_vlan_subnet_waits_until_the_provider_network_lists_its_vlan(red: Caller) -> None:
    red.kube.faults.add(effect="never-ready", plural="vlans", name="v")
    await red.create("vlans", "v", {"id": 200, "provider": "external"})
    spec = {"vpc": "red", "vlan": "v", "cidrBlock": "10.0.0.0/24", "logicalGateway": True}
    await red.create("subnets", "red--a", spec)
    assert await _conditions(red, "red--a") == {}
    red.kube.faults.clear()
    await red.kube.settled()
    assert (await _conditions(red, "red--a"))["Ready"] == "True"
    assert red.kube.northbound.switches["red--a"].localnet == "external:200"
    assert (await red.status("vlans", "v"))["subnets"] == ["red--a"]
    assert (await red.status("provider-networks", "external"))["vlans"] == ["external", "v"]
    await red.delete("subnets", "red--a")
    await red.delete("vlans", "v")
    assert (await red.status("provider-networks", "external"))["vlans"] == ["external"]


@pytest.mark.parametrize(("logical_gateway", "attached"), [(True, True), (False, False)])
async def test_a_vlan_subnet_joins_the_router_only_with_a_logical_gateway(
    red: Caller, logical_gateway: bool, attached: bool
) -> None:
    await red.create("vlans", "v", {"id": 200, "provider": "external"})
    spec = {"vpc": "red", "vlan": "v", "cidrBlock": "10.0.0.0/24", "logicalGateway": logical_gateway}
    await red.create("subnets", "red--a", spec)
    assert ("red-red--a" in red.kube.northbound.routers["red"].ports) is attached


async def test_a_vlan_with_the_id_of_another_is_a_conflict_and_its_subnet_an_error(red: Caller) -> None:
    await red.create("vlans", "v", {"id": 100, "provider": "external"})
    assert (await red.status("vlans", "v"))["conflict"] is True
    await red.create("subnets", "red--a", {"vpc": "red", "vlan": "v", "cidrBlock": "10.0.0.0/24"})
    assert await _conditions(red, "red--a") == {"Error": "True", "Validated": "True", "Ready": "False"}
    assert (await red.status("vlans", "external")).get("conflict") is not True
