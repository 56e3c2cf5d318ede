"""Only lines that Berth rendered reach a switch, and every trunk is read as it is written."""

import re
from collections.abc import Iterator
from string import printable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clients.devices.changes import after, to_absent, to_ensure
from clients.devices.command_line import UnreadableError
from clients.devices.dialect import EVERY_VLAN, Dialect, State, port_word
from clients.devices.dialects import DIALECTS
from clients.devices.dialects.cisco_like import switchport_trunk, vlans_by_template
from clients.devices.sending import LONGEST_LINE, sendable
from clients.devices.steps import lines_of
from clients.errors import RefusedError
from lab.switches.configuration import ALL_VLANS
from lab.switches.switchport import allowed_lines
from tenancy.devices import DeviceRequest
from tenancy.switches import PORT_PATTERNS
from tests.clients.devices.scene import Scene, approval

TENANTS = st.from_regex(r"[a-z]([a-z0-9-]{0,22}[a-z0-9])?", fullmatch=True).filter(lambda name: "--" not in name)
VLANS = st.integers(2, 4094)


def pattern_of(template: str, dialect: Dialect) -> str:
    """What a line of a template may be, written down apart from how it is rendered."""
    ports = PORT_PATTERNS[dialect.platform].replace("lag", "lag ?")
    parts = {"{vlan}": "[1-9][0-9]{0,3}", "{name}": "berth-[a-z][a-z0-9-]{0,23}", "{port}": f"(?:{ports})"}
    return "".join(parts.get(part, re.escape(part)) for part in re.split(r"(\{\w+\})", template))


def templates(dialect: Dialect) -> Iterator[str]:
    for group in (dialect.create, dialect.delete, dialect.join, dialect.leave):
        yield from group


@pytest.mark.parametrize("dialect", DIALECTS.values(), ids=lambda dialect: dialect.platform)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_every_line_is_one_of_the_platforms_own(dialect: Dialect, data: st.DataObject) -> None:
    ports = tuple(
        data.draw(
            st.lists(st.from_regex(PORT_PATTERNS[dialect.platform], fullmatch=True).filter(str.isascii), max_size=3)
        )
    )
    vlan, tenant = data.draw(VLANS), data.draw(TENANTS)
    wish = DeviceRequest(id="1", tenant=tenant, action="ensure", vlan=vlan, trunks=ports)
    carried = st.none() | st.frozensets(VLANS, max_size=5).map(lambda some: some - {vlan})
    state = State({1: "default"}, {port: data.draw(carried) for port in ports})
    made = to_ensure(dialect, state, wish, "leaf-1", "leaf-1")
    wish = wish.model_copy(update={"approval": approval("leaf-1", lines_of(made), tenant, vlan)})
    full = after(state, wish)
    gone = to_absent(dialect, full, wish.model_copy(update={"action": "absent"}), "leaf-1")
    own = re.compile("|".join(f"(?:{pattern_of(one, dialect)})" for one in templates(dialect)))
    for line in (*lines_of(made), *lines_of(gone), *(line for step in made for line in step.inverse)):
        assert own.fullmatch(line), line
        assert sendable(line) == line
        assert not re.search(r"allowed vlan [0-9]", line) or dialect.platform == "dell-os10"
    # What is made is gone again, and asking twice asks for nothing.
    assert to_ensure(dialect, full, wish, "leaf-1", "leaf-1") == ()
    left = after(full, wish.model_copy(update={"action": "absent"}))
    assert left == state
    assert (
        [step.lines for step in gone][::-1] == [step.inverse for step in made]
        or len(ports) != len(set(ports))
        or (sorted(step.lines for step in gone) == sorted(step.inverse for step in made))
    )
    assert all(port_word(dialect, port) in " ".join(lines_of(made)) for port in ports if state.trunks[port] is not None)


@pytest.mark.parametrize("character", [chr(code) for code in (*range(32), 127, 0x85, 0xA0, 0x2028, 0xFF1F)] + ["?"])
@given(before=st.text(printable[:90], max_size=20), behind=st.text(printable[:90], max_size=20))
@settings(max_examples=5)
def test_a_line_with_a_character_that_acts_is_never_sent(character: str, before: str, behind: str) -> None:
    with pytest.raises(RefusedError, match="nothing of it was sent"):
        sendable(f"vlan {before}{character}{behind}")


@pytest.mark.parametrize("line", ["", " ", "x" * (LONGEST_LINE + 1)])
def test_a_line_that_is_none_is_never_sent(line: str) -> None:
    with pytest.raises(RefusedError):
        sendable(line)


async def test_a_name_with_a_line_end_never_reaches_a_switch(ios: Scene) -> None:
    wish = ios.request("ensure").model_copy(update={"tenant": "acme\nno vlan 10"})
    given_lines = ["vlan 100", "name berth-acme\nno vlan 10", "exit", *(await ios.lines())[3:]]
    approved = ios.approved(given_lines)
    assert approved.approval is not None
    preview = approved.approval.preview.model_copy(update={"tenant": wish.tenant})
    decision = approved.approval.decision.model_copy(update={"plan": preview.hash})
    forged = approved.approval.model_copy(update={"preview": preview, "decision": decision})
    with pytest.raises(RefusedError, match="nothing of it was sent"):
        await ios.work(wish.model_copy(update={"approval": forged}))
    assert 10 in ios.running.vlans


@given(allowed=st.none() | st.frozensets(st.integers(1, 4094), max_size=300), pairs=st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_list_of_any_length_is_read_as_it_was_written(allowed: frozenset[int] | None, pairs: bool) -> None:
    section = ["interface Ethernet1", " description switchport mode access", " switchport mode trunk"]
    section += [f" {line}" for line in allowed_lines(allowed, pairs=pairs)]
    assert switchport_trunk("\n".join([*section, "!", ""]), "Ethernet1", {}) == allowed


def test_a_list_of_every_id_restricts_nothing() -> None:
    text = "interface Ethernet1\n switchport mode trunk\n switchport trunk allowed vlan 1-4094\n"
    assert frozenset(range(1, 4095)) == ALL_VLANS
    assert switchport_trunk(text, "Ethernet1", {}) is EVERY_VLAN


@pytest.mark.parametrize("numbers", ["1-", "a", "1,,2", "10 20", "1-2-3", "99999", ""])
def test_a_list_that_is_not_understood_is_an_error(numbers: str) -> None:
    text = f"interface Ethernet1\n switchport mode trunk\n switchport trunk allowed vlan {numbers}\n"
    with pytest.raises(UnreadableError):
        switchport_trunk(text, "Ethernet1", {})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "% Invalid input detected at '^' marker.",
        "VLAN Name Status Ports\n---- ---- ---- ----\n10 office active\n",
        "VLAN Name Status Ports\n---- ---- ---- ----\n1 default active\n10\n",
    ],
)
def test_a_table_that_is_not_understood_is_an_error(text: str) -> None:
    with pytest.raises(UnreadableError):
        vlans_by_template("arista_eos", "show vlan")(text)
