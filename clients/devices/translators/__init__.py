"""Devices that translate public addresses to external IPs, one to one."""

from clients.devices.translators.batch import carry_out, gaps

__all__ = ["carry_out", "gaps"]
