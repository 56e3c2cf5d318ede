"""The kinds of switches Berth can speak to, one module of data each."""

from collections.abc import Mapping

from clients.devices.dialect import Dialect
from clients.devices.dialects.cisco_ios import CISCO_IOS
from tenancy.switches import SwitchPlatform

DIALECTS: Mapping[SwitchPlatform, Dialect] = {dialect.platform: dialect for dialect in (CISCO_IOS,)}
"""By platform."""
