"""The kinds of edge routers Berth can speak to, one module of data each."""

from collections.abc import Mapping

from clients.devices.routers.dialect import RouteDialect
from clients.devices.routers.frr import FRR
from tenancy.edge import RouterPlatform

ROUTERS: Mapping[RouterPlatform, RouteDialect] = {dialect.platform: dialect for dialect in (FRR,)}
"""By platform."""
