"""One tenant's objects come to life and go again, as the rest of Berth meets them."""

import aiohttp

from lab.kube import KubeSimulator

KUBE_OVN = "/apis/kubeovn.io/v1"
DROP = {"priority": 32000, "match": "ip4.dst == 203.0.113.0/24", "action": "drop"}


async def test_a_tenant_comes_up_and_leaves_nothing_behind() -> None:
    async with KubeSimulator() as kube, aiohttp.ClientSession(kube.url) as http:
        await kube.settled()
        before, northbound_before = kube.dump(), kube.northbound.dump()
        objects = [
            ("vpcs", "red", {"namespaces": ["red"], "enableExternal": True, "policyRoutes": [DROP]}),
            ("subnets", "red--a", {"vpc": "red", "cidrBlock": "10.0.0.0/24", "namespaces": ["red"]}),
            ("ovn-eips", "red-out", {"externalSubnet": "external"}),
            ("ovn-snat-rules", "red-out", {"ovnEip": "red-out", "vpcSubnet": "red--a"}),
        ]
        answer = await http.post("/api/v1/namespaces", json={"metadata": {"name": "red"}})
        assert answer.status == 201
        for plural, name, spec in objects:
            answer = await http.post(f"{KUBE_OVN}/{plural}", json={"metadata": {"name": name}, "spec": spec})
            assert answer.status == 201
        await kube.settled()

        assert kube.api.get("vpcs", "red").manifest["status"]["standby"] is True
        assert kube.api.get("ovn-snat-rules", "red-out").manifest["status"]["ready"] is True
        assert kube.northbound.routers["red"].nats[0].logical_ip == "10.0.0.0/24"
        assert kube.northbound.exposures == []

        for plural, name, _ in reversed(objects):
            assert (await http.delete(f"{KUBE_OVN}/{plural}/{name}")).status == 200
            await kube.settled()
        await http.delete("/api/v1/namespaces/red")
        await kube.settled()
        assert kube.dump() == before
        assert kube.northbound.dump() == northbound_before
