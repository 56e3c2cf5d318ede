"""Whatever a client types, a switch answers it: nothing makes the simulator fail."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.switches.configuration import Configuration, trunk
from lab.switches.device import Device, RejectedError
from lab.switches.dialects import SYSTEMS, DialectName
from lab.switches.faults import Faults
from lab.switches.journal import Journal
from lab.switches.session import Session
from lab.switches.terminal import GoneError, Terminal

TYPED = """
configure terminal exclusive private session commit check confirmed timer abort rollback exit end quit up top edit show
vlan vlans brief run running-config startup-config interface interfaces trunk switchport configuration display set delete
no name x mode access allowed add remove except all none native vlan-id members unit 0 family ethernet-switching
interface-mode description disable | compare match include section ( ² ? ! 1 10 100-200 5000 , - gi1/0/1 eth1/1 et1
ge-0/0/0 range [ ] " write copy do cli screen-length system 00:01:00 id diffs named sessions
ip ipv6 route address protocols static routing-options rib inet6.0 inet.0 next-hop discard blackhole tag 4200 save section
198.51.100.7 198.51.100.7/32 255.255.255.255 255.255.255.0 203.0.113.9 2001:db8::7/128 2001:db8:f::9 Null0 route6 exact
commands saved commit-confirm ' table protocol
"""
WORDS = TYPED.split()
LINES = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map(" ".join), min_size=1, max_size=12)


@pytest.mark.parametrize("dialect", SYSTEMS)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(lines=LINES)
def test_every_line_is_answered_or_refused(dialect: DialectName, lines: list[str]) -> None:
    asyncio.run(_typed(dialect, lines))


async def _typed(dialect: DialectName, lines: list[str]) -> None:
    system = SYSTEMS[dialect]
    given = [trunk(one, "1,10") if isinstance(one, str) else one for one in system.ports]
    ports = {one.name: one for one in given}
    store = system.new_store("leaf", Configuration({1: "default", 10: "mgmt"}, ports))
    device = Device("leaf", Faults(), Journal())
    terminal = Terminal(lambda _: None)
    session = Session(1, "berth", device, store, terminal, lambda: None)
    shell = system.new_shell(device, store, session)
    terminal.hang_up()
    for line in ["configure", *lines]:
        with suppress(RejectedError, GoneError):
            await shell.run(line)
        assert shell.prompt
        shell.help_on(line)
    store.reload()
    assert store.running == store.startup
    assert store.text("running")
