"""The doctor's looks at Kubernetes and at the platform: with everything there, and with each thing missing in turn."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from clients.kube_ovn.rights import rights
from lab.kube import KubeSimulator
from lab.kube.api import STATUS, WriteOptions
from lab.kube.controller.cluster import GATEWAY_NODE_LABEL
from lab.kube.faults import Fault
from tenancy.documents import read_platform
from tests.clients.stand_in import client_of
from tests.tenancy.edge_documents import LOGIN, ROUTER, SHELL, TRANSLATOR
from tests.workers.doctor_looks import known
from tests.workflows.world import platform_document
from workers.doctor.examination import Examination
from workers.doctor.findings import Area, Finding
from workers.settings import Settings

Document = dict[str, Any]
VLAN: Document = {
    "providerNetwork": "external",
    "range": {"first": 2000, "last": 2099},
    "approval": {"approvers": ["nadia@example.com"]},
    "credentials": [{"name": "switches", "username": "berth", "password": {"environment": "NOWHERE"}}],
    "switches": [
        {
            "name": "leaf-1",
            "platform": "cisco-ios",
            "host": "192.0.2.9",
            "credentials": "switches",
            "trunks": ["Port-channel1"],
        }
    ],
}
NAT: Document = {
    "method": "one-to-one-nat",
    "pool": {"name": "dc-public", "cidrs": ["198.51.100.0/24"]},
    "translators": [TRANSLATOR],
    "routers": [ROUTER],
    "credentials": [LOGIN, SHELL],
}


@dataclass
class Scene:
    """A simulated platform whose controller stands still, so that it stays as a test leaves it, and its document."""

    kube: KubeSimulator
    folder: Path

    def document(self, announce: Document | None = None, **spec: Any) -> None:
        (self.folder / "platform.yaml").write_text(json.dumps(platform_document(announce, **spec)))

    async def look(self, *areas: Area, **settings: Any) -> list[Finding]:
        given = {"platform": self.folder / "platform.yaml", "kube_server": self.kube.url, **settings}
        return known(await Examination(Settings(**given), areas).findings())

    async def platform(self) -> dict[str, tuple[str, str]]:
        """What was found of the platform, by subject; where there are several of one, the last."""
        found = await self.look(Area.PLATFORM)
        return {finding.subject: (finding.state, finding.message) for finding in found}

    def patch(self, plural: str, name: str, patch: Document, namespace: str = "", *, status: bool = False) -> None:
        self.kube.api.patch(plural, name, patch, namespace, options=STATUS if status else WriteOptions())

    def agents(self, *arguments: str) -> None:
        """Other arguments for every kube-ovn-cni."""
        for node in ("node-1", "node-2", "node-3"):
            container = {"name": "kube-ovn-cni", "args": list(arguments)}
            self.patch("pods", f"kube-ovn-cni-{node}", {"spec": {"containers": [container]}}, "kube-system")


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as kube:
        await kube.settled()
        kube.faults.add(Fault(effect="paused"))
        made = Scene(kube, tmp_path)
        made.document()
        yield made


async def test_where_everything_is_there_each_line_says_what_was_seen(scene: Scene) -> None:
    found = await scene.platform()
    assert {state for state, _ in found.values()} == {"passed"}, found
    assert {subject: message for subject, (_, message) in found.items()} == {
        "Kube-OVN": "ready, release v1.17.0",
        "ProviderNetwork external": "ready on 3 nodes",
        "Subnet external": "ready, 252 addresses free",
        "exceptions of the block": "none leads to an address a tenant has or could get",
        "gateway ConfigMap": "kube-system/ovn-external-gw-config keeps the gateways",
        "gateway nodes": "3 with a chassis: node-1, node-2, node-3",
        "range of Subnet join": "100.64.0.0/16, reserved in the platform document",
        "range of Subnet ovn-default": "10.16.0.0/16, reserved in the platform document",
        "range of services": "10.96.0.0/12 and fd00:10:96::/112, reserved in the platform document",
        "MTU of the tunnels": "9000 bytes on 3 nodes, and spec.subnetMtu is 9000",
    }


def gone(plural: str, name: str, namespace: str = "") -> Callable[[Scene], object]:
    """That it was never there."""

    def change(scene: Scene) -> None:
        scene.kube.api.store.remove(scene.kube.api.get(plural, name, namespace), {})

    return change


def set_to(
    plural: str, name: str, patch: Document, namespace: str = "", *, status: bool = False
) -> Callable[[Scene], object]:
    return lambda scene: scene.patch(plural, name, patch, namespace, status=status)


def documented(announce: Document | None = None, **spec: Any) -> Callable[[Scene], object]:
    return lambda scene: scene.document(announce, **spec)


def reserved_but(name: str) -> Callable[[Scene], object]:
    kept = [one for one in platform_document()["spec"]["reserved"] if one["name"] != name]
    return documented(reserved=kept)


def started_with(*arguments: str) -> Callable[[Scene], object]:
    return lambda scene: scene.agents(*arguments)


def several(*changes: Callable[[Scene], object]) -> Callable[[Scene], object]:
    return lambda scene: [change(scene) for change in changes]


def on_nodes(metadata: Document) -> Callable[[Scene], object]:
    return several(*(set_to("nodes", f"node-{number}", {"metadata": metadata}) for number in (1, 2, 3)))


PROVIDER = platform_document()["spec"]["providerNetwork"]
INTERFACE, MTU = (f"external.provider-network.kubernetes.io/{what}" for what in ("interface", "mtu"))
CONTROLLER = ("pods", "kube-ovn-controller")
LACKING = {
    "no-kube-ovn": (gone(*CONTROLLER, "kube-system"), "Kube-OVN", "warned", "no pod of kube-ovn-controller was found"),
    "kube-ovn-down": (
        set_to(
            *CONTROLLER, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, "kube-system", status=True
        ),
        "Kube-OVN",
        "failed",
        "no pod of kube-ovn-controller is ready (kube-ovn-controller): see its events and its log",
    ),
    "kube-ovn-release": (
        set_to(
            *CONTROLLER, {"spec": {"containers": [{"image": "mirror:5000/kubeovn/kube-ovn:v1.16.2"}]}}, "kube-system"
        ),
        "Kube-OVN",
        "warned",
        "release v1.16.2, and Berth relies on the code of 1.17",
    ),
    "no-provider-network": (
        gone("provider-networks", "external"),
        "ProviderNetwork external",
        "failed",
        "does not exist: create it, or correct spec.providerNetwork.name",
    ),
    "provider-network-unready": (
        set_to("provider-networks", "external", {"status": {"ready": False, "notReadyNodes": ["node-2"]}}, status=True),
        "ProviderNetwork external",
        "failed",
        "is not ready (status.ready is not true, nodes not ready: node-2): see its events",
    ),
    "no-vlan-network": (
        documented(mode="vlan", vlan=VLAN | {"providerNetwork": "tenants"}),
        "ProviderNetwork tenants (VLANs)",
        "failed",
        "create it, or correct spec.vlan.providerNetwork",
    ),
    "no-external-subnet": (
        gone("subnets", "external"),
        "Subnet external",
        "failed",
        "does not exist: create it, or correct spec.providerNetwork.externalSubnet",
    ),
    "external-subnet-unready": (
        set_to("subnets", "external", {"status": {"conditions": []}}, status=True),
        "Subnet external",
        "failed",
        "is not ready (condition Validated is missing)",
    ),
    "another-gateway": (
        documented(providerNetwork=PROVIDER | {"gateways": ["203.0.113.254"]}),
        "Subnet external",
        "failed",
        "has gateway 203.0.113.1, the platform document says 203.0.113.254: correct the document",
    ),
    "no-address": (
        set_to("subnets", "external", {"status": {"v4availableIPs": 0}}, status=True),
        "Subnet external",
        "failed",
        "no address is free: release external IPs, or enlarge the subnet",
    ),
    "few-addresses": (
        set_to("subnets", "external", {"status": {"v4availableIPs": 7}}, status=True),
        "Subnet external",
        "warned",
        "only 7 addresses are free",
    ),
    "open-to-all": (
        documented(block=platform_document()["spec"]["block"] | {"exceptions": ["203.0.113.64/30"]}),
        "exceptions of the block",
        "failed",
        "every tenant could reach whoever is given 203.0.113.64: add 203.0.113.64..203.0.113.67 to spec.excludeIps",
    ),
    "no-gateway-config": (
        gone("configmaps", "ovn-external-gw-config", "kube-system"),
        "gateway ConfigMap",
        "failed",
        'ConfigMap kube-system/ovn-external-gw-config does not say enable-external-gw: "true"',
    ),
    "gateway-config-off": (
        set_to("configmaps", "ovn-external-gw-config", {"data": {"enable-external-gw": "false"}}, "kube-system"),
        "gateway ConfigMap",
        "failed",
        "set it, for without it the next restart of kube-ovn-controller takes the gateways away",
    ),
    "no-gateway": (
        on_nodes({"labels": {GATEWAY_NODE_LABEL: "false"}}),
        "gateway nodes",
        "failed",
        "label at least one ovn.kubernetes.io/external-gw=true",
    ),
    "no-chassis": (
        set_to("nodes", "node-2", {"metadata": {"annotations": {"ovn.kubernetes.io/chassis": None}}}),
        "gateway nodes",
        "failed",
        "gateway node node-2 has no annotation ovn.kubernetes.io/chassis: see that kube-ovn-cni runs there",
    ),
    "no-pool-namespace": (
        several(documented(NAT), gone("namespaces", "berth-system")),
        "public pool dc-public",
        "failed",
        "Namespace berth-system does not exist",
    ),
    "few-public-addresses": (
        documented(NAT | {"pool": {"name": "dc-public", "cidrs": ["198.51.100.0/30"]}}),
        "public pool dc-public",
        "warned",
        "only 4 IPv4 addresses are left: release external IPs, or enlarge spec.announce.pool.cidrs",
    ),
    "join-not-reserved": (
        reserved_but("join"),
        "range of Subnet join",
        "failed",
        "Subnet join has 100.64.0.0/16, which no entry",
    ),
    "pods-not-reserved": (
        reserved_but("pods"),
        "range of Subnet ovn-default",
        "failed",
        "has 10.16.0.0/16, which no entry of",
    ),
    "services-not-reserved": (
        reserved_but("services"),
        "range of services",
        "failed",
        "services has 10.96.0.0/12, fd00:10:96::/112, which no entry of spec.reserved holds",
    ),
    "services-unknown": (
        set_to(*CONTROLLER, {"spec": {"containers": [{"image": "kube-ovn:v1.17.1"}]}}, "kube-system"),
        "range of services",
        "warned",
        "compare it with spec.reserved of the platform document by hand",
    ),
    "small-tunnels": (
        started_with("--iface=bond1", "--mtu=1400"),
        "MTU of the tunnels",
        "failed",
        "carry packets of 1400 bytes on node-1, node-2, node-3, and spec.subnetMtu is 9000: give the transport an MTU of 9100",
    ),
    "tunnels-on-the-provider-network": (
        started_with("--iface=bond0"),
        "MTU of the tunnels",
        "failed",
        "carry packets of 8900 bytes on node-1, node-2, node-3",
    ),
    "tunnels-unknown": (
        started_with("--iface=bond1"),
        "MTU of the tunnels",
        "warned",
        "see there with `ip link` that it is at least 9100",
    ),
    "tunnels-of-vxlan": (
        started_with("--network-type=vxlan"),
        "MTU of the tunnels",
        "warned",
        "the interface with the node's address on node-1, node-2, node-3: see there with `ip link` that it is at least 9050",
    ),
    "no-agents": (
        several(*(gone("pods", f"kube-ovn-cni-node-{number}", "kube-system") for number in (1, 2, 3))),
        "MTU of the tunnels",
        "warned",
        "no pod of kube-ovn-cni was found in kube-system",
    ),
    "small-vlan-interface": (
        several(documented(mode="vlan", vlan=VLAN), set_to("nodes", "node-3", {"metadata": {"labels": {MTU: "1500"}}})),
        "MTU of ProviderNetwork external",
        "failed",
        "has an MTU of 1500 on node-3, and spec.subnetMtu is 9000: raise it there, or write 1500 into the platform document",
    ),
    "vlan-interface-unknown": (
        several(documented(mode="vlan", vlan=VLAN), on_nodes({"labels": {MTU: None}})),
        "MTU of ProviderNetwork external",
        "warned",
        "no node bears the label external.provider-network.kubernetes.io/mtu",
    ),
}


@pytest.mark.parametrize("case", LACKING)
async def test_each_prerequisite_that_is_missing_is_named_with_its_remedy_and_nothing_else(
    scene: Scene, case: str
) -> None:
    change, subject, state, words = LACKING[case]
    change(scene)
    found = await scene.platform()
    assert found[subject][0] == state, found
    assert words in found[subject][1]
    others = {name for name, (seen, _) in found.items() if seen != "passed" and name != subject}
    # The arguments of its controller tell the services' range.
    assert others == ({"range of services"} if case in ("no-kube-ovn", "kube-ovn-release") else set()), found


async def test_an_mtu_that_a_node_is_told_of_by_annotation_is_that_of_its_own_interface(scene: Scene) -> None:
    scene.agents("--iface=bond1")
    scene.patch("nodes", "node-1", {"metadata": {"annotations": {"ovn.kubernetes.io/tunnel_interface": "bond0"}}})
    found = [one.message for one in await scene.look(Area.PLATFORM) if one.subject == "MTU of the tunnels"]
    assert ["8900 bytes on node-1," in found[0], "bond1 on node-2, node-3:" in found[1]] == [True, True], found


async def test_one_node_whose_tunnels_carry_less_is_the_one_that_is_told(scene: Scene) -> None:
    container = {"name": "kube-ovn-cni", "args": ["--mtu=1400"]}
    scene.patch("pods", "kube-ovn-cni-node-2", {"spec": {"containers": [container]}}, "kube-system")
    (found,) = [one for one in await scene.look(Area.PLATFORM) if one.subject == "MTU of the tunnels"]
    assert (found.state, "1400 bytes on node-2, and" in found.message) == ("failed", True)


async def test_where_the_mtu_is_left_to_kube_ovn_there_is_nothing_to_compare(scene: Scene) -> None:
    document = platform_document()
    del document["spec"]["subnetMtu"]
    (scene.folder / "platform.yaml").write_text(json.dumps(document))
    scene.agents("--iface=bond1")
    assert (await scene.platform())["MTU of the tunnels"][0] == "passed"


async def test_what_may_not_be_read_keeps_nobody_from_the_rest(scene: Scene) -> None:
    scene.kube.faults.add(Fault(effect="refuse", plural="nodes"))
    found = await scene.platform()
    assert [subject for subject, (state, _) in found.items() if state != "passed"] == ["gateway nodes"]
    assert found["gateway nodes"][1].startswith(
        "cannot list every Node: a rule of the cluster forbids it: 403 Forbidden"
    )


async def test_each_right_is_asked_for_by_itself(scene: Scene) -> None:
    platform = read_platform(platform_document(mode="vlan", vlan=VLAN))
    async with client_of(scene.kube.url) as kube:
        for right in rights(platform):
            about = {"verb": right.verb, "plural": right.kind.plural, "namespace": right.namespace or "*"}
            fault = scene.kube.faults.add(Fault(effect="refuse", **about, name=right.name or "*"))
            assert not await kube.may(right), right
            scene.kube.faults.remove(fault)
            assert await kube.may(right), right


async def test_a_right_that_is_missing_is_named_with_what_it_is_for_and_where_to_get_it(scene: Scene) -> None:
    for verb in ("create", "delete"):
        scene.kube.faults.add(Fault(effect="refuse", verb=verb, plural="ovn-eips"))
    wrong = [one for one in await scene.look(Area.KUBERNETES) if one.state != "passed"]
    assert {one.subject for one in wrong} == {"rights"}
    whys = {right.why for right in rights(read_platform(platform_document())) if right.kind.plural == "ovn-eips"}
    for finding in wrong:
        assert "ovn-eips.kubeovn.io (" in finding.message
        assert any(why in finding.message for why in whys)
        assert "grant it, as the role in deploy/kubernetes does" in finding.message
    assert {"create", "delete"} == {
        verb for one in wrong for verb in ("create", "delete") if verb in one.message.partition("ovn-eips")[0]
    }


async def test_a_kind_that_is_not_served_is_named_and_the_others_are_not(scene: Scene) -> None:
    gone("customresourcedefinitions", "ovn-fips.kubeovn.io")(scene)
    found = {one.subject: one for one in await scene.look(Area.KUBERNETES)}
    assert found["kinds of kubeovn.io/v1"].state == "failed"
    assert "does not serve ovn-fips of kubeovn.io/v1: install Kube-OVN 1.17" in found["kinds of kubeovn.io/v1"].message
    assert found["kinds of v1"].state == "passed"


async def test_a_cluster_without_kube_ovn_is_told_in_one_line(scene: Scene) -> None:
    for definition in scene.kube.api.store.all("customresourcedefinitions"):
        scene.kube.api.store.remove(definition, {})
    found = [one for one in await scene.look(Area.KUBERNETES) if one.state != "passed"]
    assert [one.message for one in found] == [
        "the API server does not serve kubeovn.io/v1 at all: install Kube-OVN 1.17 with its CRDs"
    ]


async def test_an_api_that_is_down_is_one_failure_and_what_needs_it_is_skipped_in_one_line_each(scene: Scene) -> None:
    found = await scene.look(Area.KUBERNETES, Area.PLATFORM, kube_server="http://127.0.0.1:1")
    assert [(one.area, one.state, one.answered) for one in found] == [
        (Area.KUBERNETES, "failed", False),
        (Area.KUBERNETES, "skipped", True),
        (Area.PLATFORM, "skipped", True),
    ]
    assert "http://127.0.0.1:1 does not answer" in found[0].message
    assert "BERTH_KUBE_SERVER" in found[0].message


async def test_an_area_that_is_looked_at_alone_still_tells_why_it_could_not_be(scene: Scene) -> None:
    (cause, skipped) = await scene.look(Area.PLATFORM, kube_server="http://127.0.0.1:1")
    assert (cause.area, cause.state, skipped.state) == (Area.KUBERNETES, "failed", "skipped")
    (scene.folder / "platform.yaml").unlink()
    (cause, skipped) = await scene.look(Area.PLATFORM)
    assert (cause.area, cause.state, skipped.state) == (Area.CONFIGURATION, "failed", "skipped")
    assert "set BERTH_PLATFORM to a readable file" in cause.message


async def test_looking_changes_nothing(scene: Scene) -> None:
    before = scene.kube.dump()
    scene.kube.calls.clear()
    await scene.look(Area.KUBERNETES, Area.PLATFORM)
    assert scene.kube.dump() == before
    written = {call.plural for call in scene.kube.calls if call.verb not in ("get", "list")}
    assert written == {"selfsubjectaccessreviews"}


async def test_the_doctor_itself_needs_no_right_that_a_worker_has_not(scene: Scene) -> None:
    allowed = {(right.verb, right.kind.plural) for right in rights(read_platform(platform_document(NAT)))}
    scene.document(NAT)
    scene.kube.calls.clear()
    await scene.look(Area.KUBERNETES, Area.PLATFORM)
    used = {(call.verb, call.plural) for call in scene.kube.calls} - {("create", "selfsubjectaccessreviews")}
    assert used <= allowed, used - allowed
