"""Static routes as `ip route` and `ipv6 route` lines write them. Nothing is skipped: it parses or it fails."""

import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from clients.devices.command_line import UnreadableError
from clients.devices.routers.dialect import Network, Static, Statics
from tenancy.mistakes import shown

HEADS = ("ip route ", "ipv6 route ")


def parse_statics(output: str) -> Statics:
    """The lines of a running configuration. Those of a VRF name it, or are indented below it, and are none of these."""
    found: dict[Network, tuple[Static, ...]] = {}
    for line in output.replace("\r", "").split("\n"):
        if line.startswith(HEADS) and (parsed := parse_static(line)) is not None:
            found[parsed[0]] = (*found.get(parsed[0], ()), parsed[1])
    return found


def parse_static(line: str) -> tuple[Network, Static] | None:
    """Of one line; None where it is about something else, e.g. a VRF. Raises UnreadableError."""
    words = iter(line.split()[2:])
    try:
        destination = next(words)
        if not re.match(r"[0-9A-Fa-f:]*[.:]", destination):
            return None
        network = ip_network(destination if "/" in destination else f"{destination}/{next(words)}")
        return network, _static(words)
    except (ValueError, StopIteration):
        raise UnreadableError(f"{shown(line)} is no static route") from None


def _static(words: Iterator[str]) -> Static:
    hop, tag, name, other = None, None, None, []
    way = next(words)
    try:
        hop = str(ip_address(way))
    except ValueError:
        if way.lower() != "null0":
            other.append(way)  # an interface
    for word in words:
        if word == "tag":
            tag = int(next(words))
        elif word == "name":
            name = next(words)
        else:
            other.append(word)
    return Static(hop, tag, name, " ".join(other))


def changed_routes(diff: str) -> frozenset[Network]:
    """The routes that a unified diff of configurations is about. Raises UnreadableError for a changed line of anything else."""
    found = set()
    for line in diff.replace("\r", "").split("\n"):
        changed = line.strip()
        if not changed.startswith(("+", "-")) or re.match(r"(?:---|\+\+\+)(?:\s|$)", changed):
            continue
        text = changed[1:].strip()
        if text in ("", "!"):
            continue
        parsed = parse_static(text) if text.startswith(HEADS) else None
        if parsed is None:
            raise UnreadableError(shown(changed))
        found.add(parsed[0])
    return frozenset(found)
