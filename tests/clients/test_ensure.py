"""Making an object mean what a manifest says, whoever died, answered too late or wrote in between."""

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn import ConflictError, KubeOvn
from lab.kube import KubeSimulator
from tenancy.kinds import CONFIG_MAP, SUBNET, VPC, Object
from tenancy.meaning import Merge, merge
from tests.clients.manifests import config_map, subnet, vpc
from tests.clients.stand_in import absent, client_of, stand_in

ROUTE = {"policy": "policyDst", "cidr": "0.0.0.0/0", "nextHopIP": "203.0.113.1"}


def calls(platform: KubeSimulator, *verbs: str) -> list[str]:
    """The verbs of the client's calls; the simulated controllers use no HTTP."""
    return [call.verb for call in platform.calls if call.verb in verbs]


async def test_what_is_not_there_is_created(kube: KubeOvn, platform: KubeSimulator) -> None:
    ensured = await kube.ensure(vpc(), tenant="acme", merge=merge)
    assert ensured.outcome == "created"
    assert ensured.object["metadata"]["uid"]
    assert calls(platform, "get", "create", "update") == ["get", "create"]


async def test_the_same_run_finds_its_own_as_created_by_it(kube: KubeOvn) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    again = await kube.ensure(vpc(), tenant="acme", merge=merge)
    assert again.outcome == "created"
    changed = await kube.ensure(vpc(enableExternal=True), tenant="acme", merge=merge)
    assert changed.outcome == "created"
    assert changed.object["spec"]["enableExternal"] is True


async def test_what_an_earlier_run_made_is_adopted_and_keeps_that_runs_mark(kube: KubeOvn) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    adopted = await kube.ensure(vpc(run="run-2"), tenant="acme", merge=merge)
    assert adopted.outcome == "adopted"
    updated = await kube.ensure(vpc(run="run-2", staticRoutes=[ROUTE]), tenant="acme", merge=merge)
    assert updated.outcome == "updated"
    assert updated.object["metadata"]["annotations"]["berth.network/run"] == "run-1"
    stored = await kube.get(VPC, "acme")
    assert stored is not None
    assert stored["spec"]["staticRoutes"][0]["nextHopIP"] == "203.0.113.1"


async def test_without_a_run_nothing_is_claimed(kube: KubeOvn) -> None:
    manifest = config_map(network="a")
    manifest["metadata"]["annotations"] = {}
    assert (await kube.ensure(manifest, tenant="acme", merge=merge)).outcome == "created"
    assert (await kube.ensure(manifest, tenant="acme", merge=merge)).outcome == "unchanged"
    manifest["data"] = {"network": "b"}
    assert (await kube.ensure(manifest, tenant="acme", merge=merge)).outcome == "updated"
    found = await kube.get(CONFIG_MAP, "berth-network", "default")
    assert found is not None
    assert found["data"] == {"network": "b"}


@pytest.mark.parametrize(
    ("owner", "named"),
    [("umbrella", "bears label berth.network/tenant='umbrella'"), (None, "bears no label berth.network/tenant")],
)
async def test_a_foreign_object_is_refused_and_left_alone(
    kube: KubeOvn, platform: KubeSimulator, owner: str | None, named: str
) -> None:
    await kube.create(vpc(tenant=owner))
    await platform.settled()
    before = await kube.get(VPC, "acme")
    with pytest.raises(RefusedError, match=f"Vpc acme: .*{named}.*choose another name") as caught:
        await kube.ensure(vpc(enableExternal=True), tenant="acme", merge=merge)
    assert caught.value.reason == "foreign-object"
    assert await kube.get(VPC, "acme") == before


async def test_what_cannot_be_changed_is_refused_by_name(kube: KubeOvn) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    await kube.ensure(subnet(), tenant="acme", merge=merge)
    with pytest.raises(RefusedError, match=r"Subnet acme--a: .*cidrBlock.*10\.0\.0\.0/24") as caught:
        await kube.ensure(subnet(cidr="10.9.0.0/24"), tenant="acme", merge=merge)
    assert caught.value.reason == "immutable-difference"


async def test_an_object_on_its_way_out_is_waited_for(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    platform.faults.add(effect="stuck-finalizer", plural="vpcs")
    await platform.settled()
    platform.api.delete("vpcs", "acme")
    with pytest.raises(UnavailableError, match=r"still being deleted.*kubeovn\.io/kube-ovn-controller"):
        await kube.ensure(vpc(run="run-2"), tenant="acme", merge=merge)


async def test_a_lost_answer_to_a_create_still_counts_as_ours(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="lose-answer", verb="create", plural="vpcs", times=1)
    ensured = await kube.ensure(vpc(), tenant="acme", merge=merge)
    assert ensured.outcome == "created"
    assert calls(platform, "create") == ["create"]


async def test_a_create_that_never_arrived_is_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="drop", verb="create", plural="vpcs", times=1)
    with pytest.raises(UnavailableError, match="cannot create Vpc acme"):
        await kube.ensure(vpc(), tenant="acme", merge=merge)
    assert calls(platform, "create") == ["create"]
    assert (await kube.ensure(vpc(), tenant="acme", merge=merge)).outcome == "created"


async def test_a_lost_answer_to_a_replacement_converges(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    await platform.settled()
    platform.faults.add(effect="lose-answer", verb="update", plural="vpcs", times=1)
    ensured = await kube.ensure(vpc(run="run-2", enableExternal=True), tenant="acme", merge=merge)
    assert ensured.outcome == "updated"
    assert ensured.object["spec"]["enableExternal"] is True
    assert calls(platform, "update") == ["update"]


async def test_a_replacement_that_never_arrived_is_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    await platform.settled()
    platform.faults.add(effect="drop", verb="update", plural="vpcs", times=1)
    with pytest.raises(UnavailableError, match="cannot update Vpc acme"):
        await kube.ensure(vpc(enableExternal=True), tenant="acme", merge=merge)


async def test_a_server_that_asks_to_wait_is_not_asked_again(kube: KubeOvn, platform: KubeSimulator) -> None:
    platform.faults.add(effect="error", verb="create", status=429, retry_after=9)
    with pytest.raises(UnavailableError) as caught:
        await kube.ensure(vpc(), tenant="acme", merge=merge)
    assert caught.value.retry_after == 9
    assert calls(platform, "get", "create") == ["get", "create"]


@pytest.mark.parametrize("owner", ["acme", "umbrella"])
async def test_who_was_faster_with_the_name_is_judged_by_what_stands_there(
    platform: KubeSimulator, kube: KubeOvn, owner: str
) -> None:
    """A server in front of the platform hides the other's object from the first look."""
    await kube.create(vpc(tenant=owner, run="run-0"))
    await platform.settled()
    async with aiohttp.ClientSession() as session:

        async def respond(request: web.Request) -> web.Response:
            if len(server.requests) == 1:
                return absent("vpcs", "acme")
            address = platform.url + request.path_qs
            async with session.request(request.method, address, data=await request.read()) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")

        async with stand_in(respond) as server, client_of(server.url) as late:
            if owner == "acme":
                assert (await late.ensure(vpc(), tenant="acme", merge=merge)).outcome == "adopted"
            else:
                with pytest.raises(RefusedError, match="umbrella"):
                    await late.ensure(vpc(), tenant="acme", merge=merge)
            assert [request.split()[0] for request in server.requests] == ["GET", "POST", "GET"]


async def test_a_write_in_between_is_kept_and_ours_is_made_on_top(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    await platform.settled()
    others = iter(range(2))

    def raced(actual: Object, desired: Object) -> Merge:
        if next(others, None) is not None:
            platform.api.patch("vpcs", "acme", {"spec": {"defaultSubnet": f"by-another-{actual['metadata']['uid']}"}})
        return merge(actual, desired)

    ensured = await kube.ensure(vpc(run="run-2", enableExternal=True), tenant="acme", merge=raced)
    assert ensured.outcome == "updated"
    assert ensured.object["spec"]["enableExternal"] is True
    assert ensured.object["spec"]["defaultSubnet"].startswith("by-another")


async def test_a_storm_of_other_writers_ends_as_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.ensure(vpc(), tenant="acme", merge=merge)
    await platform.settled()
    count = 0

    def storm(actual: Object, desired: Object) -> Merge:
        nonlocal count
        count += 1
        platform.api.patch("vpcs", "acme", {"spec": {"defaultSubnet": f"s{count}"}})
        return merge(actual, desired)

    with pytest.raises(UnavailableError, match="changed it 5 times"):
        await kube.ensure(vpc(enableExternal=True), tenant="acme", merge=storm)
    assert count == 5


async def test_a_server_that_stores_something_else_is_refused_with_the_fields_it_dropped() -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.method == "GET":
            return absent("vpcs", "acme")
        stored: dict[str, Any] = await request.json()
        stored["metadata"] |= {"uid": "u", "resourceVersion": "1"}
        del stored["spec"]["enableExternal"]
        return web.json_response(stored, status=201)

    async with stand_in(respond) as server, client_of(server.url) as kube:
        with pytest.raises(RefusedError, match=r"did not keep spec\.enableExternal") as caught:
            await kube.ensure(vpc(enableExternal=True), tenant="acme", merge=merge)
        assert caught.value.reason == "not-kept"


async def test_a_name_can_be_reserved_once(kube: KubeOvn) -> None:
    await kube.create(vpc())
    with pytest.raises(ConflictError, match="exists"):
        await kube.create(vpc(tenant="umbrella"))


async def test_an_edit_starts_again_from_what_another_wrote(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.create(vpc())
    await platform.settled()
    others = iter(range(3))

    def enable(found: Object) -> Object | None:
        number = next(others, None)
        if number is not None:
            platform.api.patch("vpcs", "acme", {"spec": {"defaultSubnet": f"s{number}"}})
        if found["spec"].get("enableExternal"):
            return None
        found["spec"]["enableExternal"] = True
        return found

    edited = await kube.edit(VPC, "acme", enable)
    assert edited["spec"]["enableExternal"] is True
    assert edited["spec"]["defaultSubnet"] == "s2"
    assert (await kube.edit(VPC, "acme", enable))["metadata"]["resourceVersion"]


async def test_a_lost_answer_to_an_edit_converges(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.create(vpc())
    await platform.settled()
    platform.faults.add(effect="lose-answer", verb="update", plural="vpcs", times=1)

    def enable(found: Object) -> Object | None:
        if found["spec"].get("enableExternal"):
            return None
        return {**found, "spec": {**found["spec"], "enableExternal": True}}

    assert (await kube.edit(VPC, "acme", enable))["spec"]["enableExternal"] is True
    assert calls(platform, "update") == ["update"]


async def test_an_edit_in_a_storm_ends_as_worth_another_try(kube: KubeOvn, platform: KubeSimulator) -> None:
    await kube.create(vpc())
    platform.faults.add(effect="error", verb="update", plural="vpcs", status=409)
    with pytest.raises(UnavailableError, match="Vpc acme: somebody else changed it 5 times"):
        await kube.edit(VPC, "acme", lambda found: {**found, "spec": {}})


async def test_what_is_not_there_cannot_be_edited(kube: KubeOvn) -> None:
    with pytest.raises(RefusedError, match=r"Subnet acme--a: does not exist") as caught:
        await kube.edit(SUBNET, "acme--a", lambda found: found)
    assert caught.value.reason == "missing"


async def test_a_namespace_that_is_not_there_is_named(kube: KubeOvn) -> None:
    with pytest.raises(RefusedError, match="namespace 'tenant-acme' does not exist"):
        await kube.ensure(config_map(namespace="tenant-acme"), tenant="acme", merge=merge)
