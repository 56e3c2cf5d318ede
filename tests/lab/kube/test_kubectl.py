"""The real kubectl against the simulator: whichever version is installed."""

import asyncio
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.lab.kube.caller import Caller

TENANT = """
apiVersion: kubeovn.io/v1
kind: Vpc
metadata: {name: red, labels: {tenant: red}}
spec:
  namespaces: [default]
  policyRoutes: [{priority: 32000, match: ip4.dst == 203.0.113.0/24, action: drop}]
---
apiVersion: kubeovn.io/v1
kind: Subnet
metadata: {name: red--a}
spec: {vpc: red, cidrBlock: 10.0.0.0/24, namespaces: [default]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: handover, namespace: default}
data: {subnet: red--a}
"""


class Kubectl:
    """kubectl against the simulator, with a home of its own."""

    def __init__(self, binary: str, url: str, home: Path) -> None:
        self._command = [binary, f"--server={url}", f"--cache-dir={home / 'cache'}"]
        self._environment = {**os.environ, "HOME": str(home), "TMPDIR": str(home), "KUBECONFIG": str(home / "none")}

    async def start(self, *arguments: str, editor: str = "true") -> asyncio.subprocess.Process:
        """Start a command."""
        pipe = asyncio.subprocess.PIPE
        environment = {**self._environment, "EDITOR": editor}
        command = [*self._command, *arguments]
        return await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)

    async def __call__(self, *arguments: str, stdin: str = "", editor: str = "true") -> str:
        """Run a command; returns what it printed, and fails when it failed."""
        child = await self.start(*arguments, editor=editor)
        async with asyncio.timeout(60):
            printed, complaints = await child.communicate(stdin.encode())
        assert child.returncode == 0, f"kubectl {' '.join(arguments)}: {complaints.decode()}"
        return printed.decode()


@pytest.fixture
def kubectl(caller: Caller, tmp_path: Path) -> Kubectl:
    """The kubectl that is installed."""
    binary = shutil.which("kubectl")
    if binary is None:
        pytest.skip("kubectl is not installed: apt-get install kubernetes-client")
    return Kubectl(binary, caller.kube.url, tmp_path)


async def test_apply_creates_leaves_alone_and_changes(kubectl: Kubectl, caller: Caller) -> None:
    assert (await kubectl("apply", "-f", "-", stdin=TENANT)).count("created") == 3
    await caller.kube.settled()
    assert (await kubectl("apply", "-f", "-", stdin=TENANT)).count("unchanged") == 3
    changed = TENANT.replace("32000", "32001").replace("{subnet: red--a}", "{other: thing}")
    assert (await kubectl("apply", "-f", "-", stdin=changed)).count("configured") == 2
    assert (await caller.get("vpcs", "red"))["spec"]["policyRoutes"][0]["priority"] == 32001
    assert (await caller.get("configmaps", "handover", "default"))["data"] == {"other": "thing"}


async def test_server_side_apply_replaces_lists_whole(kubectl: Kubectl, caller: Caller) -> None:
    await kubectl("apply", "--server-side", "-f", "-", stdin=TENANT)
    changed = TENANT.replace("[default]\n  policy", "[kube-system]\n  policy")
    await kubectl("apply", "--server-side", "-f", "-", stdin=changed)
    assert (await caller.get("vpcs", "red"))["spec"]["namespaces"] == ["kube-system"]


async def test_get_prints_the_columns_of_the_kind(kubectl: Kubectl, caller: Caller) -> None:
    await kubectl("apply", "-f", "-", stdin=TENANT)
    await caller.kube.settled()
    heading, row = (await kubectl("get", "vpc", "red")).splitlines()
    assert heading.split()[:4] == ["NAME", "ENABLEEXTERNAL", "ENABLEBFD", "STANDBY"]
    assert row.startswith("red ")
    assert '["red--a"]' in row
    assert (await kubectl("get", "subnets,vlans,pn", "-o", "name")).split()[-1] == "providernetwork.kubeovn.io/external"
    assert json.loads(await kubectl("get", "vpcs", "-l", "tenant=red", "-o", "json"))["items"][0]["status"]["standby"]


async def test_describe_shows_spec_and_status(kubectl: Kubectl, caller: Caller) -> None:
    await kubectl("apply", "-f", "-", stdin=TENANT)
    await caller.kube.settled()
    described = await kubectl("describe", "vpc", "red")
    assert "ip4.dst == 203.0.113.0/24" in described
    assert "Standby:" in described
    assert "ovn.kubernetes.io/logical_switch: red--a" in await kubectl("describe", "namespace", "default")


async def test_watch_prints_changes_as_they_happen(kubectl: Kubectl, caller: Caller) -> None:
    watching = await kubectl.start("get", "vlans", "--watch", "-o", "name")
    assert watching.stdout is not None
    async with asyncio.timeout(60):
        assert await watching.stdout.readline() == b"vlan.kubeovn.io/external\n"
        await caller.create("vlans", "late", {"id": 8, "provider": "external"})
        assert await watching.stdout.readline() == b"vlan.kubeovn.io/late\n"
        watching.terminate()
        await watching.communicate()


async def test_delete_waits_until_the_objects_are_gone(kubectl: Kubectl, caller: Caller) -> None:
    await kubectl("apply", "-f", "-", stdin=TENANT)
    await caller.kube.settled()
    await kubectl("delete", "--timeout=30s", "-f", "-", stdin=TENANT)
    assert not await caller.exists("vpcs", "red")
    assert not await caller.exists("subnets", "red--a")


async def test_imperative_commands_work(kubectl: Kubectl, caller: Caller) -> None:
    assert "created" in await kubectl("create", "namespace", "red")
    await kubectl("create", "configmap", "c", "--from-literal=a=b", "-n", "red")
    await kubectl("create", "secret", "generic", "s", "--from-literal=a=b", "-n", "red")
    assert (await caller.get("configmaps", "c", "red"))["data"] == {"a": "b"}
    assert (await caller.get("secrets", "s", "red"))["data"] == {"a": "Yg=="}
    await kubectl("label", "vpc", "ovn-cluster", "x=y")
    await kubectl("annotate", "configmap", "c", "-n", "red", "x=y")
    await kubectl("patch", "vpc", "ovn-cluster", "--type=merge", "-p", '{"metadata":{"labels":{"z":"1"}}}')
    await kubectl("patch", "configmap", "c", "-n", "red", "-p", '{"data":{"c":"before"}}')
    assert (await caller.get("vpcs", "ovn-cluster"))["metadata"]["labels"] == {"x": "y", "z": "1"}
    await kubectl("edit", "configmap", "c", "-n", "red", editor="sed -i s/before/after/")
    assert (await caller.get("configmaps", "c", "red"))["data"] == {"a": "b", "c": "after"}
    assert (await kubectl("auth", "can-i", "create", "vpcs")).strip() == "yes"
    await kubectl("delete", "namespace", "red", "--timeout=30s")
    assert not await caller.exists("namespaces", "red")


async def test_what_is_refused_is_explained(kubectl: Kubectl) -> None:
    with pytest.raises(AssertionError, match=r'vpcs\.kubeovn\.io "nothing" not found'):
        await kubectl("get", "vpc", "nothing")
    with pytest.raises(AssertionError, match="must be of type integer"):
        await kubectl("apply", "-f", "-", stdin=TENANT.replace("32000", "'32000'"))
