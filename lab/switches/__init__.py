"""Simulated switches and edge routers over SSH: as the real ones as far as VLANs, trunks and static routes go."""

from lab.switches.configuration import Configuration, Port, StaticRoute, routed, trunk
from lab.switches.faults import Fault
from lab.switches.server import Login
from lab.switches.switch import Switch

__all__ = ["Configuration", "Fault", "Login", "Port", "StaticRoute", "Switch", "routed", "trunk"]
