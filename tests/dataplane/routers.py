"""Two real FRR routers that speak BGP, the edge and one of the fabric, and an SSH server whose sessions are their vtysh."""

import asyncio
import json
import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from clients.devices import Login
from clients.devices.credentials import private_key
from tenancy.edge import DEFAULT_TAG, EdgeRouter
from tests.dataplane.fabric import lacking, network_namespace, run
from tests.dataplane.ssh_server import SshServer, ssh_server

DAEMONS = Path("/usr/lib/frr")
TOOLS = ("ip", "mount", "ssh-keygen", "sshd", "vtysh", *(str(DAEMONS / name) for name in ("zebra", "staticd", "bgpd")))
CONFIGURATION, SOCKETS = Path("/etc/frr"), Path("/var/run/frr")
"""FRR's own: each router has a folder in them (`-N`, zebra(8))."""
EDGE, FABRIC = "edge-1", "fabric-1"
CREDENTIALS = "edge"
PROVIDER = ("192.0.2.1/24", "2001:db8:ff::1/64")
"""The edge router's addresses on the provider network, where the next hops are."""
LINK = {EDGE: ("10.255.0.1", "fd00:ff::1"), FABRIC: ("10.255.0.2", "fd00:ff::2")}
SECONDS = 20.0
POLL_SECONDS = 0.05

_BGP = """\
frr defaults datacenter
service integrated-vtysh-config
ip forwarding
ipv6 forwarding
route-map BERTH permit 10
 match tag {tag}
exit
router bgp {own}
 bgp router-id {router}
 no bgp ebgp-requires-policy
 no bgp network import-check
 timers bgp 1 3
 neighbor {peer} remote-as {other}
 neighbor {peer} timers connect 1
 neighbor {peer6} remote-as {other}
 neighbor {peer6} timers connect 1
 address-family ipv4 unicast
  no neighbor {peer6} activate
{redistribute} exit-address-family
 address-family ipv6 unicast
  neighbor {peer6} activate
{redistribute} exit-address-family
exit
"""
_SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/{router}.pid
PermitRootLogin yes
PasswordAuthentication no
StrictModes no
UsePAM no
MaxStartups 100
ForceCommand /usr/bin/vtysh -N {pathspace}
"""


def missing() -> str | None:
    """Why there can be no routers on this machine; None where there can."""
    return lacking(TOOLS, "frr, openssh-server, iproute2, mount")


@dataclass
class Edge:
    """The edge router `edge-1` and its neighbour `fabric-1`, each in a network namespace of its own."""

    folder: Path
    prefix: str
    """Of every name outside the folder, so that two tests at once do not meet."""
    servers: dict[str, SshServer] = field(default_factory=dict)

    @property
    def known_hosts(self) -> Path:
        """The host keys, as Berth wants them."""
        return self.folder / "known_hosts"

    @property
    def key(self) -> Path:
        """The private key that may log in as root, to vtysh."""
        return self.folder / "key"

    def document(self, name: str) -> dict[str, Any]:
        """A router as the platform's document has it."""
        where = {"host": "127.0.0.1", "port": self.servers[name].port}
        return {"name": name, "platform": "frr", "credentials": CREDENTIALS, **where}

    def router(self, name: str = EDGE) -> EdgeRouter:
        """The same, read."""
        return EdgeRouter.model_validate(self.document(name))

    def announce(self, **more: Any) -> dict[str, Any]:
        """The part `announce` of a platform's document: static routes on the edge, and the fabric has to have heard of them."""
        login = {"name": CREDENTIALS, "username": "root", "privateKey": {"file": str(self.key)}}
        return {
            "method": "static-route",
            "routers": [self.document(EDGE)],
            "neighbours": [self.document(FABRIC)],
            "credentials": [login],
            **more,
        }

    def vtysh(self, *lines: str, router: str = EDGE) -> str:
        """What a session beside Berth's is answered; all lines in one, one after the other."""
        commands = [argument for line in lines for argument in ("-c", line)]
        done = subprocess.run(
            ["vtysh", "-N", self.pathspace(router), *commands],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return done.stdout + done.stderr

    def statics(self, router: str = EDGE) -> set[str]:
        """The static routes that run, line by line."""
        lines = self.vtysh("show running-config", router=router).split("\n")
        return {line for line in lines if line.startswith(("ip route ", "ipv6 route "))}

    def startup(self, router: str = EDGE) -> str:
        """The configuration the router starts with."""
        return (CONFIGURATION / self.pathspace(router) / "frr.conf").read_text()

    def heard(self, router: str = FABRIC) -> set[str]:
        """The networks in a router's BGP table; a network of one host as its address."""
        found = set()
        for family in ("ipv4", "ipv6"):
            table = json.loads(self.vtysh(f"show bgp {family} unicast json", router=router))
            found |= {network for network, paths in table["routes"].items() if paths[0].get("valid")}
        hosts = {ip_network(network) for network in found}
        return {str(one.network_address if one.prefixlen == one.max_prefixlen else one) for one in hosts}

    async def until_heard(self, expected: set[str]) -> None:
        """Returns once the fabric's BGP table holds exactly these. Raises AssertionError where it does not come to that."""
        await self.until(lambda: self.heard() == expected, lambda: f"{self.heard()}, expected {expected}")

    async def until(self, true: Callable[[], bool], told: Callable[[], str]) -> None:
        """Returns once something is so; a command line has no events to wait for."""
        for _ in range(round(SECONDS / POLL_SECONDS)):
            if await asyncio.to_thread(true):
                return
            await asyncio.sleep(POLL_SECONDS)
        raise AssertionError(told())

    def pathspace(self, router: str) -> str:
        """The name under which FRR keeps the router's files; that of its network namespace, too."""
        return f"{self.prefix}-{router}"

    async def start(self, router: str = EDGE) -> None:
        """Starts the daemons, which read what was saved."""
        name = self.pathspace(router)
        for daemon in ("zebra", "staticd", "bgpd"):
            await run("ip", "netns", "exec", name, str(DAEMONS / daemon), "-N", name, "-d")
        await run("vtysh", "-N", name, "-b")

    def kill(self, router: str = EDGE, *daemons: str) -> None:
        """`kill -9` of these daemons, or of all; nothing of what only runs is left."""
        for file in (SOCKETS / self.pathspace(router)).glob("*.pid"):
            if daemons and file.stem not in daemons:
                continue
            with suppress(ProcessLookupError):
                os.kill(int(file.read_text()), signal.SIGKILL)
            file.unlink()

    def login(self) -> Login:
        """What `credentials` of the document leads to."""
        return Login(username="root", private_key=private_key(self.key.read_text(), None, CREDENTIALS))

    def cut(self, router: str = EDGE) -> None:
        """Kills every SSH session with the router, as a broken link would."""
        self.servers[router].cut()

    @contextmanager
    def unwritable(self, router: str = EDGE) -> Iterator[None]:
        """While inside, what the router starts with cannot be written."""
        folder = str(CONFIGURATION / self.pathspace(router))
        subprocess.run(["mount", "--bind", folder, folder], check=True)
        try:
            subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
            yield
        finally:
            # Lazily: a session that is writing at this moment keeps it busy, and the mount would stay for good.
            subprocess.run(["umount", "--lazy", folder], check=True)


@asynccontextmanager
async def running_edge(
    folder: Path, *, tag: int = DEFAULT_TAG, provider: tuple[str, ...] = PROVIDER
) -> AsyncIterator[Edge]:
    """The two routers while the block runs, with BGP up between them: the fabric hears of every static route with the tag."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    edge = Edge(folder, f"berth{secrets.token_hex(3)}")
    async with AsyncExitStack() as stack:
        for router in (EDGE, FABRIC):
            await network_namespace(stack, edge.pathspace(router))
            stack.callback(_clear, edge, router)
        await _wire(edge, provider)
        for file in ("host_key", "key"):
            await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / file))
        for router in (EDGE, FABRIC):
            _write(edge, router, tag)
            stack.callback(edge.kill, router)
            await edge.start(router)
            config = _SSHD.format(folder=folder, router=router, pathspace=edge.pathspace(router))
            edge.servers[router] = await stack.enter_async_context(ssh_server(folder / f"{router}.sshd", config))
        kind, key = (folder / "host_key.pub").read_text().split()[:2]
        servers = edge.servers.values()
        edge.known_hosts.write_text("".join(f"[127.0.0.1]:{server.port} {kind} {key}\n" for server in servers))
        await edge.until(lambda: _established(edge), lambda: edge.vtysh("show bgp summary"))
        yield edge


async def _wire(edge: Edge, provider: tuple[str, ...]) -> None:
    """A cable between the two, and the provider network on the edge's other side."""
    own, other = edge.pathspace(EDGE), edge.pathspace(FABRIC)
    await run("ip", "-n", own, "link", "add", "fabric", "type", "veth", "peer", "name", "edge", "netns", other)
    await run("ip", "-n", own, "link", "add", "provider", "type", "veth", "peer", "name", "tenants")
    ends: list[tuple[str, str, tuple[str, ...]]] = [
        (own, "fabric", (f"{LINK[EDGE][0]}/30", f"{LINK[EDGE][1]}/64")),
        (other, "edge", (f"{LINK[FABRIC][0]}/30", f"{LINK[FABRIC][1]}/64")),
        (own, "provider", provider),
        *((name, interface, ()) for name, interface in ((own, "tenants"), (own, "lo"), (other, "lo"))),
    ]
    for name, interface, addresses in ends:
        for address in addresses:
            # Without the wait for somebody else with the same address.
            await run(
                "ip", "-n", name, "addr", "add", address, "dev", interface, *(["nodad"] if ":" in address else [])
            )
        await run("ip", "-n", name, "link", "set", interface, "up")


def _write(edge: Edge, router: str, tag: int) -> None:
    peer = FABRIC if router == EDGE else EDGE
    text = _BGP.format(
        tag=tag,
        own=65000 + [EDGE, FABRIC].index(router),
        other=65000 + [EDGE, FABRIC].index(peer),
        router=LINK[router][0],
        peer=LINK[peer][0],
        peer6=LINK[peer][1],
        redistribute="  redistribute static route-map BERTH\n" if router == EDGE else "",
    )
    files = CONFIGURATION / edge.pathspace(router)
    for folder in (files, SOCKETS / edge.pathspace(router)):
        folder.mkdir()
        shutil.chown(folder, "frr", "frr")
    for name, content in (("frr.conf", text), ("vtysh.conf", "service integrated-vtysh-config\n")):
        (files / name).write_text(content)
        shutil.chown(files / name, "frr", "frr")


def _established(edge: Edge) -> bool:
    summary = json.loads(edge.vtysh("show bgp summary json"))
    peers = [peer for family in summary.values() for peer in family["peers"].values()]
    return len(peers) == len(LINK) and all(peer["state"] == "Established" for peer in peers)


def _clear(edge: Edge, router: str) -> None:
    for folder in (CONFIGURATION, SOCKETS):
        shutil.rmtree(folder / edge.pathspace(router), ignore_errors=True)
