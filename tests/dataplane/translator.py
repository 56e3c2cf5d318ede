"""A real translator: nftables in a network namespace between a client and a host, with a real sshd to log in to."""

import asyncio
import ctypes
import secrets
import shutil
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from itertools import count
from pathlib import Path

from paramiko import Ed25519Key

from clients.devices import Login, work
from clients.devices.examining import Examined, examine
from tenancy.announcement import Translation
from tenancy.devices import DeviceOutcome, EdgeAction, EdgeRequest
from tenancy.edge import Translator
from tests.dataplane.fabric import SECONDS, lacking, run
from tests.dataplane.ssh_server import SshServer, ssh_server

TOOLS = ("nft", "conntrack", "sshd", "ssh-keygen", "ip", "ping", "nsenter", "unshare", "cmp")
CLIENT = {4: "198.51.100.2", 6: "2001:db8:51::2"}
PUBLIC = {4: ("203.0.113.10", "203.0.113.11", "203.0.113.12"), 6: ("2001:db8:203::10", "2001:db8:203::11")}
EXTERNAL = {4: ("10.9.0.10", "10.9.0.11", "10.9.0.12"), 6: ("fd00:9::10", "fd00:9::11")}
"""Addresses of the one host: those of several tenants."""
SERVICE = 7000
_CLONE_NEWNET = 0x40000000
_TCP_USER_TIMEOUT_MS = 1500


def missing() -> str | None:
    """Why there can be no translator on this machine; None where there can."""
    return lacking(TOOLS, "nftables, conntrack, openssh-server, iproute2, iputils-ping")


def pairs(number: int, *versions: int) -> tuple[Translation, ...]:
    """The translations of tenant `number`, of both families unless named."""
    return tuple(
        Translation(public=PUBLIC[version][number], external=EXTERNAL[version][number])
        for version in versions or (4, 6)
    )


@dataclass
class Edge:
    """client - edge - host; the edge is logged in to and translates."""

    folder: Path
    prefix: str
    holder: int = 0
    """Process whose mounts the edge has: an /etc of its own."""
    server: SshServer = field(init=False)
    login: Login = field(default_factory=lambda: Login("root"))
    ids: "count[int]" = field(default_factory=count)
    alive: Callable[[], bool] = lambda: True
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def saved(self) -> Path:
        return self.folder / "etc/nftables.d/berth.nft"

    def namespace(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    async def on(self, name: str, *command: str, check: bool = True) -> str:
        """Runs a program on one of the three."""
        mounts = (f"--mount=/proc/{self.holder}/ns/mnt",) if name == "edge" else ()
        return await run("nsenter", f"--net=/run/netns/{self.namespace(name)}", *mounts, "--", *command, check=check)

    def request(self, action: EdgeAction, tenant: str, translations: Sequence[Translation]) -> EdgeRequest:
        return EdgeRequest(id=f"r{next(self.ids)}", tenant=tenant, action=action, translations=tuple(translations))

    @property
    def device(self) -> Translator:
        return Translator(
            name="nat-1", platform="linux-nftables", host="127.0.0.1", port=self.server.port, credentials="berth"
        )

    async def examined(self) -> Examined:
        """What a look finds that changes nothing."""
        known_hosts = self.folder / "known_hosts"
        return await examine(self.device, self.login, known_hosts=known_hosts, progress=lambda line: None)

    async def work(self, *requests: EdgeRequest) -> list[DeviceOutcome]:
        return await work(
            self.device,
            self.login,
            requests,
            known_hosts=self.folder / "known_hosts",
            alive=lambda: self.alive(),
            progress=lambda line: None,
        )

    async def ask(self, action: EdgeAction, tenant: str, translations: Sequence[Translation]) -> DeviceOutcome:
        (outcome,) = await self.work(self.request(action, tenant, translations))
        return outcome

    async def done(self, action: EdgeAction, tenant: str, translations: Sequence[Translation]) -> DeviceOutcome:
        outcome = await self.ask(action, tenant, translations)
        assert outcome.result == "done", outcome.message
        return outcome

    async def restart(self) -> None:
        """What a restart does to the rules: they are gone, and what the service loads is there. Flows go, too."""
        await self.on("edge", "nft", "flush", "ruleset")
        await self.on("edge", "conntrack", "-F")
        await self.on("edge", "nft", "-f", "/etc/nftables.conf")

    async def wipe(self) -> None:
        """As it was before Berth came."""
        await self.on("edge", "nft", "flush", "ruleset")
        await self.on("edge", "conntrack", "-F")
        for left in self.saved.parent.iterdir():
            left.unlink()

    async def answers(self, address: str) -> bool:
        """Whether a ping of the client is answered, from the address itself."""
        out = await self.on("client", "ping", "-n", "-c", "1", "-i", "0.2", "-w", "1", address, check=False)
        return f"bytes from {address}" in out

    async def connect(self, name: str, address: str, source: str | None = None) -> "Conversation":
        """A TCP connection from one of the three to the service at an address."""
        opened = socket_in(self.namespace(name), address)
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _TCP_USER_TIMEOUT_MS)
        if source is not None:
            opened.bind((source, 0))
        try:
            await asyncio.get_running_loop().sock_connect(opened, (address, SERVICE))
        except BaseException:
            opened.close()
            raise
        self.stack.callback(opened.close)
        conversation = Conversation(opened)
        conversation.seen_as = await conversation.hear()
        return conversation

    async def seen_as(self, name: str, address: str, source: str | None = None) -> str:
        """The address from which a connection appears to arrive."""
        conversation = await self.connect(name, address, source)
        conversation.close()
        return conversation.seen_as


@dataclass
class Conversation:
    """An open connection to a service that first says whom it sees, and then repeats every line."""

    socket: socket.socket
    seen_as: str = ""

    async def hear(self) -> str:
        loop, text = asyncio.get_running_loop(), b""
        while not text.endswith(b"\n"):
            data = await loop.sock_recv(self.socket, 100)
            if not data:
                raise ConnectionError("closed")
            text += data
        return text.decode().strip()

    async def say(self, line: str) -> str:
        """The answer. Raises OSError where the connection is dead: the kernel gives it up when nothing is acknowledged."""
        await asyncio.get_running_loop().sock_sendall(self.socket, f"{line}\n".encode())
        return await self.hear()

    def close(self) -> None:
        self.socket.close()


def socket_in(namespace: str, address: str) -> socket.socket:
    """A TCP socket of a network namespace. In a thread of its own, which ends there: a thread keeps its namespace."""
    family = socket.AF_INET if ip_address(address).version == 4 else socket.AF_INET6
    made: list[socket.socket] = []

    def make() -> None:
        with open(f"/run/netns/{namespace}") as handle:
            if ctypes.CDLL(None, use_errno=True).setns(handle.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        made.append(socket.socket(family, socket.SOCK_STREAM))

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    made[0].setblocking(False)
    return made[0]


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, asyncio.CancelledError):
        writer.write(f"{writer.get_extra_info('peername')[0]}\n".encode())
        while line := await reader.readline():
            writer.write(line)
    writer.close()


@asynccontextmanager
async def running_edge(folder: Path) -> AsyncIterator[Edge]:
    """The three hosts and the sshd, while the block runs."""
    async with AsyncExitStack() as stack:
        edge = Edge(folder, f"nat-{secrets.token_hex(3)}", stack=stack)
        for name in ("client", "edge", "host"):
            await run("ip", "netns", "add", edge.namespace(name))
            stack.push_async_callback(run, "ip", "netns", "del", edge.namespace(name))
        await _cables(edge)
        await _etc(edge, stack)
        for name in ("client", "host"):
            for address in ("0.0.0.0", "::"):  # noqa: S104  # of the namespace alone
                listening = socket_in(edge.namespace(name), address)
                if address == "::":
                    listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listening.bind((address, SERVICE))
                server = await asyncio.start_server(_serve, sock=listening)
                stack.callback(server.close)
        await _sshd(edge, stack)
        yield edge


async def _cables(edge: Edge) -> None:
    inside = {
        "client": [f"{CLIENT[4]}/24", f"{CLIENT[6]}/64"],
        "host": [*(f"{one}/24" for one in EXTERNAL[4]), *(f"{one}/64" for one in EXTERNAL[6])],
    }
    gateways = {"client": ("198.51.100.1", "2001:db8:51::1"), "host": ("10.9.0.1", "fd00:9::1")}
    router = edge.namespace("edge")
    for name, addresses in inside.items():
        here = ("ip", "-n", edge.namespace(name))
        await run(*here, "link", "add", "eth0", "type", "veth", "peer", "name", f"to-{name}", "netns", router)
        for address in addresses:
            await run(*here, "addr", "add", address, "dev", "eth0", "nodad")
        await run("ip", "-n", router, "addr", "add", f"{gateways[name][0]}/24", "dev", f"to-{name}")
        await run("ip", "-n", router, "addr", "add", f"{gateways[name][1]}/64", "dev", f"to-{name}", "nodad")
        await run("ip", "-n", router, "link", "set", f"to-{name}", "up")
        await run(*here, "link", "set", "eth0", "up")
        for family, gateway in zip(("-4", "-6"), gateways[name], strict=True):
            await run("ip", family, *here[1:], "route", "add", "default", "via", gateway)
    # The links are up and the edge knows its neighbours: IPv6 takes a second for that, in which the first packets wait.
    heard = [
        edge.on(name, "ping", "-n", "-c", "1", "-i", "0.2", "-w", "15", "-I", address.split("/")[0], gateway)
        for name, addresses in inside.items()
        for address in addresses
        for gateway in gateways[name]
        if (":" in address) == (":" in gateway)
    ]
    await asyncio.gather(*heard)
    # What is not translated is dropped at the edge without a word, as by a route that discards.
    for prefix in ("203.0.113.0/24", "2001:db8:203::/64"):
        await run("ip", "-n", router, "route", "add", "blackhole", prefix)
    for key in ("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"):
        await run("ip", "netns", "exec", router, "sysctl", "-qw", key)


async def _etc(edge: Edge, stack: AsyncExitStack) -> None:
    """Gives the edge an /etc of its own, in which nftables.service is enabled and loads the folder."""
    etc = edge.folder / "etc"
    wants = etc / "systemd/system/sysinit.target.wants"
    (etc / "nftables.d").mkdir(parents=True)
    wants.mkdir(parents=True)
    (wants / "nftables.service").symlink_to("/lib/systemd/system/nftables.service")
    (etc / "nftables.conf").write_text('flush ruleset\ninclude "/etc/nftables.d/*.nft"\n')
    for name in ("passwd", "group", "ld.so.cache"):
        shutil.copy(f"/etc/{name}", etc)
    # The link's target may be missing on a machine without systemd; on a real edge it is there.
    script = f"mount --bind {etc} /etc && echo ready && exec sleep infinity"
    holder = await asyncio.create_subprocess_exec(
        *("unshare", "--mount", "--propagation", "private", "sh", "-c", script), stdout=asyncio.subprocess.PIPE
    )
    stack.push_async_callback(_end, holder)
    assert holder.stdout is not None
    assert await asyncio.wait_for(holder.stdout.readline(), SECONDS) == b"ready\n"
    edge.holder = holder.pid


async def _sshd(edge: Edge, stack: AsyncExitStack) -> None:
    folder = edge.folder
    for name in ("host_key", "login_key"):
        await run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    shell = f"nsenter --net=/run/netns/{edge.namespace('edge')} --mount=/proc/{edge.holder}/ns/mnt bash --rcfile {folder}/bashrc"
    config = (
        f"HostKey {folder}/host_key\nAuthorizedKeysFile {folder}/login_key.pub\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxStartups 100\nForceCommand {shell}\n"
    )
    (folder / "bashrc").touch()
    edge.server = await stack.enter_async_context(ssh_server(folder / "sshd_config", config))
    host_key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{edge.server.port} {host_key}")
    edge.login = Login("root", private_key=Ed25519Key.from_private_key_file(str(folder / "login_key")))


async def _end(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()
