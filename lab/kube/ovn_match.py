"""Whether OVN can parse a policy's match: enough of ovn-sb(5)'s expression grammar for router policies."""

import ipaddress
import re
from collections.abc import Iterator

_TOKEN = re.compile(r"\s*(&&|\|\||==|!=|<=|>=|<|>|!|\(|\)|\{|\}|,|\$[A-Za-z_.][\w.]*|\"[^\"]*\"|[\w.:/@-]+)")
_ADDRESS_FIELDS = {"ip4.src": 4, "ip4.dst": 4, "ip6.src": 6, "ip6.dst": 6}
_NUMBER_FIELDS = frozenset(
    {"tcp.src", "tcp.dst", "udp.src", "udp.dst", "sctp.src", "sctp.dst", "ip.proto", "ip.ttl", "ip.dscp"}
    | {"icmp4.type", "icmp4.code", "icmp6.type", "icmp6.code", "eth.type"}
)
_TEXT_FIELDS = frozenset({"inport", "outport", "eth.src", "eth.dst"})
_PREDICATES = frozenset(
    {"ip", "ip4", "ip6", "tcp", "udp", "sctp", "icmp", "icmp4", "icmp6", "arp", "ct.new", "ct.est", "1", "0"}
)


class _UnparsableError(Exception):
    pass


def is_match(text: str) -> bool:
    """Whether a match parses. OVN stores one that does not and logs about it, and the policy does nothing."""
    try:
        tokens = list(_tokens(text))
        _expression(tokens)
    except (_UnparsableError, IndexError):
        return False
    return not tokens


def _tokens(text: str) -> Iterator[str]:
    position = 0
    text = text.rstrip()
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise _UnparsableError
        position = found.end()
        yield found[1]


def _expression(tokens: list[str]) -> None:
    _term(tokens)
    joined = ""
    while tokens and tokens[0] in {"&&", "||"}:
        operator = tokens.pop(0)
        if joined and operator != joined:
            # OVN wants parentheses where && and || meet.
            raise _UnparsableError
        joined = operator
        _term(tokens)


def _term(tokens: list[str]) -> None:
    if tokens[0] == "!":
        tokens.pop(0)
        _term(tokens)
        return
    if tokens[0] == "(":
        tokens.pop(0)
        _expression(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise _UnparsableError
        return
    field = tokens.pop(0)
    if tokens and tokens[0] in {"==", "!=", "<", "<=", ">", ">="}:
        operator = tokens.pop(0)
        _values(field, operator, tokens)
    elif field not in _PREDICATES:
        raise _UnparsableError


def _values(field: str, operator: str, tokens: list[str]) -> None:
    if tokens[0] != "{":
        _value(field, operator, tokens.pop(0))
        return
    tokens.pop(0)
    while True:
        _value(field, operator, tokens.pop(0))
        separator = tokens.pop(0)
        if separator == "}":
            return
        # The comma between constants is optional in OVN.
        if separator != ",":
            tokens.insert(0, separator)


def _value(field: str, operator: str, value: str) -> None:
    if field in _ADDRESS_FIELDS:
        if value.startswith("$"):
            return
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            raise _UnparsableError from None
        if network.version != _ADDRESS_FIELDS[field] or operator not in {"==", "!="}:
            raise _UnparsableError
    elif field in _NUMBER_FIELDS:
        if not re.fullmatch(r"0[xX][0-9a-fA-F]+|\d+", value):
            raise _UnparsableError
    elif field not in _TEXT_FIELDS:
        raise _UnparsableError
