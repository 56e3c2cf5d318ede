"""Deleting what is ours, and only that, until it is really gone; and naming what holds it up."""

import re

import pytest
from aiohttp import web

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import READINESS, KubeOvn
from lab.kube import KubeSimulator
from tenancy.kinds import CONFIG_MAP, NAMESPACE, OVN_EIP, SUBNET, VPC, Kind, Object
from tests.clients.manifests import config_map, eip, metadata, subnet, vpc
from tests.clients.stand_in import absent, client_of, stand_in
from tests.clients.stand_in import vpc as served_vpc


async def made_ready(kube: KubeOvn, *manifests: Object) -> None:
    for manifest in manifests:
        created = await kube.create(manifest)
        how = READINESS[created["kind"]]
        kind = {"Vpc": VPC, "Subnet": SUBNET, "OvnEip": OVN_EIP}[created["kind"]]
        await kube.wait_until(kind, created["metadata"]["name"], ready=how.ready, likely=how.likely, deadline=30)


async def removed(kube: KubeOvn, kind: Kind = VPC, name: str = "acme", deadline: float = 30) -> bool:
    return await kube.remove(kind, name, tenant="acme", run="run-1", deadline=deadline)


async def test_what_this_run_made_is_gone_when_remove_returns(kube: KubeOvn) -> None:
    await made_ready(kube, vpc())
    assert await removed(kube) is True
    assert await kube.get(VPC, "acme") is None
    assert await removed(kube) is False


async def test_an_object_in_a_namespace_is_removed(kube: KubeOvn) -> None:
    await kube.create(config_map())
    assert await kube.remove(CONFIG_MAP, "berth-network", tenant="acme", run=None, deadline=30, namespace="default")
    assert await kube.get(CONFIG_MAP, "berth-network", "default") is None


async def test_what_another_run_made_stays(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.create(vpc(run="run-0"))
    assert await removed(kube) is False
    found = await kube.get(VPC, "acme")
    assert found is not None
    assert "deletionTimestamp" not in found["metadata"]
    assert "delete" not in [call.verb for call in platform.calls]
    assert await kube.remove(VPC, "acme", tenant="acme", run=None, deadline=30) is True


@pytest.mark.parametrize("owner", ["umbrella", None])
async def test_what_is_not_the_tenants_is_refused(kube: KubeOvn, platform: KubeSimulator, owner: str | None) -> None:
    await kube.create(vpc(tenant=owner))
    with pytest.raises(RefusedError, match=r"Vpc acme: bears .*, expected 'acme'") as caught:
        await removed(kube)
    assert caught.value.reason == "foreign-object"
    assert "delete" not in [call.verb for call in platform.calls]


async def test_a_lost_answer_to_a_deletion_converges(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc())
    platform.faults.add(effect="lose-answer", verb="delete", plural="vpcs", times=1)
    assert await removed(kube) is True
    assert [call.verb for call in platform.calls].count("delete") == 1


async def test_a_deletion_that_never_arrived_is_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc())
    platform.faults.add(effect="drop", verb="delete", plural="vpcs", times=1)
    with pytest.raises(UnavailableError, match="cannot delete Vpc acme"):
        await removed(kube)
    assert await removed(kube) is True


async def test_a_deletion_asked_for_by_an_earlier_try_is_only_waited_for(
    kube: KubeOvn, platform: KubeSimulator
) -> None:
    await made_ready(kube, vpc())
    stuck = platform.faults.add(effect="stuck-finalizer", plural="vpcs")
    for _ in range(2):
        with pytest.raises(UnavailableError, match="still there"):
            await removed(kube, deadline=0.1)
    assert [call.verb for call in platform.calls].count("delete") == 1
    platform.faults.remove(stuck)
    await removed(kube)
    assert await kube.get(VPC, "acme") is None


async def test_a_finalizer_that_stays_is_named(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc())
    platform.faults.add(effect="stuck-finalizer", plural="vpcs")
    with pytest.raises(UnavailableError) as caught:
        await removed(kube, deadline=0.1)
    assert str(caught.value) == (
        "Vpc acme: still there after 0.1 s: its deletion is asked for, finalizers: kubeovn.io/kube-ovn-controller"
    )


async def test_the_addresses_that_hold_a_subnet_are_named(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc(), subnet())
    for number in range(7):
        platform.api.create("ips", ip(f"pod-{number}.tenant-acme", "acme--a", f"10.0.0.{number + 10}"))
    await platform.settled()
    with pytest.raises(UnavailableError) as caught:
        await removed(kube, SUBNET, "acme--a", deadline=0.1)
    assert "v4usingIPs 7" in str(caught.value)
    assert (
        "IP pod-0.tenant-acme, pod-1.tenant-acme, pod-2.tenant-acme, pod-3.tenant-acme, pod-4.tenant-acme and 2 more"
        in str(caught.value)
    )


def ip(name: str, subnet_name: str, address: str) -> Object:
    return {
        "apiVersion": "kubeovn.io/v1",
        "kind": "IP",
        "metadata": metadata(name),
        "spec": {"subnet": subnet_name, "v4IpAddress": address, "podName": name, "namespace": "tenant-acme"},
    }


async def test_the_external_ips_that_hold_a_subnet_are_named(kube: KubeOvn) -> None:
    await made_ready(kube, vpc(), subnet(), eip("acme--inside", externalSubnet="acme--a"))
    with pytest.raises(UnavailableError, match="OvnEip acme--inside"):
        await removed(kube, SUBNET, "acme--a", deadline=0.1)


async def test_the_subnets_that_hold_a_vpc_are_named(kube: KubeOvn) -> None:
    await made_ready(kube, vpc(), subnet())
    with pytest.raises(UnavailableError, match="Subnet acme--a"):
        await removed(kube, deadline=0.1)


async def test_the_rules_that_hold_an_external_ip_are_named(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc(), subnet(), eip())
    await kube.create(
        {
            "apiVersion": "kubeovn.io/v1",
            "kind": "OvnSnatRule",
            "metadata": metadata("acme--a"),
            "spec": {"ovnEip": "acme--web", "vpcSubnet": "acme--a"},
        }
    )
    await platform.settled()
    with pytest.raises(UnavailableError, match="OvnSnatRule acme--a"):
        await removed(kube, OVN_EIP, "acme--web", deadline=0.1)


async def test_what_holds_a_namespace_is_told_in_its_own_words() -> None:
    gone = {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 2 resource instances"}
    fine = {"type": "NamespaceDeletionDiscoveryFailure", "status": "False", "message": "all discovered"}
    found = {
        "metadata": {
            **metadata("tenant-acme"),
            "uid": "u",
            "resourceVersion": "3",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"conditions": [gone, fine]},
    }

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/tenant-acme"):
            return web.json_response(found)
        if "watch" in request.query:
            return web.StreamResponse()
        return web.json_response({"metadata": {"resourceVersion": "3"}, "items": [found]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(UnavailableError) as caught:
            await removed(kube, NAMESPACE, "tenant-acme", deadline=0.1)
    assert str(caught.value).endswith("finalizers: kubernetes; pods. has 2 resource instances")


async def test_holders_that_cannot_be_read_do_not_hide_the_finalizer(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc(), subnet())
    platform.faults.add(effect="error", verb="list", plural="subnets", status=500, message="etcd is away")
    with pytest.raises(UnavailableError, match=r"kube-ovn-controller; what uses it could not be read .*etcd is away"):
        await removed(kube, deadline=0.1)


async def test_a_successor_of_the_same_name_is_not_deleted_in_its_place() -> None:
    """Somebody else's object takes the name between our look and our deletion."""
    first, second = served_vpc(uid="first"), served_vpc(uid="second")
    for found, owner in ((first, "acme"), (second, "umbrella")):
        found["metadata"] |= {"labels": {"berth.network/tenant": owner}, "annotations": {"berth.network/run": "run-1"}}
    asked: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response(second if asked else first)
        asked.append((await request.json())["preconditions"]["uid"])
        status = {"kind": "Status", "reason": "Conflict", "message": "the UID in the precondition does not match"}
        return web.json_response(status, status=409)

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(RefusedError, match="umbrella"):
            await removed(kube)
    assert asked == ["first"]


async def test_a_name_taken_again_at_once_does_not_keep_the_old_object_alive() -> None:
    first, second = served_vpc(uid="first", labels={"berth.network/tenant": "acme"}), served_vpc(uid="second")
    deleted = False

    async def respond(request: web.Request) -> web.Response:
        nonlocal deleted
        if request.method == "DELETE":
            deleted = True
            return web.json_response({"kind": "Status", "status": "Success"})
        if request.path.endswith("/acme"):
            return web.json_response(first)
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": [second]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        assert await kube.remove(VPC, "acme", tenant="acme", run=None, deadline=30) is True
    assert deleted


async def test_gone_between_look_and_deletion_is_gone() -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.method == "DELETE":
            return absent("vpcs", "acme")
        if request.path.endswith("/acme"):
            return web.json_response(served_vpc(labels={"berth.network/tenant": "acme"}))
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": []})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        assert await kube.remove(VPC, "acme", tenant="acme", run=None, deadline=30) is True


async def test_what_kube_ovn_removes_itself_can_be_waited_for(kube: KubeOvn, platform: KubeSimulator) -> None:
    await made_ready(kube, vpc(enableExternal=True))
    await platform.settled()
    assert await kube.get(OVN_EIP, "acme-external") is not None
    with pytest.raises(UnavailableError, match=re.escape("nobody asked for its deletion")):
        await kube.wait_gone(OVN_EIP, "acme-external", deadline=0.1)
    await removed(kube)
    await kube.wait_gone(OVN_EIP, "acme-external", deadline=30)
    assert await kube.get(OVN_EIP, "acme-external") is None
