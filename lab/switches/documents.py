"""Which switches a process serves: its configuration file, and what it writes about itself once it listens."""

from typing import Annotated, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyAddress,
    IPvAnyInterface,
    IPvAnyNetwork,
    SecretStr,
    field_validator,
    model_validator,
)

from lab.switches.configuration import Port, StaticRoute, numbers, routed, trunk
from lab.switches.dialects import DialectName


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PortDocument(_Frozen):
    """One port of a switch."""

    name: str
    mode: Literal["access", "trunk", "routed"] = "trunk"
    allowed: str = "1"
    """Of a trunk: `1,10-20`, or `ALL`."""
    access: int = 1
    addresses: tuple[IPvAnyInterface, ...] = ()
    """Of a routed one: `203.0.113.1/24`."""

    @field_validator("allowed")
    @classmethod
    def _is_a_list(cls, text: str) -> str:
        if text != "ALL":
            numbers(text)
        return text

    def made(self) -> Port:
        """The port."""
        if self.mode == "routed":
            return routed(self.name, *(str(one) for one in self.addresses))
        return trunk(self.name, self.allowed) if self.mode == "trunk" else Port(self.name, access=self.access)


class RouteDocument(_Frozen):
    """A static route."""

    destination: IPvAnyNetwork
    next_hop: IPvAnyAddress | None = None
    tag: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")] | None = None

    def made(self) -> StaticRoute:
        """The route."""
        return StaticRoute(
            str(self.destination), str(self.next_hop) if self.next_hop else None, self.tag, self.name or ""
        )


class SwitchDocument(_Frozen):
    """One switch or router; what is left out is as `lab.switches.Switch` has it."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,62}$")]
    dialect: DialectName
    port: Annotated[int, Field(ge=0, le=65535)] = 0
    username: str
    password: SecretStr | None = None
    enable_secret: SecretStr | None = None
    authorized_keys: tuple[str, ...] = ()
    lock_after: Annotated[int, Field(ge=1)] | None = None
    ports: tuple[PortDocument, ...] | None = None
    vlans: dict[int, str] = Field(default_factory=dict)
    other: tuple[str, ...] = ()
    routes: tuple[RouteDocument, ...] = ()
    save_seconds: Annotated[float, Field(ge=0)] = 0.0
    command_seconds: Annotated[float, Field(ge=0)] = 0.0
    boot_seconds: Annotated[float, Field(ge=0)] = 0.0
    minute_seconds: Annotated[float, Field(gt=0)] = 60.0
    lines: Annotated[int, Field(ge=0)] | None = None


class PeeringDocument(_Frozen):
    """BGP between two of the routers: the neighbour hears what the edge announces, `seconds` later."""

    edge: str
    neighbour: str
    seconds: Annotated[float, Field(ge=0)] | None = None


class FabricDocument(_Frozen):
    """All switches and routers of one process."""

    switches: Annotated[tuple[SwitchDocument, ...], Field(min_length=1)]
    peerings: tuple[PeeringDocument, ...] = ()

    @field_validator("switches")
    @classmethod
    def _names_differ(cls, switches: tuple[SwitchDocument, ...]) -> tuple[SwitchDocument, ...]:
        if len({switch.name for switch in switches}) < len(switches):
            raise ValueError("two switches have one name: name each differently")
        return switches

    @model_validator(mode="after")
    def _peers_are_there(self) -> Self:
        names = {switch.name for switch in self.switches}
        for peering in self.peerings:
            if missing := {peering.edge, peering.neighbour} - names:
                raise ValueError(f"peering with {', '.join(sorted(missing))}: name routers of `switches`")
        return self


class ServedSwitch(_Frozen):
    """A switch that listens."""

    name: str
    dialect: DialectName
    port: int
    host_key: str
    """Public, as known_hosts has it: `ssh-ed25519 AAAA...`."""


class Served(_Frozen):
    """The contents of the port file."""

    control: int
    """Port of the control API."""
    switches: tuple[ServedSwitch, ...]
