"""Platforms without a simulator: exact lines, and what is read from output as the vendors' documentation shows it."""

import pytest

from clients.devices.changes import to_absent, to_ensure
from clients.devices.command_line import UnreadableError
from clients.devices.dialect import EVERY_VLAN, Dialect, NoTrunkError, State
from clients.devices.dialects import DIALECTS
from clients.devices.steps import lines_of
from clients.errors import RefusedError
from tenancy.devices import DeviceRequest
from tenancy.switches import PortName, SwitchPlatform
from tests.clients.devices.scene import Action, approval

OS10, AOSCX, NVUE = (DIALECTS[name] for name in ("dell-os10", "aruba-aoscx", "cumulus-nvue"))

# Dell SmartFabric OS10 User Guide, VLANs: `show running-configuration interface`.
OS10_INTERFACES = """\
!
interface vlan1
 no shutdown
!
interface vlan20
 description "voice"
 no shutdown
!
interface vlan30
 no shutdown
!
interface vlan40
 no shutdown
 ip address 192.0.2.1/24
!
interface vlan50
 no shutdown
!
interface ethernet1/1/1
 no shutdown
 switchport mode trunk
 switchport access vlan 1
 switchport trunk allowed vlan 20,50,100-101
 flowcontrol receive on
!
interface ethernet1/1/2
 no shutdown
 switchport access vlan 1
"""
# ntc-templates, tests/aruba_aoscx/show_vlan/show_vlan.raw, with a VLAN that nobody named.
AOSCX_VLANS = """\
------------------------------------------------------------------------------------------------------------------
VLAN  Name                              Status  Reason                  Type        Interfaces
------------------------------------------------------------------------------------------------------------------
1     DEFAULT_VLAN_1                    up      ok                      default     1/1/34-1/1/52
100   VLAN100                           down    no_member_port          static
3072  mgmt                              up      ok                      static      1/1/2-1/1/4,1/1/6-1/1/8,
                                                                                    1/1/17-1/1/19,1/1/47-1/1/52
"""
# AOS-CX Layer 2 Bridging Guide: `show running-config interface`.
AOSCX_PORT = """\
interface 1/1/1
    no shutdown
    no routing
    vlan trunk native 1
    vlan trunk allowed 1,20-22
    exit
"""
# Cumulus Linux User Guide, VLAN-aware bridge: `nv show interface swp1 bridge domain br_default -o json`.
NVUE_PORT = """\
{
  "learning": "on",
  "untagged": 1,
  "vlan": {
    "10": {},
    "20-22": {}
  }
}
"""


def request(action: Action, port: PortName, *lines: str) -> DeviceRequest:
    given = approval("leaf-1", lines) if lines else None
    return DeviceRequest(id="1", tenant="acme", action=action, vlan=100, trunks=(port,), approval=given)


@pytest.mark.parametrize(
    ("platform", "port", "made", "gone"),
    [
        (
            "dell-os10",
            "ethernet1/1/1",
            (
                "interface vlan 100",
                "description berth-acme",
                "exit",
                "interface ethernet1/1/1",
                "switchport trunk allowed vlan 100",
                "exit",
            ),
            (
                "interface ethernet1/1/1",
                "no switchport trunk allowed vlan 100",
                "exit",
                "no interface vlan 100",
            ),
        ),
        (
            "aruba-aoscx",
            "lag12",
            ("vlan 100", "name berth-acme", "exit", "interface lag 12", "vlan trunk allowed 100", "exit"),
            ("interface lag 12", "no vlan trunk allowed 100", "exit", "no vlan 100"),
        ),
        (
            "cumulus-nvue",
            "swp1",
            ("nv set bridge domain br_default vlan 100", "nv set interface swp1 bridge domain br_default vlan 100"),
            ("nv unset interface swp1 bridge domain br_default vlan 100", "nv unset bridge domain br_default vlan 100"),
        ),
    ],
)
def test_the_lines_are_those_of_the_platform(
    platform: SwitchPlatform, port: PortName, made: tuple[str, ...], gone: tuple[str, ...]
) -> None:
    dialect, empty = DIALECTS[platform], State({1: "default"}, {port: frozenset({1})})
    assert lines_of(to_ensure(dialect, empty, request("ensure", port), "leaf-1", "leaf-1")) == made
    full = State({1: "default", 100: "berth-acme"}, {port: frozenset({1, 100})})
    assert lines_of(to_absent(dialect, full, request("absent", port), "leaf-1")) == gone
    for step in (
        *to_ensure(dialect, empty, request("ensure", port), "leaf-1", "leaf-1"),
        *to_absent(dialect, full, request("absent", port), ""),
    ):
        assert step.lines != step.inverse
    assert to_ensure(dialect, full, request("ensure", port, *made), "leaf-1", "leaf-1") == ()


def test_os10_vlans_are_interfaces_and_their_description_is_their_name() -> None:
    vlans = OS10.reading.parse_vlans(OS10_INTERFACES)
    assert vlans.names == {1: "", 20: "voice", 30: "", 40: "", 50: ""}
    assert vlans.nameless == {30}  # 40 has an address, 50 is on a trunk
    assert OS10.reading.parse_port(OS10_INTERFACES, "ethernet1/1/1", {}) == frozenset({20, 50, 100, 101})
    with pytest.raises(NoTrunkError, match="no trunk"):
        OS10.reading.parse_port(OS10_INTERFACES, "ethernet1/1/2", {})
    with pytest.raises(NoTrunkError, match="no such port"):
        OS10.reading.parse_port(OS10_INTERFACES, "ethernet1/1/3", {})
    with pytest.raises(UnreadableError):
        OS10.reading.parse_vlans("interface ethernet1/1/1\n")


def test_aoscx_vlans_and_trunks_are_read() -> None:
    vlans = AOSCX.reading.parse_vlans(AOSCX_VLANS)
    assert vlans.names == {1: "DEFAULT_VLAN_1", 100: "VLAN100", 3072: "mgmt"}
    assert vlans.nameless == {100}
    assert AOSCX.reading.parse_port(AOSCX_PORT, "1/1/1", {}) == frozenset({1, 20, 21, 22})
    assert AOSCX.reading.parse_port("interface lag 12\n    vlan trunk allowed all\n", "lag12", {}) is EVERY_VLAN
    with pytest.raises(NoTrunkError):
        AOSCX.reading.parse_port("interface 1/1/1\n    vlan access 20\n", "1/1/1", {})


def test_nvue_vlans_and_trunks_are_read() -> None:
    assert NVUE.reading.parse_vlans('{"10": {"vni": {}}, "100-101": {}}').names == {1: "", 10: "", 100: "", 101: ""}
    assert NVUE.reading.parse_port(NVUE_PORT, "swp1", {}) == frozenset({10, 20, 21, 22})
    assert NVUE.reading.parse_port('{"vlan": {"all": {}}}', "swp1", {}) is EVERY_VLAN
    with pytest.raises(NoTrunkError):
        NVUE.reading.parse_port('{"access": 10}', "swp1", {})
    for output in ("", "Error: not found", '["10"]', "{"):
        with pytest.raises(UnreadableError):
            NVUE.reading.parse_vlans(output)


def test_where_a_vlan_has_no_name_an_approval_for_making_it_tells_whose_it_is() -> None:
    there = State({1: "", 100: ""}, {"swp1": frozenset({10})})
    join = "nv set interface swp1 bridge domain br_default vlan 100"
    made = ("nv set bridge domain br_default vlan 100", join)
    assert lines_of(to_ensure(NVUE, there, request("ensure", "swp1", *made), "leaf-1", "leaf-1")) == (join,)
    for wish in (request("preview", "swp1"), request("ensure", "swp1"), request("ensure", "swp1", join)):
        with pytest.raises(RefusedError, match="does not tell whose it is") as refused:
            to_ensure(NVUE, there, wish, "leaf-1", "leaf-1")
        assert refused.value.reason == "foreign-vlan"
    assert len(to_absent(NVUE, there, request("absent", "swp1"), "leaf-1")) == 1


@pytest.mark.parametrize(
    ("dialect", "rejected"),
    [
        (OS10, "% Error: Illegal parameter."),
        (OS10, "% Error: Unrecognized command."),
        (AOSCX, "Invalid input: vlann"),
        (AOSCX, "% Command incomplete."),
        (NVUE, "Error: Invalid parameter"),
        (NVUE, "-bash: nv: command not found"),
    ],
)
def test_a_rejected_line_is_seen(dialect: Dialect, rejected: str) -> None:
    assert dialect.cli.errors.search(rejected)
