"""The platform's prerequisites: what the external gateway's ConfigMap does, and what is missing without it."""

from pathlib import Path

from lab.kube import KubeSimulator
from tests.lab.kube.caller import Caller

LABEL = "ovn.kubernetes.io/external-gw"
CONFIG = ("configmaps", "ovn-external-gw-config", "kube-system")
PORT = "ovn-cluster-external"


async def _labels(caller: Caller) -> list[str]:
    answer = await caller.call("GET", "/api/v1/nodes")
    return [node["metadata"]["labels"][LABEL] for node in answer.body["items"]]


async def test_the_seed_stands(caller: Caller) -> None:
    assert (await caller.status("provider-networks", "external"))["ready"] is True
    assert (await caller.status("vpcs", "ovn-cluster"))["standby"] is True
    for subnet in ("ovn-default", "join", "external"):
        conditions = {each["type"]: each["status"] for each in (await caller.status("subnets", subnet))["conditions"]}
        assert conditions["Ready"] == "True"
    assert await _labels(caller) == ["true", "true", "true"]
    assert caller.kube.controller.work.waiting() == {}
    port = caller.kube.northbound.routers["ovn-cluster"].ports[PORT]
    assert port.networks == (f"{(await caller.status('ovn-eips', PORT))['v4Ip']}/24",)


async def test_without_the_config_map_the_nodes_lose_their_label(caller: Caller) -> None:
    await caller.delete(*CONFIG)
    assert await _labels(caller) == ["false", "false", "false"]
    assert PORT not in caller.kube.northbound.routers["ovn-cluster"].ports
    assert (await caller.get("vpcs", "ovn-cluster"))["spec"]["enableExternal"] is False


async def test_a_disabled_gateway_comes_back_only_with_nodes(caller: Caller) -> None:
    await caller.merge(CONFIG[0], CONFIG[1], {"data": {"enable-external-gw": "false"}}, CONFIG[2])
    assert await _labels(caller) == ["false", "false", "false"]
    await caller.merge(CONFIG[0], CONFIG[1], {"data": {"enable-external-gw": "true"}}, CONFIG[2])
    assert PORT not in caller.kube.northbound.routers["ovn-cluster"].ports
    await caller.merge("nodes", "node-2", {"metadata": {"labels": {LABEL: "true"}}})
    assert len(caller.kube.northbound.routers["ovn-cluster"].ports[PORT].chassis) == 1


async def test_a_centralized_gateway_labels_the_nodes_it_names(caller: Caller) -> None:
    data = {"type": "centralized", "external-gw-nodes": "node-3"}
    await caller.merge(CONFIG[0], CONFIG[1], {"data": data}, CONFIG[2])
    assert await _labels(caller) == ["false", "false", "true"]


async def test_a_restart_without_the_config_map_takes_hand_made_labels_off(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        await kube.settled()
        kube.api.delete(*CONFIG)
        await kube.settled()
        kube.api.patch("nodes", "node-1", {"metadata": {"labels": {LABEL: "true"}}})
        await kube.settled()
        assert kube.api.get("nodes", "node-1").manifest["metadata"]["labels"][LABEL] == "true"
    async with KubeSimulator(state, ready_delay=0.0) as kube:
        await kube.settled()
        assert kube.api.get("nodes", "node-1").manifest["metadata"]["labels"][LABEL] == "false"


async def test_a_node_without_chassis_keeps_vpcs_from_the_outside(caller: Caller) -> None:
    await caller.merge("nodes", "node-1", {"metadata": {"annotations": {"ovn.kubernetes.io/chassis": None}}})
    await caller.create("vpcs", "red", {"enableExternal": True})
    assert (await caller.status("vpcs", "red"))["enableExternal"] is False
    assert "node-1 has no chassis" in caller.kube.controller.work.waiting()["realise vpcs/red"]
