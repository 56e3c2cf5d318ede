"""What a device says it runs, and whether that is the platform its document names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from clients.devices.command_line import NOTHING, CommandLine
from clients.devices.session import Session
from clients.errors import UnavailableError
from tenancy.edge import RouterPlatform
from tenancy.mistakes import shown
from tenancy.switches import SwitchPlatform

Platform: TypeAlias = SwitchPlatform | RouterPlatform
_SHOW = "show version"
_OS_RELEASE = "cat /etc/os-release"


@dataclass(frozen=True)
class Identity:
    """How one platform tells what it is: a command that changes nothing, and words no other platform's answer holds."""

    words: re.Pattern[str]
    command: str = _SHOW


# The words are those by which Netmiko's ssh_autodetect.py and the templates of ntc-templates know the platforms.
IDENTITIES: Mapping[Platform, Identity] = {
    # IOS-XE speaks the dialect of IOS on switches, and IOS has no other commands for routes.
    "cisco-ios": Identity(re.compile(r"Cisco IOS(?:[ -]XE)? Software|Cisco Internetwork Operating System Software")),
    "cisco-iosxe": Identity(re.compile(r"Cisco IOS(?:[ -]XE)? Software|Cisco Internetwork Operating System Software")),
    "cisco-nxos": Identity(re.compile(r"Cisco Nexus Operating System|NX-OS")),
    "arista-eos": Identity(re.compile(r"\bArista\b|\bvEOS\b")),
    "juniper-junos": Identity(re.compile(r"^Junos: |JUNOS (?:OS|Software|Base|.+ Software)", re.MULTILINE)),
    "dell-os10": Identity(re.compile(r"\bOS10\b")),
    "aruba-aoscx": Identity(re.compile(r"AOS-CX|ArubaOS-CX")),
    "cumulus-nvue": Identity(re.compile(r"Cumulus Linux"), command=_OS_RELEASE),
    "frr": Identity(re.compile(r"^FRRouting ", re.MULTILINE)),
    "vyos": Identity(re.compile(r"\bVyOS\b")),
}
"""By platform."""


ANY = CommandLine(
    device_type="generic",
    # Whoever it is: a prompt, or a pager that asks whether to go on. What tells the platform stands in the first lines.
    prompt=r"[^\n]*(?:[#>$]|-- ?[Mm]ore ?--|\(more\)\S*|\(END\))",
    errors=NOTHING,
    enter=None,
    end=None,
    enable=False,
)
"""A device of which nothing is known but that it has a command line; nothing is prepared for it."""
SECONDS = 5.0


def strangeness(session: Session, platform: Platform) -> tuple[str, bool] | None:
    """What speaks against the device being of this platform, and whether it says plainly what it is instead; None: nothing."""
    identity = IDENTITIES[platform]
    answer = session.read(identity.command)
    if identity.words.search(answer):
        return None
    other = _named(answer, identity.command)
    if other is not None:
        return mistaken(session.where, platform, other), True
    said = next((line.strip() for line in answer.split("\n") if line.strip()), "")
    return f"{session.where}: `{identity.command}` does not tell that it is {platform} but {shown(said)}: is it?", False


def named(session: Session) -> Platform | None:
    """The platform a device says it is, whatever it is; None where it does not tell. The session is of no more use."""
    for command in dict.fromkeys(one.command for one in IDENTITIES.values()):
        try:
            answer = session.read(command, seconds=SECONDS)
        except UnavailableError:
            return None
        if (platform := _named(answer, command)) is not None:
            return platform
    return None


def mistaken(where: str, documented: str, found: str) -> str:
    """What is said of a device that is another than the document says."""
    return f"{where}: is {found}, and the platform document says {documented}: correct its platform there"


def _named(answer: str, command: str) -> Platform | None:
    return next((name for name, one in IDENTITIES.items() if one.command == command and one.words.search(answer)), None)
