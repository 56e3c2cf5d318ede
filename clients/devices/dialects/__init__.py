"""The kinds of switches Berth can speak to, one module of data each."""

from collections.abc import Mapping

from clients.devices.dialect import Dialect
from clients.devices.dialects.arista_eos import ARISTA_EOS
from clients.devices.dialects.aruba_aoscx import ARUBA_AOSCX
from clients.devices.dialects.cisco_ios import CISCO_IOS
from clients.devices.dialects.cisco_nxos import CISCO_NXOS
from clients.devices.dialects.cumulus_nvue import CUMULUS_NVUE
from clients.devices.dialects.dell_os10 import DELL_OS10
from clients.devices.dialects.juniper_junos import JUNIPER_JUNOS
from tenancy.switches import SwitchPlatform

DIALECTS: Mapping[SwitchPlatform, Dialect] = {
    dialect.platform: dialect
    for dialect in (CISCO_IOS, CISCO_NXOS, ARISTA_EOS, JUNIPER_JUNOS, DELL_OS10, ARUBA_AOSCX, CUMULUS_NVUE)
}
"""By platform."""
