"""`show route` of Junos, in the format of Juniper's manuals."""

from collections.abc import Mapping
from ipaddress import ip_network

from lab.switches.configuration import Configuration
from lab.switches.junos_schema import PathError
from lab.switches.routes import DISCARDED, Entry, Hop, Network, longest, table, within

_TABLES = {"inet.0": 4, "inet6.0": 6}
_PROTOCOLS = {"connected": "Direct", "local": "Local", "static": "Static", "bgp": "BGP"}
_LEGEND = "+ = Active Route, - = Last Active, * = Both\n"
_WIDTH = 19


def show(configuration: Configuration, heard: Mapping[str, str], text: str) -> str:
    """`show route [<destination> [exact]] [table <name>] [protocol <name>]`; nothing at all where nothing is found.

    Raises PathError.
    """
    destination, only, tables, is_exact, is_host = _asked(text)
    found: list[str] = []
    for name, version in _TABLES.items():
        entries = table(configuration, heard, version)
        shown = [
            one
            for one in _matching(entries, destination, is_exact, is_host)
            if only in {"", _PROTOCOLS[one.source].lower()}
        ]
        if name in tables and shown:
            count = f"{len(entries)} destinations, {len(entries)} routes"
            found += ["", f"{name}: {count} ({len(entries)} active, 0 holddown, 0 hidden)", _LEGEND]
            found += [row for entry in shown for row in _rows(entry)]
    return "\n".join(found)


def _asked(text: str) -> tuple[Network | None, str, tuple[str, ...], bool, bool]:
    destination: Network | None = None
    only, tables, is_exact, is_host = "", tuple(_TABLES), False, False
    words = text.split()
    while words:
        word = words.pop(0)
        if word == "exact" and destination is not None:
            is_exact = True
        elif word in {"protocol", "table"} and words:
            if word == "protocol":
                only = words.pop(0)
            else:
                tables = (words.pop(0),)
        else:
            try:
                destination, is_host = ip_network(word), "/" not in word
            except ValueError:
                raise PathError(text.index(word), "syntax error.") from None
    return destination, only, tables, is_exact, is_host


def _matching(entries: list[Entry], destination: Network | None, is_exact: bool, is_host: bool) -> list[Entry]:
    """All; of a network that network and what is in it, or only itself; of an address the longest that holds it."""
    if destination is None:
        return entries
    of_family = [entry for entry in entries if entry.network.version == destination.version]
    if is_exact or not is_host:
        return [one for one in within(of_family, destination) if not is_exact or one.network == destination]
    entry = longest(of_family, destination)
    return [entry] if entry else []


def _rows(entry: Entry) -> list[str]:
    preference = {"static": entry.distance, "bgp": 170}.get(entry.source, 0)
    tag = f", tag {entry.tag}" if entry.tag else ""
    about = f"*[{_PROTOCOLS[entry.source]}/{preference}] 00:00:12{tag}"
    rows = [f"{entry.network!s:<{_WIDTH}}{about}"]
    if len(str(entry.network)) >= _WIDTH:
        rows = [str(entry.network), f"{'':<{_WIDTH}}{about}"]
    return [*rows, *(f"{'':<{_WIDTH}}{_way(hop, is_first=not number)}" for number, hop in enumerate(entry.hops))]


def _way(hop: Hop, *, is_first: bool) -> str:
    if hop.interface == DISCARDED:
        return "   Discard"
    mark = "> " if is_first else "  "
    if hop.address is None:
        return f" {mark} via {_unit(hop.interface)}"
    return f" {mark} to {hop.address}{f' via {_unit(hop.interface)}' if hop.interface else ''}"


def _unit(port: str) -> str:
    return port if "." in port else f"{port}.0"
