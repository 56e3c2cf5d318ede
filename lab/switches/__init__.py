"""Simulated data-center switches over SSH: they behave as the real ones do as far as VLANs and trunks go."""

from lab.switches.configuration import Configuration, Port, trunk
from lab.switches.faults import Fault
from lab.switches.server import Login
from lab.switches.switch import Switch

__all__ = ["Configuration", "Fault", "Login", "Port", "Switch", "trunk"]
