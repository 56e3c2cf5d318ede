"""Switches over SSH: tenants' VLANs are read, made, read back, saved and taken away."""

from clients.devices.login import Login
from clients.devices.work import work

__all__ = ["Login", "work"]
