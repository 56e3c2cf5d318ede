"""The kinds of edge routers Berth can speak to, one module of data each."""

from collections.abc import Mapping

from clients.devices.routers.arista_eos import ARISTA_EOS
from clients.devices.routers.cisco_iosxe import CISCO_IOSXE
from clients.devices.routers.dialect import RouteDialect
from clients.devices.routers.frr import FRR
from clients.devices.routers.juniper_junos import JUNIPER_JUNOS
from clients.devices.routers.vyos import VYOS
from tenancy.edge import RouterPlatform

ROUTERS: Mapping[RouterPlatform, RouteDialect] = {
    dialect.platform: dialect for dialect in (FRR, CISCO_IOSXE, ARISTA_EOS, JUNIPER_JUNOS, VYOS)
}
"""By platform."""
