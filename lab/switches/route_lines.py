"""`ip route ...` as Cisco's and Arista's routers take it: word by word, with a mark where it went wrong."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from typing import Literal

from lab.switches.configuration import StaticRoute
from lab.switches.device import RejectedError
from lab.switches.routes import DISCARDED, is_own
from lab.switches.shell import CiscoShell

Family = Literal[4, 6]


class Words:
    """The words of a line's end, one after the other."""

    def __init__(self, shell: CiscoShell, text: str) -> None:
        self._shell = shell
        self._left = [(found.group(), shell.last_word + found.start()) for found in re.finditer(r"\S+", text)]
        self._offset = 0

    def __bool__(self) -> bool:
        return bool(self._left)

    def take(self) -> str:
        """The next word. Raises RejectedError where there is none."""
        if not self._left:
            raise RejectedError(self._shell.dialect.incomplete)
        word, self._offset = self._left.pop(0)
        return word

    def keyword(self, *choices: str) -> str:
        """The one of these the next word is, or is the beginning of. Raises RejectedError."""
        word = self.take().lower()
        fitting = [choice for choice in choices if choice.startswith(word)]
        if len(fitting) != 1:
            raise self.wrong()
        return fitting[0]

    def wrong(self) -> RejectedError:
        """What is said where the word that was taken is wrong."""
        return RejectedError(self._shell.wrong_at(self._offset))


@dataclass(frozen=True, slots=True)
class RouteLines:
    """How one system takes static routes."""

    masks: bool
    """Whether an IPv4 network is written with its mask."""
    keeps_distances: bool
    """Whether one next hop may be there with several distances."""
    knows_own: bool
    """Whether a next hop that is the router's own is refused."""
    missing: str
    """What it says where there is nothing to delete; nothing at all where it is empty."""

    def add(self, family: Family) -> Callable[[CiscoShell, str], None]:
        """`ip route ...`, `ipv6 route ...`."""

        def run(shell: CiscoShell, text: str) -> None:
            words = Words(shell, text)
            route = _with_options(words, self._way(shell, words, self._destination(words, family), family))
            kept = [one for one in shell.running.routes if not self._is_the_same(one, route)]
            shell.running.routes[:] = [*kept, route]

        return run

    def remove(self, family: Family) -> Callable[[CiscoShell, str], None]:
        """`no ip route ...`, of every next hop where none is named; what follows the next hop picks none."""

        def run(shell: CiscoShell, text: str) -> None:
            words = Words(shell, text)
            destination = self._destination(words, family)
            named = self._way(shell, words, destination, family) if words else None
            if named:
                _with_options(words, named)
            gone = [
                one
                for one in shell.running.routes
                if one.destination == destination and (named is None or _way(one) == _way(named))
            ]
            if not gone and self.missing:
                raise RejectedError(f"{self.missing}\n")
            shell.running.routes[:] = [one for one in shell.running.routes if one not in gone]

        return run

    def _destination(self, words: Words, family: Family) -> str:
        text = words.take()
        try:
            if family == 4 and self.masks:
                address = str(ip_address(text))
                mask = words.take()
                length = _length(mask)
                if length is None:
                    raise words.wrong()
                if ip_address(address).version != 4:
                    raise words.wrong()
                if not is_network(address, length):
                    raise RejectedError("%Inconsistent address and mask\n")
                return f"{address}/{length}"
            if family == 6 and "/" not in text:
                raise words.wrong()
            network = ip_network(text, strict=False)
        except ValueError:
            raise words.wrong() from None
        if network.version != family:
            raise words.wrong()
        return str(network)

    def _way(self, shell: CiscoShell, words: Words, destination: str, family: Family) -> StaticRoute:
        text = words.take()
        if len(text) > 1 and DISCARDED.lower().startswith(text.lower()):
            if text.lower() != DISCARDED.lower():
                # `Null 0` is `Null0`.
                words.keyword("0")
            return StaticRoute(destination)
        if port := shell.full_name(text):
            return StaticRoute(destination, interface=port)
        try:
            address = ip_address(text)
        except ValueError:
            raise words.wrong() from None
        if address.version != family:
            raise words.wrong()
        if self.knows_own and is_own(shell.running, str(address)):
            raise RejectedError("%Invalid next hop address (it's this router)\n")
        if address.is_unspecified or address.is_multicast:
            raise RejectedError("%Invalid next hop address\n")
        return StaticRoute(destination, str(address))

    def _is_the_same(self, one: StaticRoute, other: StaticRoute) -> bool:
        return (
            one.destination == other.destination
            and _way(one) == _way(other)
            and (not self.keeps_distances or one.distance == other.distance)
        )


def is_network(address: str, length: int) -> bool:
    """Whether nothing of an address is outside of its mask."""
    return str(ip_network(f"{address}/{length}", strict=False).network_address) == address


def _way(route: StaticRoute) -> tuple[str | None, str]:
    return route.next_hop, route.interface


def _length(mask: str) -> int | None:
    """Of a mask, 255.255.255.0; None for what is none."""
    try:
        bits = f"{int(ip_address(mask)):032b}"
    except ValueError:
        return None
    return bits.count("1") if len(bits) == 32 and "01" not in bits else None


def _with_options(words: Words, route: StaticRoute) -> StaticRoute:
    """With distance, tag, name and the rest, in whatever order."""
    tag, name, distance, rest = 0, "", 1, ""
    seen: set[str] = set()
    while words:
        word = words.take()
        if word.isascii() and word.isdigit() and not seen:
            distance = int(word)
            if not 1 <= distance <= 255:
                raise words.wrong()
            seen.add("distance")
            continue
        fitting = [one for one in ("tag", "name", "permanent", "track") if one.startswith(word.lower())]
        if len(fitting) != 1 or fitting[0] in seen:
            raise words.wrong()
        seen.add(fitting[0])
        match fitting[0]:
            case "tag":
                tag = _number(words, 1, 2**32 - 1)
            case "name":
                name = words.take()
            case "permanent":
                rest = "permanent"
            case _:
                rest = f"track {_number(words, 1, 1000)}"
    return StaticRoute(route.destination, route.next_hop, tag, name, distance, route.interface, rest)


def _number(words: Words, first: int, last: int) -> int:
    word = words.take()
    if not (word.isascii() and word.isdigit() and first <= int(word) <= last):
        raise words.wrong()
    return int(word)
