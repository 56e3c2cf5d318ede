"""A platform's document in mode vlan, as raw data that tests change."""

from typing import Any

from tests.tenancy.documents import raw_platform

SWITCH = {
    "name": "leaf-1",
    "platform": "cisco-ios",
    "host": "192.0.2.21",
    "credentials": "switches",
    "trunks": ["GigabitEthernet1/0/1", "GigabitEthernet1/0/2"],
}
LOGIN = {"name": "switches", "username": "berth", "password": {"environment": "BERTH_SWITCH_PASSWORD"}}
APPROVAL = {"approvers": ["nadia@example.com", "omar@example.com"]}
VLAN = {
    "providerNetwork": "external",
    "range": {"first": 2000, "last": 2009},
    "switches": [SWITCH],
    "credentials": [LOGIN],
    "approval": APPROVAL,
}


def raw_vlan_platform(**vlan: Any) -> Any:
    """The document with these parts of its VLAN mode changed; None leaves one out."""
    merged = {key: value for key, value in {**VLAN, **vlan}.items() if value is not None}
    return raw_platform(mode="vlan", vlan=merged)
