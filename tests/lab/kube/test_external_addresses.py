"""External addresses and NAT: silence on exhaustion, fixed addresses without a finalizer, rows left behind."""

import pytest

from lab.kube import Platform
from lab.kube.controller.cluster import FINALIZER
from tests.lab.kube.caller import Caller

SMALL = Platform(pool_size=2)
DUAL = Platform(("203.0.113.0/24", "2001:db8:113::/64"))


async def _eip(caller: Caller, name: str, **spec: str) -> dict[str, object]:
    await caller.create("ovn-eips", name, {"externalSubnet": "external", **spec})
    return await caller.status("ovn-eips", name)


async def _free(caller: Caller) -> int:
    return int((await caller.status("subnets", "external"))["v4availableIPs"])


async def test_an_address_is_written_into_spec_and_status(caller: Caller) -> None:
    status = await _eip(caller, "e")
    eip = await caller.get("ovn-eips", "e")
    assert eip["spec"] == {
        "externalSubnet": "external",
        "v4Ip": status["v4Ip"],
        "v6Ip": "",
        "macAddress": status["macAddress"],
        "type": "nat",
    }
    assert (status["ready"], status["nat"]) == (True, "")
    assert eip["metadata"]["finalizers"] == [FINALIZER]
    assert eip["metadata"]["labels"]["ovn.kubernetes.io/subnet"] == "external"


async def test_a_fixed_address_gets_no_finalizer_and_is_free_for_others_at_once(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e", v4Ip="203.0.113.50")
    assert "finalizers" not in (await caller.get("ovn-eips", "e"))["metadata"]
    await caller.create("ovn-snat-rules", "s", {"ovnEip": "e", "vpcSubnet": "red--a"})
    await caller.delete("ovn-eips", "e")
    assert not await caller.exists("ovn-eips", "e")
    assert (await _eip(caller, "other", v4Ip="203.0.113.50"))["ready"] is True
    assert caller.kube.northbound.routers["red"].nats[0].external_ip == "203.0.113.50"


async def test_a_fixed_address_keeps_the_finalizer_it_was_created_with(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    spec = {"externalSubnet": "external", "v4Ip": "203.0.113.50"}
    await caller.create("ovn-eips", "e", spec, metadata={"finalizers": [FINALIZER]})
    await caller.create("ovn-snat-rules", "s", {"ovnEip": "e", "vpcSubnet": "red--a"})
    await caller.delete("ovn-eips", "e")
    assert await caller.exists("ovn-eips", "e")
    await caller.delete("ovn-snat-rules", "s")
    assert not await caller.exists("ovn-eips", "e")


@pytest.mark.parametrize("kube", [DUAL], indirect=True)
async def test_a_fixed_address_of_a_dual_stack_pool_brings_the_other_family_and_a_finalizer(caller: Caller) -> None:
    status = await _eip(caller, "e", v4Ip="203.0.113.50")
    assert status["v4Ip"] == "203.0.113.50"
    assert str(status["v6Ip"]).startswith("2001:db8:113::")
    assert (await caller.get("ovn-eips", "e"))["metadata"]["finalizers"] == [FINALIZER]


@pytest.mark.parametrize("kube", [SMALL], indirect=True)
async def test_exhaustion_sets_no_status_and_ends_when_an_address_is_free(caller: Caller) -> None:
    assert await _free(caller) == 2
    assert [(await _eip(caller, name)).get("ready") for name in ("a", "b", "c")] == [True, True, None]
    assert await caller.status("ovn-eips", "c") == {}
    assert await _free(caller) == 0
    await caller.delete("ovn-eips", "a")
    assert (await caller.status("ovn-eips", "c"))["ready"] is True
    assert await _free(caller) == 0


@pytest.mark.parametrize("kube", [SMALL], indirect=True)
async def test_a_vpc_without_a_free_address_is_standby_and_not_connected(caller: Caller) -> None:
    await _eip(caller, "a")
    await _eip(caller, "b")
    await caller.create("vpcs", "red", {"enableExternal": True})
    status = await caller.status("vpcs", "red")
    assert (status["standby"], status["enableExternal"]) == (True, False)
    assert not await caller.exists("ovn-eips", "red-external")
    await caller.delete("ovn-eips", "a")
    assert (await caller.status("vpcs", "red"))["enableExternal"] is True


@pytest.mark.parametrize("address", ["203.0.113.1", "203.0.113.2", "203.0.113.255", "198.51.100.7", "nonsense"])
async def test_an_address_that_cannot_be_had_sets_no_status(caller: Caller, address: str) -> None:
    assert await _eip(caller, "e", v4Ip=address) == {}


async def test_two_fixed_addresses_alike_leave_the_second_one_waiting(caller: Caller) -> None:
    await _eip(caller, "a", v4Ip="203.0.113.50")
    assert await _eip(caller, "b", v4Ip="203.0.113.50") == {}
    await caller.delete("ovn-eips", "a")
    assert (await caller.status("ovn-eips", "b"))["ready"] is True


async def test_released_addresses_are_given_out_again_only_after_all_others(caller: Caller) -> None:
    first = await _eip(caller, "a")
    await caller.delete("ovn-eips", "a")
    assert (await _eip(caller, "b"))["v4Ip"] != first["v4Ip"]


async def test_an_address_in_use_stays_until_its_rules_are_gone(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e")
    await caller.create("ovn-snat-rules", "s", {"ovnEip": "e", "vpcSubnet": "red--a"})
    await caller.create("ovn-fips", "f", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9"})
    assert (await caller.status("ovn-eips", "e"))["nat"] == "fip,snat"
    await caller.delete("ovn-eips", "e")
    await caller.delete("ovn-fips", "f")
    assert await caller.exists("ovn-eips", "e")
    await caller.delete("ovn-snat-rules", "s")
    assert not await caller.exists("ovn-eips", "e")
    assert caller.kube.northbound.routers["red"].nats == []


@pytest.mark.parametrize(
    ("plural", "spec"),
    [
        ("ovn-fips", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9"}),
        ("ovn-snat-rules", {"ovnEip": "e", "vpcSubnet": "red--a"}),
    ],
)
async def test_a_rule_deleted_before_it_was_ready_leaves_its_row_behind(
    caller: Caller, plural: str, spec: dict[str, str]
) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e")
    caller.kube.faults.add(effect="never-ready", plural=plural)
    await caller.create(plural, "rule", spec)
    assert not (await caller.status(plural, "rule")).get("ready")
    assert len(caller.kube.northbound.routers["red"].nats) == 1
    await caller.delete(plural, "rule")
    assert not await caller.exists(plural, "rule")
    assert len(caller.kube.northbound.routers["red"].nats) == 1

    caller.kube.faults.clear()
    await caller.create(plural, "rule", spec)
    await caller.delete(plural, "rule")
    assert caller.kube.northbound.routers["red"].nats == []


async def test_rules_wait_for_their_address_and_their_vpc(caller: Caller) -> None:
    await caller.create("ovn-fips", "f", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9"})
    assert await caller.status("ovn-fips", "f") == {}
    await _eip(caller, "e")
    assert await caller.status("ovn-fips", "f") == {}
    await caller.tenant("red", enableExternal=True)
    assert (await caller.status("ovn-fips", "f"))["ready"] is True


async def test_one_address_serves_one_floating_ip(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e")
    await caller.create("ovn-fips", "f", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9"})
    await caller.create("ovn-fips", "g", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.10"})
    assert await caller.status("ovn-fips", "g") == {}
    assert [nat.logical_ip for nat in caller.kube.northbound.routers["red"].nats] == ["10.0.0.9"]


async def test_a_floating_ip_of_a_pod_is_distributed_to_its_port(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await caller.create("pods", "p", {"containers": []}, namespace="red")
    await _eip(caller, "e")
    await caller.create("ovn-fips", "f", {"ovnEip": "e", "ipName": "p.red"})
    row = caller.kube.northbound.routers["red"].nats[0]
    ip = await caller.get("ips", "p.red")
    assert (row.type, row.logical_ip, row.logical_port) == ("dnat_and_snat", ip["spec"]["v4IpAddress"], "p.red")
    assert row.external_mac == ip["spec"]["macAddress"]
    assert row.stateless is True


@pytest.mark.parametrize("kube", [DUAL], indirect=True)
async def test_the_ipv6_row_of_a_floating_ip_is_never_removed(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e")
    await caller.create("ovn-fips", "f", {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9", "v6Ip": "fd00::9"})
    assert len(caller.kube.northbound.routers["red"].nats) == 2
    await caller.delete("ovn-fips", "f")
    assert [nat.logical_ip for nat in caller.kube.northbound.routers["red"].nats] == ["fd00::9"]


async def test_ports_of_a_dnat_rule_are_strings_and_belong_to_one_rule(caller: Caller) -> None:
    await caller.tenant("red", enableExternal=True)
    await _eip(caller, "e")
    spec = {"ovnEip": "e", "vpc": "red", "v4Ip": "10.0.0.9", "protocol": "tcp", "internalPort": "80"}
    await caller.create("ovn-dnat-rules", "d", {**spec, "externalPort": "8080"})
    assert (await caller.status("ovn-dnat-rules", "d"))["ready"] is True
    await caller.create("ovn-dnat-rules", "twin", {**spec, "externalPort": "8080"})
    assert await caller.status("ovn-dnat-rules", "twin") == {}
    body = {"metadata": {"name": "n"}, "spec": {**spec, "externalPort": 8080}}
    assert (await caller.call("POST", "/apis/kubeovn.io/v1/ovn-dnat-rules", body)).status == 422


@pytest.mark.parametrize("kube", [SMALL], indirect=True)
async def test_an_excluded_address_may_be_asked_for_and_is_never_given_out(caller: Caller) -> None:
    assert (await _eip(caller, "fixed", v4Ip="203.0.113.200"))["v4Ip"] == "203.0.113.200"
    await caller.delete("ovn-eips", "fixed")
    assert [(await _eip(caller, name)).get("v4Ip") for name in "abc"] == ["203.0.113.3", "203.0.113.4", None]
