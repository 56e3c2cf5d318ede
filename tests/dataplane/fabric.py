"""A fabric of real Open vSwitch bridges in user space, with hosts in network namespaces; all of it goes with the test."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

TOOLS = ("ovsdb-tool", "ovsdb-server", "ovs-vswitchd", "ovs-vsctl", "ovs-appctl", "ip", "ethtool", "ping")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
NO_VLAN = 4095
"""A port that carries nothing: an empty list of trunks means all VLANs to Open vSwitch (ovs-vswitchd.conf.db(5)), and
4095 is no VLAN (IEEE 802.1Q)."""
SECONDS = 20.0


def missing() -> str | None:
    """Why there can be no fabric on this machine; None where there can."""
    return lacking(TOOLS, "openvswitch-switch, iproute2, ethtool, iputils-ping")


def lacking(tools: Sequence[str], packages: str) -> str | None:
    """Why this machine has no network namespaces with these tools in them; `packages` are Debian's that have the tools."""
    absent = [tool for tool in tools if shutil.which(tool, path=PATH) is None]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: {packages})"
    if os.geteuid() != 0:
        return "network namespaces need root"
    return None


async def run(*command: str, check: bool = True) -> str:
    """What a program prints. Raises AssertionError where it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env={**os.environ, "PATH": PATH}
    )
    out, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert not check or process.returncode == 0, f"{' '.join(command)}: {out.decode()}"
    return out.decode()


@dataclass
class Fabric:
    """Bridges by name, and the hosts on them."""

    folder: Path
    prefix: str
    """Of every name in the kernel, so that two tests at once do not meet."""
    hosts: dict[str, str] = field(default_factory=dict)
    """The network namespace of each host."""
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def ovs(self, *arguments: str) -> str:
        """Runs ovs-vsctl on this fabric's own database; it waits until the switch has done as told."""
        return await run("ovs-vsctl", f"--db=unix:{self.folder}/db.sock", "--timeout=15", *arguments)

    async def daemon(self, program: str, *arguments: str) -> None:
        """Starts a daemon; returns once it serves, because it goes to the background only then."""
        files = [
            f"--{option}={self.folder / program}.{ending}"
            for option, ending in (("pidfile", "pid"), ("log-file", "log"), ("unixctl", "ctl"))
        ]
        await run("ip", "netns", "exec", self.prefix, program, *arguments, "--detach", "--no-chdir", *files)
        self.stack.push_async_callback(run, "ovs-appctl", "-t", f"{self.folder / program}.ctl", "exit", check=False)

    async def bridge(self, name: str) -> None:
        """Makes a bridge that forwards nothing yet."""
        await self.ovs("add-br", name, "--", "set", "bridge", name, "datapath_type=netdev", "fail-mode=standalone")

    async def connect(self, one: str, one_port: str, other: str, other_port: str) -> None:
        """A cable between two bridges; both ends carry nothing yet."""
        for bridge, port, peer in ((one, one_port, other_port), (other, other_port, one_port)):
            await self.ovs(
                *("add-port", bridge, port, f"trunks={NO_VLAN}", "--"),
                *("set", "interface", port, "type=patch", f"options:peer={peer}"),
            )

    async def carry(self, port: str, vlans: Collection[int]) -> None:
        """Lets exactly these VLANs through a port."""
        listed = ",".join(map(str, sorted(vlans))) or str(NO_VLAN)
        await self.ovs("set", "port", port, f"trunks={listed}")

    async def host(self, name: str, bridge: str, vlan: int, address: str) -> None:
        """A workload: a host in a network namespace of its own, on the node's bridge, its traffic tagged as Kube-OVN would."""
        namespace, outside = f"{self.prefix}-{name}", f"to-{name}"
        await network_namespace(self.stack, namespace)
        self.hosts[name] = namespace
        fabric, inside = (("ip", "netns", "exec", one) for one in (self.prefix, namespace))
        await run(*fabric, "ip", "link", "add", outside, "type", "veth", "peer", "name", "eth0", "netns", namespace)
        # The user-space datapath fills in no checksums that the kernel left to hardware.
        await run(*inside, "ethtool", "-K", "eth0", "tx", "off")
        await run(*inside, "ip", "addr", "add", address, "dev", "eth0")
        await run(*inside, "ip", "link", "set", "eth0", "up")
        await run(*fabric, "ip", "link", "set", outside, "up")
        await self.ovs("add-port", bridge, outside, f"tag={vlan}")

    async def reaches(self, name: str, address: str) -> bool:
        """Whether a host has an answer from an address; at the first one, or not within two seconds."""
        out = await run(
            *("ip", "netns", "exec", self.hosts[name], "ping", "-n", "-c", "1", "-i", "0.2", "-w", "2", address),
            check=False,
        )
        return " 0 received" not in out


@asynccontextmanager
async def running_fabric(folder: Path) -> AsyncIterator[Fabric]:
    """Open vSwitch with a database of its own while the block runs; no kernel module, no state outside the folder."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    database, socket = folder / "conf.db", folder / "db.sock"
    async with AsyncExitStack() as stack:
        await run("ovsdb-tool", "create", str(database))
        fabric = Fabric(folder, f"berth-{secrets.token_hex(3)}", stack=stack)
        # In a namespace of its own: what Open vSwitch makes in the kernel for its bridges goes with it.
        await network_namespace(stack, fabric.prefix)
        await fabric.daemon("ovsdb-server", str(database), f"--remote=punix:{socket}")
        await fabric.ovs("--no-wait", "init")
        # --disable-system: whatever runs on this machine's kernel datapath is not ours.
        await fabric.daemon("ovs-vswitchd", f"unix:{socket}", "--disable-system")
        yield fabric


async def network_namespace(stack: AsyncExitStack, name: str) -> None:
    """Makes a network namespace that goes with the stack."""
    await run("ip", "netns", "add", name)
    stack.push_async_callback(run, "ip", "netns", "del", name)
