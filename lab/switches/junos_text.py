"""What Junos prints: its configuration in braces and as `set` lines, what changed, and its `show` tables."""

from collections.abc import Iterable, Sequence

from lab.switches.configuration import ALL_VLANS
from lab.switches.junos_config import JunosConfiguration
from lab.switches.junos_schema import Statement

_STEP = 4
_LISTS = ("members ", "next-hop ", "community ")
"""Keywords whose values are written together."""
_ORDER = (
    "system",
    "chassis",
    "interfaces",
    "snmp",
    "routing-options",
    "protocols",
    "policy-options",
    "firewall",
    "vlans",
)


def in_braces(configuration: JunosConfiguration, place: Statement = ()) -> str:
    """`show`, of a place or all of it."""
    statements = [one[len(place) :] for one in _ordered(configuration.below(place))]
    if place and not any(statements):
        # The place is a leaf: what is there is shown whole.
        return "\n".join(_block([one[len(place) - 1 :] for one in configuration.below(place)], 0))
    return "\n".join(_block([one for one in statements if one], 0))


def as_set(configuration: JunosConfiguration, place: Statement = ()) -> str:
    """`show ... | display set`."""
    return "\n".join(f"set {' '.join(one)}" for one in _ordered(configuration.below(place)))


def whole(configuration: JunosConfiguration) -> str:
    """`show configuration`."""
    return f"## Last commit: 2026-11-24 09:12:07 UTC by netadmin\nversion 21.4R3.15;\n{in_braces(configuration)}"


def comparison(before: JunosConfiguration, after: JunosConfiguration) -> str:
    """`show | compare`: under each place that is there before and after, what went and what came."""
    lines: list[str] = []
    _compare((), list(_ordered(before.statements)), list(_ordered(after.statements)), lines)
    return "\n".join(lines)


def commits(count: int, minutes: int | None) -> str:
    """`show system commit`: the last first, with what is left until it goes back where it is not confirmed."""
    confirmed = f" commit confirmed, rollback in {minutes}mins" if minutes is not None else ""
    return "\n".join(
        f"{number:<3} 2026-11-24 09:12:07 UTC by netadmin via cli{'' if number else confirmed}"
        for number in range(count)
    )


def vlan_table(configuration: JunosConfiguration, only: str | None = None) -> str:
    """`show vlans`; an interface that is up has a star."""
    lines = ["", "Routing instance        VLAN name             Tag          Interfaces"]
    view = configuration.view()
    for name, number in sorted(configuration.vlans().items()):
        if only not in {None, name}:
            continue
        lines.append(f"default-switch          {name:<21} {number:<12} ")
        members = [
            port.name
            for port in view.ports.values()
            if (port.carries(number) if port.mode == "trunk" else _access_is(configuration, port.name, name, number))
        ]
        lines += [f"{'':<59}{member}.0*" for member in sorted(members)] or [""]
    return "\n".join([*lines, ""])


def interface_table(configuration: JunosConfiguration, only: str) -> str:
    """`show ethernet-switching interface <port>`."""
    port = configuration.view().ports[only]
    lines = [
        "Routing Instance Name : default-switch",
        "Logical Interface flags (DL - disable learning, AD - packet action drop,",
        "                         LH - MAC limit hit, DN - interface down )",
        "",
        "Logical          Vlan          TAG     MAC         STP         Logical           Tagging",
        "interface        members               limit       state       interface flags",
        f"{only + '.0':<17}{'':<22}65535                   {'':<18}{'tagged' if port.mode == 'trunk' else 'untagged'}",
    ]
    allowed = (ALL_VLANS if port.allowed is None else port.allowed) if port.mode == "trunk" else {port.access}
    for name, number in sorted(configuration.vlans().items()):
        if number in allowed:
            lines.append(f"{'':<17}{name:<14}{number:<8}65535       Forwarding  {'':<18}{port.mode}")
    return "\n".join(lines)


def _access_is(configuration: JunosConfiguration, port: str, name: str, number: int) -> bool:
    return bool({name, str(number)} & set(configuration.members(port)))


def _ordered(statements: Iterable[Statement]) -> list[Statement]:
    """As Junos orders its top; below that, as it was set."""
    return sorted(statements, key=lambda one: _ORDER.index(one[0]))


def _groups(statements: Sequence[Statement]) -> dict[str, list[Statement]]:
    """What is below each first segment."""
    groups: dict[str, list[Statement]] = {}
    for statement in statements:
        groups.setdefault(statement[0], []).append(statement[1:])
    return groups


def _block(statements: Sequence[Statement], depth: int) -> list[str]:
    lines: list[str] = []
    pad = " " * (_STEP * depth)
    groups = _groups([one for one in statements if one])
    lists = _lists(groups)
    for segment, below in groups.items():
        if segment in lists:
            if lists[segment]:
                lines.append(f"{pad}{lists[segment]};")
        elif segment.startswith("route ") and len(leaves := [one for one in below if one]) == 1:
            lines.append(f"{pad}{segment} {leaves[0][0]};")
        elif any(below):
            lines += [f"{pad}{segment} {{", *_block([one for one in below if one], depth + 1), f"{pad}}}"]
        else:
            lines.append(f"{pad}{segment};")
    return lines


def _lists(groups: dict[str, list[Statement]]) -> dict[str, str]:
    """`members a`, `members b` are written as one: the first stands for all, the others for nothing."""
    texts: dict[str, str] = {}
    for keyword in _LISTS:
        members = [segment for segment in groups if segment.startswith(keyword)]
        values = [segment.removeprefix(keyword) for segment in members]
        text = f"{keyword}{values[0]}" if len(values) == 1 else f"{keyword}[ {' '.join(values)} ]"
        texts |= {segment: "" if index else text for index, segment in enumerate(members)}
    return texts


def _compare(place: Statement, before: Sequence[Statement], after: Sequence[Statement], lines: list[str]) -> None:
    old, new = _groups([one for one in before if one]), _groups([one for one in after if one])
    old_lists, new_lists = ({text for text in _lists(one).values() if text} for one in (old, new))
    here: list[str] = []
    for segment in [*old, *(segment for segment in new if segment not in old)]:
        if segment.startswith(_LISTS):
            continue
        was, now = segment in old, segment in new
        if was and now:
            continue
        statements = [(segment, *one) for one in (old if was else new)[segment]]
        if segment.startswith("route ") and now and (there := _before(segment, list(new))) in old:
            # A list shows which of its members the new one comes after.
            here.append(f"   {there} {{ ... }}")
        here += [f"{'-' if was else '+'}  {line}" for line in _block(statements, 0)]
    here += [f"-  {text};" for text in sorted(old_lists - new_lists)]
    here += [f"+  {text};" for text in sorted(new_lists - old_lists)]
    if here:
        lines.append(f"[edit{''.join(f' {segment}' for segment in place)}]")
        lines += [f"{line[0]} {line[1:]}" for line in here]
    for segment in old:
        if segment in new and not segment.startswith(_LISTS):
            _compare((*place, segment), old[segment], new[segment], lines)


def _before(segment: str, segments: Sequence[str]) -> str:
    """What stands before a segment, if anything does."""
    index = segments.index(segment)
    return segments[index - 1] if index else ""
