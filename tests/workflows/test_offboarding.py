"""Taking a tenant out: what stops it, in which order things go, and what is left in the end."""

from typing import Any

import pytest

from tests.workflows.others import KUBE_OVN, Manifest, change, kube_ovn, make, pod, unmake
from tests.workflows.strikes import refusal
from tests.workflows.world import World, failure, parked, resolve, status, tenant_document, until
from workflows.face import LEFT_BEHIND, REFUSED, Outcome, StepState


async def test_offboarding_takes_everything_and_leaves_the_platform_as_it_was(world: World) -> None:
    before = await world.state()
    await world.onboarded()

    result = await world.offboarded()

    assert await world.state() == before
    assert result == {
        "tenant": world.name,
        "requestedBy": "a test",
        "confirmations": [],
        "removed": [
            "ConfigMap berth-network",
            f"OvnFip {world.name}--bastion",
            f"OvnSnatRule {world.name}--dev",
            f"OvnSnatRule {world.name}--prod",
            f"OvnEip {world.name}--bastion",
            f"OvnEip {world.name}--egress",
            f"OvnEip {world.name}--web",
            f"Namespace tenant-{world.name}",
            f"Subnet {world.name}--dev",
            f"Subnet {world.name}--prod",
            f"Vpc {world.name}",
        ],
    }


async def test_things_go_in_the_order_kube_ovn_needs(world: World) -> None:
    await world.onboarded()
    world.kube.calls.clear()

    await world.offboarded()

    written = [(call.verb, call.plural) for call in world.kube.calls if call.verb in ("update", "delete")]
    _, way_out = (place for place, one in enumerate(written) if one == ("update", "vpcs"))
    deleted = [plural for verb, plural in written if verb == "delete"]
    order = ["configmaps", "translation", "ovn-eips", "namespaces", "subnets", "vpcs"]
    places = [order.index("translation" if one in ("ovn-fips", "ovn-snat-rules") else one) for one in deleted]
    assert places == sorted(places)
    assert set(places) == set(range(len(order)))
    assert max(written.index(("delete", one)) for one in ("ovn-fips", "ovn-snat-rules")) < way_out
    assert way_out < written.index(("delete", "subnets"))


async def test_no_nat_is_left_on_the_router_when_its_subnets_go(world: World) -> None:
    await world.onboarded()
    seen: list[Any] = []

    async def look() -> None:
        await world.settle()
        router = world.kube.northbound.dump()["routers"][world.name]
        seen.append((router["nats"], [port for port in router["ports"] if "external" in port]))

    world.strikes.on_start[f"undo-subnet-{world.name}--prod"] = look

    await world.offboarded()

    assert seen == [([], [])]


@pytest.mark.parametrize("plural", ["ovn-fips", "ovn-snat-rules"])
async def test_a_rule_that_is_not_ready_yet_is_not_deleted_before_it_is(world: World, plural: str) -> None:
    before = await world.state()
    seen: list[Any] = []

    async def look() -> None:
        await world.settle()
        seen.append(world.kube.northbound.dump()["routers"][world.name]["nats"])

    # Longer than until the next heartbeat, with which the others hear that they are cancelled.
    world.fault(effect="late", plural=plural, seconds=4)
    # The other rules are under way while this is refused.
    world.strikes.after["own-addresses"] = refusal()
    world.strikes.on_start[f"undo-subnet-{world.name}--prod"] = look

    await failure(await world.onboard())

    assert seen == [[]]
    world.kube.faults.clear()
    assert await world.state() == before


async def test_addresses_in_use_stop_it_by_name_before_anything_is_changed(world: World) -> None:
    await world.onboarded()
    await make(world, f"api/v1/namespaces/tenant-{world.name}/pods", pod("web-0", f"{world.name}--prod"))
    await make(world, f"api/v1/namespaces/tenant-{world.name}/pods", pod("db-0", f"{world.name}--dev"))
    before = await world.state()
    world.kube.calls.clear()

    error = await failure(run := await world.offboard())

    assert error.type == REFUSED
    assert error.message.isprintable()
    assert f"Subnet {world.name}--prod by 10.0.0." in error.message
    assert f"(pod tenant-{world.name}/web-0)" in error.message
    assert f"Subnet {world.name}--dev by 10.0.8." in error.message
    assert f"(pod tenant-{world.name}/db-0)" in error.message
    assert f"Namespace tenant-{world.name} by Pod db-0, Pod web-0" in error.message
    assert await world.state() == before
    assert {call.verb for call in world.kube.calls} <= {"get", "list", "watch"}
    seen = await status(run)
    assert seen.outcome is Outcome.STOPPED
    assert [(one.id, one.state) for one in seen.steps] == [("inventory", StepState.FAILED)]


@pytest.mark.parametrize(
    ("path", "manifest", "named"),
    [
        (
            "api/v1/namespaces/tenant-{name}/services",
            {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "front"}, "spec": {"ports": [{"port": 80}]}},
            "Service front",
        ),
        (
            "api/v1/namespaces/tenant-{name}/persistentvolumeclaims",
            {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"}, "spec": {}},
            "PersistentVolumeClaim disk",
        ),
        (
            "api/v1/namespaces/tenant-{name}/configmaps",
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "precious"}, "data": {"only": "copy"}},
            "ConfigMap precious",
        ),
        (
            f"{KUBE_OVN}/ovn-dnat-rules",
            kube_ovn(
                "OvnDnatRule",
                "foreign",
                {
                    "ovnEip": "{name}--web",
                    "vpc": "{name}",
                    "v4Ip": "10.0.0.9",
                    "protocol": "tcp",
                    "internalPort": "80",
                    "externalPort": "80",
                },
            ),
            "OvnDnatRule foreign",
        ),
        (
            f"{KUBE_OVN}/subnets",
            kube_ovn(
                "Subnet", "foreign", {"vpc": "{name}", "cidrBlock": "10.77.0.0/24", "namespaces": ["tenant-{name}"]}
            ),
            "Subnet foreign",
        ),
    ],
    ids=["service", "volume-claim", "config-map", "dnat-rule", "subnet"],
)
async def test_what_others_made_of_it_stops_it_by_name(world: World, path: str, manifest: Manifest, named: str) -> None:
    await world.onboarded()
    path = path.replace("{name}", world.name)
    await make(world, path, _filled(manifest, world.name))
    before = await world.state()

    error = await failure(await world.offboard())

    assert named in error.message
    assert await world.state() == before
    await unmake(world, f"{path}/{manifest['metadata']['name']}")
    await world.offboarded()


@pytest.mark.parametrize(
    "path",
    [
        f"{KUBE_OVN}/vpcs/{{name}}",
        f"{KUBE_OVN}/subnets/{{name}}--dev",
        f"{KUBE_OVN}/ovn-eips/{{name}}--web",
        "api/v1/namespaces/tenant-{name}",
    ],
    ids=lambda path: path.split("/")[-2],
)
async def test_what_lost_its_label_is_not_passed_over(world: World, path: str) -> None:
    empty = await world.state()
    await world.onboarded()
    path = path.replace("{name}", world.name)
    await change(world, path, lambda thing: thing["metadata"]["labels"].pop("berth.network/tenant"))
    before = await world.state()

    error = await failure(await world.offboard())

    assert f"{path.rsplit('/', 1)[1]} has the name of a thing of {world.name}'s and not its label" in error.message
    assert await world.state() == before
    label = {"berth.network/tenant": world.name}
    await change(
        world, path, lambda thing: thing["metadata"].update(labels={**thing["metadata"].get("labels", {}), **label})
    )
    await world.offboarded()
    assert await world.state() == empty


async def test_a_namespace_that_only_bears_the_label_is_not_removed(world: World) -> None:
    await world.onboarded()
    metadata = {"name": "billing", "labels": {"berth.network/tenant": world.name}}
    await make(world, "api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})

    error = await failure(await world.offboard())

    assert "Namespace billing bears label" in error.message
    await change(world, "api/v1/namespaces/billing", lambda thing: thing["metadata"]["labels"].clear())
    await world.offboarded()
    assert "namespaces/billing" in world.kube.dump()


async def test_a_tenant_nobody_knows_is_refused(world: World) -> None:
    before = await world.state()

    error = await failure(await world.offboard())

    assert f"berth.network/tenant={world.name}" in error.message
    assert "check the tenant's name" in error.message
    assert await world.state() == before


async def test_a_user_that_comes_in_between_is_waited_for_by_an_operator(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before["undo-configmap-berth-network"] = refusal("held up, while somebody makes a pod")
    run = await world.offboard()
    await parked(run)
    await make(world, f"api/v1/namespaces/tenant-{world.name}/pods", pod("late", f"{world.name}--dev"))
    world.strikes.before.clear()

    await resolve(run, decision="retry")
    seen = await until(run, lambda now: any("late" in one.reason for one in now.parked), "the pod to be named")

    assert "Pod late" in seen.parked[0].reason
    await unmake(world, f"api/v1/namespaces/tenant-{world.name}/pods/late")
    await resolve(run, decision="retry")
    await run.result()
    assert await world.state() == before


async def test_a_removal_that_is_held_up_says_what_holds_it_and_goes_on_once_told(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    fault = world.fault(effect="stuck-finalizer", plural="subnets", name=f"{world.name}--dev")
    run = await world.offboard()

    seen = await parked(run)

    assert [one.step for one in seen.parked] == [f"subnet-{world.name}--dev"]
    assert "finalizers: kubeovn.io/kube-ovn-controller" in seen.parked[0].reason
    world.kube.faults.remove(fault)
    await resolve(run, decision="retry")
    assert f"Vpc {world.name}" in (await run.result())["removed"]
    assert await world.state() == before


async def test_what_an_operator_leaves_is_named_in_the_end(world: World) -> None:
    await world.onboarded()
    world.strikes.before[f"undo-namespace-tenant-{world.name}"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await resolve(run, decision="skip", reason="other things live there", by="on call")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert error.details[0] == [f"Namespace tenant-{world.name} (left as it is by on call: other things live there)"]
    assert (await status(run)).outcome is Outcome.LEFT_BEHIND


async def test_an_abort_names_all_that_is_still_there(world: World) -> None:
    await world.onboarded()
    world.strikes.before[f"undo-subnet-{world.name}--dev"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await resolve(run, decision="abort", reason="moving house")

    error = await failure(run)
    assert error.type == LEFT_BEHIND
    assert [text.split(" (")[0] for text in error.details[0]] == [f"Vpc {world.name}", f"Subnet {world.name}--dev"]
    held = world.kube.dump()
    assert [key for key in held if key.startswith(("subnets/", "vpcs/", "ovn-")) and world.name in key] == [
        f"subnets/{world.name}--dev",
        f"vpcs/{world.name}",
    ]


@pytest.mark.parametrize(
    ("part", "whole"),
    [("router-port", "Vpc {name}"), ("configmap-berth-network", "Namespace tenant-{name}")],
    ids=["way out", "hand-over"],
)
async def test_leaving_a_part_of_what_goes_as_a_whole_leaves_nothing(world: World, part: str, whole: str) -> None:
    before = await world.state()
    await world.onboarded()
    world.strikes.before[f"undo-{part}"] = refusal("held up")
    run = await world.offboard()
    await parked(run)

    await resolve(run, decision="skip", reason="it goes anyway")

    await run.result()
    assert await world.state() == before
    notes = {one.id: (one.state, one.note) for one in (await status(run)).steps}
    assert notes[part] == (StepState.UNDONE, f"went with {whole.format(name=world.name)}")


async def test_a_hand_over_that_is_left_in_a_namespace_that_stays_is_named(world: World) -> None:
    await world.onboarded()
    world.strikes.before["undo-configmap-berth-network"] = refusal("held up")
    world.strikes.before[f"undo-namespace-tenant-{world.name}"] = refusal("held up")
    run = await world.offboard()
    for _ in range(2):
        await parked(run)
        await resolve(run, decision="skip", reason="others read it")

    told = (await failure(run)).details[0]

    assert [text.split(" (")[0] for text in told] == [f"Namespace tenant-{world.name}", "ConfigMap berth-network"]


@pytest.mark.parametrize(
    "gone",
    [
        f"{KUBE_OVN}/vpcs/{{name}}",
        f"{KUBE_OVN}/subnets/{{name}}--dev",
        f"{KUBE_OVN}/ovn-eips/{{name}}--egress",
        f"{KUBE_OVN}/ovn-fips/{{name}}--bastion",
        f"{KUBE_OVN}/ovn-snat-rules/{{name}}--prod",
        "api/v1/namespaces/tenant-{name}",
        "api/v1/namespaces/tenant-{name}/configmaps/berth-network",
    ],
    ids=lambda path: path.split("/")[-2],
)
async def test_what_somebody_deleted_by_hand_does_not_stop_it(world: World, gone: str) -> None:
    before = await world.state()
    await world.onboarded()
    await unmake(world, gone.replace("{name}", world.name))

    await world.offboarded()

    assert await world.state() == before


async def test_a_tenant_whose_recorded_document_is_no_longer_valid_can_be_offboarded(world: World) -> None:
    before = await world.state()
    await world.onboarded()
    document = {"berth.network/document": '{"kind": "TenantNetwork", "spec": {"gone": true}}'}
    await change(world, f"{KUBE_OVN}/vpcs/{world.name}", lambda vpc: vpc["metadata"]["annotations"].update(document))

    await world.offboarded()

    assert await world.state() == before


@pytest.mark.parametrize(
    "last",
    [
        "namespace-tenant-{name}",
        "vpc-{name}",
        "subnet-{name}--dev",
        "router-port",
        "external-ip-{name}--web",
        "snat-{name}--prod",
        "own-addresses",
        "verify",
        "hand-over",
    ],
)
async def test_what_a_terminated_onboarding_left_is_removed(world: World, last: str) -> None:
    before = await world.state()
    step = last.replace("{name}", world.name)
    world.strikes.after[step] = ValueError("never answers well")
    run = await world.onboard()
    await world.strikes.tried(step, 2)
    await run.terminate("out of patience")
    world.strikes.after.clear()
    await world.settle()

    await world.offboarded()

    assert await world.state() == before


async def test_what_a_terminated_onboarding_left_is_adopted_by_the_next_one(world: World, clean: str) -> None:
    step = f"snat-{world.name}--prod"
    world.strikes.after[step] = ValueError("never answers well")
    run = await world.onboard()
    await world.strikes.tried(step, 2)
    await run.terminate("out of patience")
    world.strikes.after.clear()

    await (next_run := await world.onboard(tenant_document(world.name))).result()

    notes = {one.id: one.note for one in (await status(next_run)).steps}
    assert notes[f"vpc-{world.name}"] == "adopted"
    assert notes["block-policy"] == "realised"
    assert await world.comparable() == clean


def _filled(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: _filled(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, name) for item in value]
    return value.replace("{name}", name) if isinstance(value, str) else value
