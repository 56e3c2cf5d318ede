"""A simulated switch, Berth's view of it, and the requests the tests ask of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Literal, get_args

import asyncssh

from clients.devices import Login, work
from lab.switches import Login as SwitchLogin
from lab.switches import Switch as Simulated
from lab.switches.configuration import Configuration
from tenancy.approval import Approval, Decision, Preview, SwitchLines
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.switches import PortName, Switch, SwitchPlatform

PASSWORD = "login-password-7c1f"
ENABLE = "enable-secret-93ab"
Action = Literal["survey", "preview", "ensure", "absent", "verify", "verify-absent"]


def login_of(password: str = PASSWORD, enable: str | None = ENABLE) -> Login:
    return Login(username="berth", password=password, enable_secret=enable)


def switch_login(enable: str | None = ENABLE) -> SwitchLogin:
    return SwitchLogin(username="berth", password=PASSWORD, enable_secret=enable)


@dataclass
class Scene:
    """One simulated switch and what is asked of it."""

    simulated: Simulated
    platform: SwitchPlatform
    trunks: tuple[PortName, ...]
    known_hosts: Path
    login: Login = field(default_factory=login_of)
    alive: Callable[[], bool] = lambda: True
    progress: list[str] = field(default_factory=list)
    ids: "count[int]" = field(default_factory=count)

    @property
    def switch(self) -> Switch:
        return Switch(
            name=self.simulated.name,
            platform=self.platform,
            host="127.0.0.1",
            port=self.simulated.port,
            credentials="berth",
            trunks=self.trunks,
        )

    @property
    def running(self) -> Configuration:
        return self.simulated.running

    @property
    def startup(self) -> Configuration:
        return self.simulated.startup

    def trust(self) -> None:
        self.known_hosts.write_text(f"[127.0.0.1]:{self.simulated.port} {self.simulated.host_key}\n")

    def request(
        self, action: Action, tenant: str = "acme", vlan: int | None = 100, *, approval: Approval | None = None
    ) -> DeviceRequest:
        assert action in get_args(Action)
        return DeviceRequest(
            id=f"request-{next(self.ids)}",
            tenant=tenant,
            action=action,
            vlan=vlan,
            trunks=self.trunks,
            approval=approval,
        )

    async def work(self, *requests: DeviceRequest) -> list[DeviceOutcome]:
        return await work(
            self.switch,
            self.login,
            requests,
            known_hosts=self.known_hosts,
            alive=self.alive,
            progress=self.progress.append,
        )

    async def ask(self, action: Action, tenant: str = "acme", vlan: int | None = 100) -> DeviceOutcome:
        (outcome,) = await self.work(self.request(action, tenant, vlan))
        return outcome

    async def lines(self, tenant: str = "acme", vlan: int = 100) -> tuple[str, ...]:
        """What an ensure would send now."""
        outcome = await self.ask("preview", tenant, vlan)
        assert outcome.result == "done", outcome.message
        return outcome.lines

    def approved(self, lines: Sequence[str], tenant: str = "acme", vlan: int = 100) -> DeviceRequest:
        """An ensure that was approved for these lines."""
        return self.request("ensure", tenant, vlan, approval=approval(self.switch.name, lines, tenant, vlan))

    async def ensure(self, *wishes: tuple[str, int]) -> list[DeviceOutcome]:
        """One batch of ensures, each approved for what it needs from the present state on."""
        previews = await self.work(*(self.request("preview", tenant, vlan) for tenant, vlan in wishes))
        return await self.work(
            *(
                self.approved(preview.lines, tenant, vlan)
                for preview, (tenant, vlan) in zip(previews, wishes, strict=True)
            )
        )

    def carries(self, vlan: int, which: Configuration | None = None) -> list[str]:
        """The ports that carry a VLAN."""
        configuration = which or self.running
        return [name for name, port in configuration.ports.items() if port.carries(vlan)]

    def changed(self) -> list[str]:
        """The lines that were sent in configuration mode."""
        return self.simulated.journal.lines(configuring=True)


def approval(switch: str, lines: Sequence[str], tenant: str = "acme", vlan: int = 100) -> Approval:
    preview = Preview(
        tenant=tenant, run="run-1", vlan=vlan, switches=(SwitchLines(switch=switch, lines=tuple(lines)),), plan="digest"
    )
    return Approval(
        preview=preview, decision=Decision(plan=preview.hash, by="netops@example.net"), at="2026-11-24T12:00:00Z"
    )


@asynccontextmanager
async def somebody_else(port: int, *lines: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
    """Another session of the same login, which has typed these lines and stays; yields what types one more."""
    async with (
        asyncssh.connect(
            "127.0.0.1", port, username="berth", password=PASSWORD, known_hosts=None, config=[]
        ) as connection,
        connection.create_process(term_type="vt100") as process,
    ):

        async def say(line: str) -> None:
            process.stdin.write(f"{line}\n")
            await process.stdout.readuntil(("#", "word: "))

        await process.stdout.readuntil(">")
        for line in lines:
            await say(line)
        yield say
