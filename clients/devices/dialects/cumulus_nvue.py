"""NVIDIA Cumulus Linux with NVUE: `nv set` stages, `nv config apply` puts into effect, `nv config save` saves."""

import json
import re
from collections.abc import Mapping

from clients.devices.command_line import Candidate, CommandLine, Saving, UnreadableError
from clients.devices.dialect import EVERY_VLAN, Carried, Dialect, NoTrunkError, Reading, Vlans
from tenancy.mistakes import shown
from tenancy.vlans import in_ranges


def _object(output: str) -> dict[str, object]:
    start = output.find("{")
    try:
        value = json.loads(output[start:]) if start >= 0 else None
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise UnreadableError(f"{shown(output.strip())} is no JSON object")
    return value


def _numbers(value: dict[str, object]) -> frozenset[int]:
    try:
        return frozenset(number for key in value for number in in_ranges(key))
    except ValueError:
        raise UnreadableError(f"{shown(value)} has keys that are no VLAN IDs") from None


def parse_vlans(output: str) -> Vlans:
    """`nv show bridge domain br_default vlan -o json`: an object whose keys are IDs and ranges."""
    return Vlans({1: "", **dict.fromkeys(_numbers(_object(output)), "")})


def parse_port(output: str, port: str, vlans: Mapping[int, str]) -> Carried:
    """`nv show interface swp1 bridge domain br_default -o json`; `all` is every VLAN of the bridge."""
    value = _object(output)
    if "access" in value:
        raise NoTrunkError("the port is no trunk (it is an access port of one VLAN)")
    members = value.get("vlan", {"all": {}})
    if not isinstance(members, dict):
        raise UnreadableError(f"{port}: {shown(members)} is no set of VLANs")
    return EVERY_VLAN if "all" in members or not members else _numbers(members)


CUMULUS_NVUE = Dialect(
    platform="cumulus-nvue",
    cli=CommandLine(
        device_type="linux",
        prompt=r"[^\n]*{host}[^\n]*[$#]",
        errors=re.compile(r"^\s*(?:Error|Failed|Invalid|usage:|nv: error|.*command not found)", re.IGNORECASE),
        enter=None,
        end=None,
        enable=False,
        candidate=Candidate(
            # There is no mode to enter: an earlier candidate of this login is dropped, and the first `nv set` opens a new one.
            open="nv config detach",
            opened=re.compile(""),
            busy=re.compile(r"(?!)"),
            discard=("nv config detach",),
            close=None,
            diff="nv config diff -o commands",
            check=None,
            checked=None,
            commit="nv config apply -y --confirm 2m",
            committed=re.compile(r"applied"),
            confirm=("nv config apply --confirm-yes",),
            confirmed=re.compile(""),
            revert=("nv config apply --confirm-no",),
            stale="nv config apply --confirm-status",
            stale_ours=re.compile(r"(?i)remaining|will be rolled back"),
        ),
        saving=Saving(command="nv config save", success=re.compile(r"saved")),
    ),
    create=("nv set bridge domain br_default vlan {vlan}",),
    delete=("nv unset bridge domain br_default vlan {vlan}",),
    join=("nv set interface {port} bridge domain br_default vlan {vlan}",),
    leave=("nv unset interface {port} bridge domain br_default vlan {vlan}",),
    reading=Reading(
        vlans="nv show bridge domain br_default vlan -o json",
        parse_vlans=parse_vlans,
        port="nv show interface {port} bridge domain br_default -o json",
        parse_port=parse_port,
    ),
    own_diff=re.compile(r".*"),
    named=False,
    tried="documentation",
    sources=(
        "NVIDIA Cumulus Linux User Guide: NVUE CLI, `nv config apply --confirm`, `nv config save`",
        "NVIDIA NVUE Command Reference: `nv set bridge domain`, `nv set interface <interface> bridge domain`",
    ),
    known=(
        "A VLAN of a bridge has no name and no description there, so the switch cannot tell whose it is. Every VLAN that is "
        "there counts as somebody else's when an ID is chosen; Berth takes one as its tenant's only where the approval was "
        "for making it, and takes one away only where the tenant's own reservation names the ID.",
        "The bridge has to be `br_default`, and a trunk must name its VLANs; one that names none carries all of the bridge.",
        "Each login has a candidate of its own: give Berth a login that nobody else uses.",
    ),
)
