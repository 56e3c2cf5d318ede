"""What a device says it runs, and whether that is the platform its document names."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from clients.devices.session import Session
from tenancy.edge import RouterPlatform
from tenancy.mistakes import shown
from tenancy.switches import SwitchPlatform

_SHOW = "show version"
_OS_RELEASE = "cat /etc/os-release"


@dataclass(frozen=True)
class Identity:
    """How one platform tells what it is: a command that changes nothing, and words no other platform's answer holds."""

    words: re.Pattern[str]
    command: str = _SHOW


# The words are those by which Netmiko's ssh_autodetect.py and the templates of ntc-templates know the platforms.
IDENTITIES: Mapping[SwitchPlatform | RouterPlatform, Identity] = {
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


def strangeness(session: Session, platform: SwitchPlatform | RouterPlatform) -> tuple[str, bool] | None:
    """What speaks against the device being of this platform, and whether it says plainly what it is instead; None: nothing."""
    identity = IDENTITIES[platform]
    answer = session.read(identity.command)
    if identity.words.search(answer):
        return None
    other = next((name for name, one in IDENTITIES.items() if one.words.search(answer)), None)
    said = next((line.strip() for line in answer.split("\n") if line.strip()), "")
    if other is not None:
        return (
            f"{session.where}: is {other}, and the platform document says {platform} (`{identity.command}`: {shown(said)}):"
            " correct its platform there",
            True,
        )
    return (
        f"{session.where}: `{identity.command}` does not tell that it is {platform} but {shown(said)}: is it?",
        False,
    )
