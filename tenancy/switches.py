"""The devices of a platform as its document names them: where they are, who logs in, which ports carry tenants."""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field, WithJsonSchema

from tenancy.fields import Document, Name, ObjectName
from tenancy.mistakes import wrong
from tenancy.tenant import Several

SwitchPlatform: TypeAlias = Literal[
    "cisco-ios", "cisco-nxos", "arista-eos", "juniper-junos", "dell-os10", "aruba-aoscx", "cumulus-nvue"
]
"""What a switch runs, which decides how Berth speaks to it."""

PORT_PATTERNS: Mapping[SwitchPlatform, str] = {
    "cisco-ios": r"([A-Z][A-Za-z]{2,20})?(Ethernet|GigE)[0-9]{1,3}(/[0-9]{1,3}){0,3}|Port-channel[0-9]{1,4}",
    "cisco-nxos": r"Ethernet[0-9]{1,3}(/[0-9]{1,3}){1,3}|port-channel[0-9]{1,4}",
    "arista-eos": r"Ethernet[0-9]{1,3}(/[0-9]{1,3}){0,2}|Port-Channel[0-9]{1,4}",
    "juniper-junos": r"(ge|xe|et|mge)-[0-9]{1,3}/[0-9]{1,3}/[0-9]{1,3}(:[0-9]{1,2})?|ae[0-9]{1,4}",
    "dell-os10": r"ethernet[0-9]{1,3}/[0-9]{1,3}/[0-9]{1,3}(:[0-9]{1,2})?|port-channel[0-9]{1,4}",
    "aruba-aoscx": r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{1,3}(:[0-9]{1,2})?|lag[0-9]{1,3}",
    "cumulus-nvue": r"swp[0-9]{1,3}(s[0-9]{1,2})?|bond[0-9]{1,4}",
}
"""How each platform writes a physical port or a bundle in full, as its running configuration does."""


def _host(text: str) -> str:
    try:
        ip_address(text)
    except ValueError:
        label = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
        if len(text) > 253 or not re.fullmatch(rf"{label}(\.{label})*", text) or re.fullmatch(r"[0-9.]+", text):
            raise wrong(
                "neither an IP address nor a host's name", "write e.g. 10.0.0.1 or leaf-1.example.net"
            ) from None
    return text


Host = Annotated[str, AfterValidator(_host), WithJsonSchema({"type": "string", "format": "hostname"})]
"""An IP address or a DNS name."""


def _port_name(text: str) -> str:
    if not any(re.fullmatch(pattern, text) for pattern in PORT_PATTERNS.values()):
        raise wrong(
            "not a port as a switch writes it", "write its full name, e.g. GigabitEthernet1/0/1, as the switch does"
        )
    return text


PortName = Annotated[
    str,
    AfterValidator(_port_name),
    WithJsonSchema({"type": "string", "pattern": "^(" + "|".join(PORT_PATTERNS.values()) + ")$"}),
]
"""A trunk port of a switch; whether it is one of this switch's platform is a rule."""


def _login(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}", text):
        raise wrong(
            "not a login name", "write letters, digits, dots, dashes and underscores, 64 characters at the most"
        )
    return text


Login = Annotated[str, AfterValidator(_login), WithJsonSchema({"type": "string", "maxLength": 64})]


def _variable(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,127}", text):
        raise wrong("not the name of an environment variable", "write letters, digits and underscores")
    return text


def _path(text: str) -> str:
    if not text.startswith("/") or not text.isprintable() or len(text) > 1000:
        raise wrong("not an absolute path", "write it from the root, e.g. /etc/berth/switches.password")
    return text


FilePath = Annotated[str, AfterValidator(_path), WithJsonSchema({"type": "string", "pattern": "^/"})]
"""A file on the worker's machine."""


class SecretKey(Document):
    """One value of a Kubernetes Secret."""

    namespace: ObjectName
    name: ObjectName
    key: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,253}$")]


class _SecretReference(Document):
    """Where a secret is, never what it is; exactly one of the three."""

    environment: Annotated[str | None, AfterValidator(lambda text: text if text is None else _variable(text))] = None
    """A variable in the worker's environment."""
    file: FilePath | None = None
    """A file on the worker's machine, readable for the worker alone; a line end at its end does not count."""
    secret: SecretKey | None = None
    """A Secret of the Kubernetes cluster."""


def _one_place(reference: _SecretReference) -> _SecretReference:
    places = [place for place in (reference.environment, reference.file, reference.secret) if place is not None]
    if len(places) != 1:
        raise wrong("names no place of a secret, or several", "name one of: environment, file, secret")
    return reference


SecretReference = Annotated[_SecretReference, AfterValidator(_one_place)]


class Credentials(Document):
    """How Berth logs in; what is secret is named, not written."""

    name: Name
    """What a switch says in `credentials`."""
    username: Login
    password: SecretReference | None = None
    private_key: SecretReference | None = None
    """In OpenSSH's or PEM form."""
    passphrase: SecretReference | None = None
    """Of the private key."""
    agent: bool = False
    """Offer the keys of the worker's SSH agent, too."""
    enable_secret: SecretReference | None = None
    """For platforms whose privileged mode asks for one."""


class JumpHost(Document):
    """An SSH server on the way to a switch."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    credentials: Name
    """Name of an entry of the `credentials` beside it."""


class Device(Document):
    """Something that is logged in to: where it is, and as whom."""

    name: Name
    """Names its workflow, `device-<name>`; people know it by this."""
    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 22
    credentials: Name
    """Name of an entry of the `credentials` beside it."""
    jump_host: JumpHost | None = None


class Switch(Device):
    """One switch that carries tenants' VLANs."""

    platform: SwitchPlatform
    trunks: Annotated[Several[PortName], Field(min_length=1, max_length=256)]
    """Ports that carry every tenant's VLAN, tagged: those to the nodes and those to the other switches."""
