"""The page about the switches, made from the dialects: docs/reference/switches.md."""

from collections.abc import Iterable, Sequence

from clients.devices.command_line import CommandLine
from clients.devices.dialect import Dialect, port_word, rendered
from clients.devices.dialects import DIALECTS
from tenancy.devices import vlan_name

EXAMPLE_PORTS = {
    "cisco-ios": "GigabitEthernet1/0/1",
    "cisco-nxos": "Ethernet1/1",
    "arista-eos": "Ethernet1",
    "juniper-junos": "ge-0/0/1",
    "dell-os10": "ethernet1/1/1",
    "aruba-aoscx": "1/1/1",
    "cumulus-nvue": "swp1",
}
_VLAN, _NAME = 100, vlan_name("acme")
_HEAD = f"""# What is sent to the switches

<!-- Made by `make docs` from clients/devices/dialects: change those, not this page. -->

For tenant `acme`, VLAN {_VLAN}, and one trunk port, exactly these lines. Each is sent only where it is missing: Berth reads
first, sends the difference, reads again, and saves. Nothing else is ever sent in a configuration mode.

- A VLAN is the tenant's where its name is `{_NAME}`. One under another name is never touched: the request is refused
  (`foreign-vlan`), and its trunks are left alone as well, since whose they are cannot be told.
- A VLAN that nobody named and that no port is in is taken for one of ours, lost before it had its name. It gets the name, or
  goes.
- A tenant has one VLAN on a switch: while one of its name is there, no second is made.
- A trunk that carries every VLAN is left so. One with a list gets the ID added, and loses it again; where the VLAN itself is
  gone already, the ID is still taken off the lists. That holds for IDs that stood in a list before, too: list the tenants'
  range on no trunk.
- Lines that were not approved for this switch are not sent (`not-approved`). A line the switch rejects is answered with the
  inverse lines, and the request is refused (`rejected`); the others of the same session go on.
- Saving takes everything with it that runs on the switch, other people's unsaved changes as well.
- Host keys come from the known_hosts file alone; there is no trust on first use. A jump host is held to the same file. The
  connection to the switch goes through a channel of the one to the jump host, so no `ssh` client and no configuration of it
  has a part in it.
"""


def reference() -> str:
    """The page in Markdown."""
    parts = [_HEAD, *(_platform(dialect) for dialect in DIALECTS.values())]
    return "\n".join(parts)


def _platform(dialect: Dialect) -> str:
    port = EXAMPLE_PORTS[dialect.platform]
    tried = {
        "simulator": "Run against Berth's simulated switch of this kind.",
        "documentation": "**Written after the vendor's documentation and not run yet.** Try it on a switch of yours first.",
    }[dialect.tried]
    ensure = _lines(dialect, (dialect.create, dialect.join), port)
    absent = _lines(dialect, (dialect.leave, dialect.delete), port)
    reading = dialect.reading
    read = read_with(reading.vlans, reading.port.format(port=port_word(dialect, port)))
    parts = [
        f"## {dialect.platform}\n",
        f"{tried}\n",
        "Made:\n",
        block(ensure),
        "Taken away:\n",
        block(absent),
        f"Read: {read}.",
        *facts(dialect.cli, dialect.known, dialect.sources),
    ]
    return "\n".join(parts)


def facts(cli: CommandLine, known: Sequence[str], sources: Sequence[str]) -> list[str]:
    """How a device takes and keeps lines, what one should know of it, and who says so: the end of its part of a page."""
    return [in_effect(cli), saved(cli), "", *(f"- {one}" for one in known), "", f"Sources: {'; '.join(sources)}.", ""]


def read_with(*commands: str) -> str:
    """Commands one after the other, for a sentence."""
    return ", ".join(f"`{command.format(session='berth-1f2e3d4c')}`" for command in commands)


def in_effect(cli: CommandLine) -> str:
    """How the lines take effect, in a sentence."""
    candidate = cli.candidate
    if candidate is None:
        return f"In effect: each line at once, after `{cli.enter}`."
    steps = (candidate.open, candidate.diff, candidate.check, candidate.commit, *candidate.confirm)
    told = f"In effect: {read_with(*(step for step in steps if step is not None))}; "
    if not candidate.revert:
        return f"{told}all of it at once or nothing, and then it is read back."
    return (
        f"{told}between the commit and its confirmation it is read back, and else goes back with "
        f"{read_with(*candidate.revert)}."
    )


def saved(cli: CommandLine) -> str:
    """How it is saved, in a sentence."""
    if cli.saving is None:
        return "Saved: by the commit."
    commands = [cli.saving.command] if cli.saving.proof is None else [cli.saving.command, cli.saving.proof]
    return f"Saved: {read_with(*commands)}."


def _lines(dialect: Dialect, groups: Iterable[tuple[str, ...]], port: str) -> list[str]:
    word = port_word(dialect, port)
    return [line for group in groups for line in rendered(group, vlan=_VLAN, name=_NAME, port=word)]


def block(lines: Sequence[str]) -> str:
    """Lines as they are typed."""
    return "\n".join(["```", *lines, "```", ""])
