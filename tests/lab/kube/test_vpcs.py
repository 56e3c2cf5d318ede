"""Vpcs: what is programmed before standby, what never becomes ready, and the log of moments without a block."""

import asyncio
from typing import Any

import pytest

from lab.kube.controller.cluster import FINALIZER
from lab.kube.northbound import Exposure
from tests.lab.kube.caller import DROP, Caller, path_of


async def test_a_tenant_comes_up_and_leaves_nothing_behind(caller: Caller) -> None:
    before, northbound_before = caller.kube.dump(), caller.kube.northbound.dump()
    await caller.tenant("red", enableExternal=True)
    await caller.create("ovn-eips", "red-out", {"externalSubnet": "external"})
    await caller.create("ovn-snat-rules", "red-out", {"ovnEip": "red-out", "vpcSubnet": "red--a"})
    assert (await caller.status("vpcs", "red"))["standby"] is True
    assert (await caller.status("ovn-snat-rules", "red-out"))["ready"] is True
    assert caller.kube.northbound.routers["red"].nats[0].logical_ip == "10.0.0.0/24"
    assert caller.kube.northbound.exposures == []

    for plural, name in (
        ("ovn-snat-rules", "red-out"),
        ("ovn-eips", "red-out"),
        ("subnets", "red--a"),
        ("vpcs", "red"),
        ("namespaces", "red"),
    ):
        await caller.delete(plural, name)
        assert not await caller.exists(plural, name)
    assert caller.kube.dump() == before
    assert caller.kube.northbound.dump() == northbound_before


async def test_standby_implies_the_policies_are_programmed(caller: Caller) -> None:
    programmed = []

    def look(change: Any) -> None:
        if change.now.key[0] == "vpcs" and (change.now.manifest.get("status") or {}).get("standby"):
            programmed.append(caller.kube.northbound.routers["red"].blocks())

    caller.kube.api.store.listeners.append(look)
    await caller.create("vpcs", "red", {"policyRoutes": [DROP]})
    assert programmed
    assert all(programmed)


async def test_the_controller_writes_its_finalizer_and_defaults_into_the_spec(caller: Caller) -> None:
    routes = [{"cidr": "0.0.0.0/0", "nextHopIP": "203.0.113.1"}]
    await caller.create("vpcs", "red", {"staticRoutes": routes, "policyRoutes": [{**DROP, "nextHopIP": "1.2.3.4"}]})
    vpc = await caller.get("vpcs", "red")
    assert vpc["metadata"]["finalizers"] == [FINALIZER]
    written = {"policy": "policyDst", "ecmpMode": "", "bfdId": "", "routeTable": ""}
    assert vpc["spec"]["staticRoutes"] == [{**routes[0], **written}]
    assert vpc["spec"]["policyRoutes"] == [DROP]
    assert vpc["status"]["router"] == "red"


@pytest.mark.parametrize("policy", [{**DROP, "priority": 32768}, {**DROP, "priority": -1}, {**DROP, "action": "deny"}])
async def test_a_policy_outside_ovns_schema_is_accepted_and_blocks_the_vpc_and_its_subnets(
    caller: Caller, policy: dict[str, Any]
) -> None:
    await caller.create("vpcs", "red", {"policyRoutes": [policy]})
    await caller.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24"})
    assert not (await caller.status("vpcs", "red")).get("standby")
    assert "Ready" not in [each["type"] for each in (await caller.status("subnets", "red--a"))["conditions"]]
    assert "red" in caller.kube.northbound.routers

    await caller.merge("vpcs", "red", {"spec": {"policyRoutes": [DROP]}})
    assert (await caller.status("vpcs", "red"))["standby"] is True
    conditions = {each["type"]: each["status"] for each in (await caller.status("subnets", "red--a"))["conditions"]}
    assert conditions == {"Validated": "True", "Ready": "True"}


async def test_a_bad_match_is_accepted_and_does_nothing(caller: Caller) -> None:
    await caller.tenant("red", policyRoutes=[{**DROP, "match": "ip4.dst = 203.0.113.0/24"}])
    assert (await caller.status("vpcs", "red"))["standby"] is True
    row = next(policy for policy in caller.kube.northbound.routers["red"].policies if policy.priority == 32000)
    assert row.effective is False
    assert caller.kube.northbound.exposures


async def test_policies_follow_the_spec(caller: Caller) -> None:
    await caller.create("vpcs", "red", {"policyRoutes": [DROP]})
    allow = {"priority": 32100, "match": "ip4.dst == 203.0.113.7/32", "action": "allow"}
    await caller.merge("vpcs", "red", {"spec": {"policyRoutes": [allow, DROP]}})
    rows = [(row.priority, row.action) for row in caller.kube.northbound.routers["red"].policies]
    assert sorted(rows) == [(32000, "drop"), (32100, "allow")]
    await caller.merge("vpcs", "red", {"spec": {"policyRoutes": None}})
    assert caller.kube.northbound.routers["red"].policies == []


async def test_a_vpc_without_block_is_seen_from_the_moment_a_subnet_is_attached(caller: Caller) -> None:
    await caller.create("vpcs", "red", {})
    assert caller.kube.northbound.exposures == []
    await caller.create("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24"})
    assert caller.kube.northbound.exposures[0] == Exposure("red", ("red--a",), "add port red-red--a")
    seen = len(caller.kube.northbound.exposures)
    await caller.merge("vpcs", "red", {"spec": {"policyRoutes": [DROP]}})
    await caller.create("subnets", "red--b", {"vpc": "red", "cidrBlock": "10.0.1.0/24"})
    assert len(caller.kube.northbound.exposures) == seen


async def test_replacing_the_only_drop_policy_leaves_a_moment_without_it(caller: Caller) -> None:
    await caller.tenant()
    assert caller.kube.northbound.exposures == []
    await caller.merge("vpcs", "red", {"spec": {"policyRoutes": [{**DROP, "match": "ip4.dst == 198.51.100.0/24"}]}})
    assert [exposure.after for exposure in caller.kube.northbound.exposures] == ["delete policy 32000"]


async def test_each_subnet_brings_an_allow_policy_below_the_block_and_a_route(caller: Caller) -> None:
    await caller.tenant()
    router = caller.kube.northbound.routers["red"]
    owned = [(row.priority, row.match, row.action) for row in router.policies if row.owner == "red--a"]
    assert owned == [(31000, "ip4.dst == 10.0.0.0/24", "allow")]
    assert [(route.policy, route.prefix, route.nexthop) for route in router.routes] == [
        ("src-ip", "10.0.0.0/24", "10.0.0.1")
    ]
    await caller.delete("subnets", "red--a")
    assert [row.priority for row in router.policies] == [32000]
    assert router.routes == []
    assert router.ports == {}


async def test_a_vpc_waits_for_its_subnets_but_not_for_those_being_deleted(caller: Caller) -> None:
    await caller.tenant()
    await caller.delete("vpcs", "red")
    assert await caller.exists("vpcs", "red")
    caller.kube.faults.add(effect="stuck-finalizer", plural="subnets", name="red--a")
    await caller.delete("subnets", "red--a")
    assert await caller.exists("subnets", "red--a")
    # A Vpc can lose its router while a subnet of it is still stuck in deletion.
    assert not await caller.exists("vpcs", "red")
    assert "red" not in caller.kube.northbound.routers
    caller.kube.faults.clear()
    await caller.kube.settled()
    assert not await caller.exists("subnets", "red--a")


async def test_the_router_outlives_the_vpcs_404_by_a_moment(caller: Caller) -> None:
    await caller.create("vpcs", "red", {"policyRoutes": [DROP]})
    still_there = []

    def look(change: Any) -> None:
        if change.type == "DELETED" and change.now.key == ("vpcs", "", "red"):
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: still_there.append("red" in caller.kube.northbound.routers))

    caller.kube.api.store.listeners.append(look)
    await caller.delete("vpcs", "red")
    assert still_there == [True]
    assert "red" not in caller.kube.northbound.routers


@pytest.mark.parametrize(
    "route",
    [
        {"cidr": "10.0.0.0/33", "nextHopIP": "10.0.0.1"},
        {"cidr": "0.0.0.0/0", "nextHopIP": "gateway"},
        {"cidr": "0.0.0.0/0", "nextHopIP": "10.0.0.1", "policy": "policyAny"},
    ],
)
async def test_a_bad_static_route_keeps_the_vpc_from_standby_without_a_word(caller: Caller, route: Any) -> None:
    await caller.create("vpcs", "red", {"staticRoutes": [route]})
    vpc = await caller.get("vpcs", "red")
    assert "status" not in vpc
    assert "finalizers" not in vpc["metadata"]


async def test_external_access_takes_an_address_and_gives_it_back(caller: Caller) -> None:
    free = (await caller.status("subnets", "external"))["v4availableIPs"]
    await caller.tenant("red", enableExternal=True)
    eip = await caller.get("ovn-eips", "red-external")
    assert (eip["spec"]["type"], eip["status"]["ready"]) == ("lrp", True)
    port = caller.kube.northbound.routers["red"].ports["red-external"]
    assert port.networks == (f"{eip['status']['v4Ip']}/24",)
    assert len(port.chassis) == 3
    assert (await caller.status("subnets", "external"))["v4availableIPs"] == free - 1
    assert (await caller.status("vpcs", "red"))["enableExternal"] is True

    await caller.merge("vpcs", "red", {"spec": {"enableExternal": False}})
    assert not await caller.exists("ovn-eips", "red-external")
    assert "red-external" not in caller.kube.northbound.routers["red"].ports
    assert (await caller.status("subnets", "external"))["v4availableIPs"] == free
    assert (await caller.status("vpcs", "red"))["enableExternal"] is False


async def test_extra_external_subnets_replace_the_default_one(caller: Caller) -> None:
    await caller.create("vlans", "dmz", {"id": 200, "provider": "external"})
    await caller.create("subnets", "dmz", {"vlan": "dmz", "cidrBlock": "198.51.100.0/24"})
    await caller.create("vpcs", "red", {"enableExternal": True, "extraExternalSubnets": ["dmz"]})
    assert await caller.exists("ovn-eips", "red-dmz")
    assert not await caller.exists("ovn-eips", "red-external")
    assert (await caller.status("vpcs", "red"))["extraExternalSubnets"] == ["dmz"]
    await caller.delete("vpcs", "red")
    assert not await caller.exists("ovn-eips", "red-dmz")


async def test_external_access_without_gateway_nodes_waits_without_a_word(caller: Caller) -> None:
    for node in ("node-1", "node-2", "node-3"):
        await caller.merge("nodes", node, {"metadata": {"labels": {"ovn.kubernetes.io/external-gw": "false"}}})
    await caller.create("vpcs", "red", {"enableExternal": True})
    status = await caller.status("vpcs", "red")
    assert (status["standby"], status["enableExternal"]) == (True, False)
    await caller.merge("nodes", "node-2", {"metadata": {"labels": {"ovn.kubernetes.io/external-gw": "true"}}})
    assert (await caller.status("vpcs", "red"))["enableExternal"] is True


async def test_a_stale_status_write_does_not_bring_a_vpc_back(caller: Caller) -> None:
    await caller.create("vpcs", "red", {"policyRoutes": [DROP]})
    read = await caller.get("vpcs", "red")
    await caller.delete("vpcs", "red")
    answer = await caller.call("PUT", path_of("vpcs", "red", subresource="status"), read)
    assert answer.status == 404
