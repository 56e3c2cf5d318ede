"""What must hold wherever a platform's document names devices, logins and approvers: in mode vlan, and at the edge."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import ip_address

from tenancy.mistakes import Mistake
from tenancy.rules import at, repeated
from tenancy.switches import Credentials, Device
from tenancy.vlans import ApprovalRules


def place_of(device: Device) -> str:
    """Where a device is, however its host is spelled."""
    host = device.host.casefold()
    with suppress(ValueError):  # a name
        host = str(ip_address(host))
    return f"[{host}]:{device.port}" if ":" in host else f"{host}:{device.port}"


def repeated_in(part: str, key: str, values: Sequence[str], field: str | None = None) -> Iterator[Mistake]:
    """Values that stand twice in a list of a part of the document; `field` is the one of each entry that bears them."""
    place = (part, *key.split("."))
    for path, value, before in repeated((at(*place, index), value) for index, value in enumerate(values)):
        yield Mistake(
            path=path if field is None else f"{path}.{field}",
            value=value,
            problem=f"already that of {before}",
            remedy="write each once" if field is None else f"give it a {field} of its own",
        )


def login_mistakes(part: str, device: Device, path: str, known: set[str]) -> Iterator[Mistake]:
    """Logins of a device that the part of the document does not have."""
    named = {f"{path}.credentials": device.credentials}
    if device.jump_host is not None:
        named[f"{path}.jumpHost.credentials"] = device.jump_host.credentials
    for where, name in named.items():
        if name not in known:
            yield Mistake(
                path=where,
                value=name,
                problem=f"names no entry of {at(part, 'credentials')}",
                remedy=f"write one of: {', '.join(sorted(known))}" if known else "add it there",
            )


def credentials_mistakes(part: str, credentials: Sequence[Credentials]) -> Iterator[Mistake]:
    """Logins that nobody could log in with, and names that stand twice."""
    yield from repeated_in(part, "credentials", [one.name for one in credentials], "name")
    for index, one in enumerate(credentials):
        path = at(part, "credentials", index)
        if one.password is None and one.private_key is None and not one.agent:
            yield Mistake(
                path=path,
                value=one.name,
                problem="has nothing to log in with",
                remedy="add password or privateKey, or write agent: true",
            )
        if one.passphrase is not None and one.private_key is None:
            yield Mistake(
                path=f"{path}.passphrase", problem="is that of no key", remedy="add privateKey, or leave this out"
            )


def approval_mistakes(part: str, rules: ApprovalRules) -> Iterator[Mistake]:
    """Approvers that stand twice, and signing without signers."""
    yield from repeated_in(part, "approval.approvers", [name.casefold() for name in rules.approvers])
    path = at(part, "approval", "allowedSigners")
    if rules.signing == "ssh" and rules.allowed_signers is None:
        yield Mistake(
            path=path,
            problem="is missing, and decisions are to be signed",
            remedy="name OpenSSH's allowed-signers file with the approvers' keys",
        )
    if rules.signing == "none" and rules.allowed_signers is not None:
        yield Mistake(
            path=path,
            value=rules.allowed_signers,
            problem="means nothing where decisions are not signed",
            remedy="write signing: ssh, or leave this out",
        )
