"""Namespaces and pods: what deleting one takes along, and which subnet a pod's address comes from."""

from lab.kube import KubeSimulator
from lab.kube.controller.cluster import FINALIZER
from tests.lab.kube.caller import Caller, path_of

SWITCH = "ovn.kubernetes.io/logical_switch"


async def test_a_new_namespace_is_furnished_and_told_its_subnet(caller: Caller) -> None:
    await caller.create("namespaces", "plain")
    namespace = await caller.get("namespaces", "plain")
    assert namespace["status"]["phase"] == "Active"
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "plain"}
    assert namespace["metadata"]["annotations"][SWITCH] == "ovn-default"
    assert await caller.exists("serviceaccounts", "default", "plain")
    assert await caller.exists("configmaps", "kube-root-ca.crt", "plain")


async def test_a_namespace_bound_to_a_subnet_says_so_until_the_subnet_goes(caller: Caller) -> None:
    await caller.tenant()
    annotations = (await caller.get("namespaces", "red"))["metadata"]["annotations"]
    assert annotations[SWITCH] == "red--a"
    assert annotations["ovn.kubernetes.io/cidr"] == "10.0.0.0/24"
    await caller.delete("subnets", "red--a")
    assert (await caller.get("namespaces", "red"))["metadata"]["annotations"][SWITCH] == "ovn-default"


async def test_a_vpcs_default_subnet_comes_first(caller: Caller) -> None:
    await caller.tenant("red", defaultSubnet="red--b")
    await caller.create("subnets", "red--b", {"vpc": "red", "cidrBlock": "10.0.1.0/24"})
    assert (await caller.get("namespaces", "red"))["metadata"]["annotations"][SWITCH] == "red--b,red--a"


async def test_deleting_a_namespace_deletes_its_contents_first(kube: KubeSimulator, caller: Caller) -> None:
    await caller.tenant()
    await caller.create("pods", "p", {"containers": []}, namespace="red")
    await caller.create("configmaps", "c", namespace="red", metadata={"finalizers": ["a.b/c"]})
    answer = await caller.delete("namespaces", "red")
    assert answer.body["status"]["phase"] == "Terminating"
    assert not await caller.exists("pods", "p", "red")
    assert not await caller.exists("ips", "p.red")
    assert await caller.exists("namespaces", "red")
    refused = await caller.call("POST", path_of("configmaps", namespace="red"), {"metadata": {"name": "late"}})
    assert (refused.status, refused.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
    assert "configmaps/c" in kube.controller.work.waiting()["admit namespaces/red"]

    await caller.merge("configmaps", "c", {"metadata": {"finalizers": None}}, "red")
    assert not await caller.exists("namespaces", "red")
    assert not [name for name in kube.dump() if "/red/" in name]


async def test_a_pod_takes_an_address_of_its_namespaces_subnet_and_gives_it_back(caller: Caller) -> None:
    await caller.tenant()
    await caller.create("pods", "p", {"containers": []}, namespace="red")
    pod = await caller.get("pods", "p", "red")
    ip = await caller.get("ips", "p.red")
    assert (pod["status"]["phase"], pod["status"]["podIP"]) == ("Running", "10.0.0.2")
    assert pod["metadata"]["annotations"][SWITCH] == "red--a"
    assert (ip["spec"]["subnet"], ip["spec"]["v4IpAddress"]) == ("red--a", "10.0.0.2")
    assert ip["metadata"]["finalizers"] == [FINALIZER]
    assert (await caller.status("subnets", "red--a"))["v4usingIPs"] == 1
    await caller.delete("pods", "p", "red")
    assert not await caller.exists("pods", "p", "red")
    assert not await caller.exists("ips", "p.red")
    assert (await caller.status("subnets", "red--a"))["v4usingIPs"] == 0


async def test_a_pods_own_annotation_names_its_subnet(caller: Caller) -> None:
    await caller.tenant()
    await caller.create("subnets", "red--b", {"vpc": "red", "cidrBlock": "10.0.1.0/24"})
    chosen = {"annotations": {SWITCH: "red--b"}}
    await caller.create("pods", "p", {"containers": []}, namespace="red", metadata=chosen)
    assert (await caller.get("pods", "p", "red"))["status"]["podIP"] == "10.0.1.2"


async def test_a_pod_waits_for_a_subnet_that_is_not_ready_or_has_no_address_left(caller: Caller) -> None:
    await caller.create("namespaces", "red")
    chosen = {"annotations": {SWITCH: "tiny"}}
    for name in ("a", "b"):
        await caller.create("pods", name, {"containers": []}, namespace="red", metadata=chosen)
    assert (await caller.get("pods", "a", "red"))["status"] == {"phase": "Pending"}
    await caller.create("subnets", "tiny", {"vpc": "ovn-cluster", "cidrBlock": "10.1.0.0/30"})
    phases = [(await caller.get("pods", name, "red"))["status"]["phase"] for name in ("a", "b")]
    assert sorted(phases) == ["Pending", "Running"]
    await caller.delete("pods", "a" if phases[0] == "Running" else "b", "red")
    left = "b" if phases[0] == "Running" else "a"
    assert (await caller.get("pods", left, "red"))["status"]["phase"] == "Running"


async def test_a_pod_with_a_finalizer_stays_after_its_kubelet_let_it_go(caller: Caller) -> None:
    await caller.create("pods", "p", {"containers": []}, namespace="default", metadata={"finalizers": ["a.b/c"]})
    await caller.delete("pods", "p", "default")
    assert (await caller.get("pods", "p", "default"))["metadata"]["deletionGracePeriodSeconds"] == 0
    await caller.merge("pods", "p", {"metadata": {"finalizers": []}}, "default")
    assert not await caller.exists("pods", "p", "default")
