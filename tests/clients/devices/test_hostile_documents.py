"""Whatever an accepted document says, a switch is sent no line that Berth did not render: from the document to the journal."""

import asyncio
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from lab.switches import Login, Switch, trunk
from lab.switches.dialects import SwitchDialect
from tenancy.approval import Approval, Decision, Preview, SwitchLines
from tenancy.devices import DeviceOutcome, DeviceRequest
from tenancy.documents import read_platform, read_tenant
from tenancy.mistakes import InvalidDocumentError
from tenancy.platform import Platform
from tenancy.switches import PORT_PATTERNS
from tenancy.tenant import TenantNetwork
from tenancy.vlans import candidates
from tests.tenancy.documents import raw_tenant
from tests.tenancy.vlan_documents import APPROVAL, LOGIN, SWITCH, raw_vlan_platform
from workers.devices import sessions

DIALECTS: tuple[SwitchDialect, ...] = ("cisco-ios", "cisco-nxos", "arista-eos", "juniper-junos")
PASSWORD = "a-password"
JOINS = "^(interface|set interfaces) "
HARMLESS = {"cisco-ios": "GigabitEthernet1/0/1", "cisco-nxos": "Ethernet1/1", "arista-eos": "Ethernet1"}
HARMLESS |= {"juniper-junos": "ge-0/0/1"}

ACTING = st.sampled_from(
    [
        *"\n\r\t\v\f\0\x03\x15\x1a\x1b\x7f\x85\u2028\u2029?!;|&<>#\"'\\ ",
        "\r\n",
        "\\n",
        "{vlan}",
        "{port}",
        "%s",
        "０",
        "é",
    ]
)
"""What a switch, a shell or a template might act upon."""
COMMANDS = st.sampled_from(["", "reload", "no vlan 10", "delete vlans office", "write erase", "exit", "commit", "end"])
SOUND_NAMES = st.from_regex(r"[a-z]([a-z0-9-]{0,18}[a-z0-9])?", fullmatch=True)


@st.composite
def spoiled(draw: st.DrawFn, sound: str) -> str:
    """A good text with something in it that acts, and perhaps a command behind."""
    at = draw(st.just(len(sound)) | st.integers(0, len(sound)))
    return f"{sound[:at]}{draw(ACTING)}{draw(COMMANDS)}{sound[at:]}"


@st.composite
def documents(draw: st.DrawFn, dialect: SwitchDialect) -> tuple[Any, Any]:
    """A platform and a tenant in mode vlan; strange everywhere, and one of their words perhaps spoiled."""
    ports = draw(
        st.lists(st.from_regex(PORT_PATTERNS[dialect], fullmatch=True), min_size=1, max_size=2, unique_by=str.lower)
    )
    words = {
        "tenant": draw(SOUND_NAMES),
        "port": ports[0],
        "switch": draw(SOUND_NAMES),
        "login": "berth",
        "description": "a tenant",
        "approver": "nadia@example.com",
    }
    # Most of what is spoiled is refused at once; what is accepted costs a second.
    place = draw(st.sampled_from([*words, *["port", "tenant"] * 3, "vlan", "nothing"]))
    if place in words:
        words[place] = draw(spoiled(words[place]))
    switch = {**SWITCH, "name": words["switch"], "platform": dialect, "trunks": [words["port"], *ports[1:]]}
    platform = raw_vlan_platform(
        switches=[switch],
        credentials=[{**LOGIN, "username": words["login"]}],
        approval={**APPROVAL, "approvers": [words["approver"]]},
    )
    wished = draw(st.sampled_from(["2000", "2000\nreload", 2000.5, -1, True])) if place == "vlan" else 2000
    tenant = raw_tenant(vlan=wished)
    tenant["metadata"] = {"name": words["tenant"], "description": words["description"]}
    return platform, tenant


@dataclass(frozen=True)
class Told:
    """What a switch was sent, and what it was to be sent."""

    sent: Sequence[str]
    """All that its journal holds but what it asked a secret for."""
    lines: Sequence[str]
    """Those that previews and outcomes tell of."""
    tenant: str
    ports: Sequence[str]
    vlans: dict[int, str]

    def shapes(self) -> set[str]:
        """The lines with words in place of what documents say: what is left is Berth's own."""
        return {self._shape(line) for line in self.sent}

    def _shape(self, line: str) -> str:
        # Written down apart from the documents' own rules: nothing a switch would act upon is in what is put in.
        name = f"berth-{self.tenant}"
        assert re.fullmatch(r"[a-z0-9-]{7,30}", name), name
        line = re.sub(rf"(?<![\w-]){name}(?![\w-])", "NAME", line)
        for port in self.ports:
            assert re.fullmatch(r"[A-Za-z0-9/:-]{1,40}", port), port
            line = re.sub(rf"(?<![\w/:-]){re.escape(port)}(?![\w/:-])", "PORT", line)
        line = re.sub(r"(?<![\w-])berth-[0-9a-f]{8}(?![\w-])", "SESSION", line)
        return re.sub(r"(?<![\w-])2000(?![\w-])", "VLAN", line)


async def played(
    dialect: SwitchDialect, platform: Platform, tenant: TenantNetwork, *, rejected: str | None = None
) -> Told:
    """A tenant's whole life on a switch that has what the platform's document says it has.

    Lines that match `rejected` are not taken.
    """
    vlan = platform.spec.vlan
    assert vlan is not None
    (described,) = vlan.switches
    ports = described.trunks
    number = tenant.spec.vlan or candidates(vlan)[0]
    async with Switch(
        dialect,
        name="leaf-1",
        login=Login(vlan.credentials[0].username, PASSWORD),
        ports=[trunk(port) for port in ports],
        vlans={10: "office"},
        minute_seconds=1.0,
    ) as switch:
        if rejected is not None:
            switch.faults.add(effect="error", line=rejected, message="% Invalid input\nerror: invalid input")
        described = described.model_copy(update={"host": "127.0.0.1", "port": switch.port})
        with TemporaryDirectory() as folder:
            known_hosts = Path(folder) / "known_hosts"
            known_hosts.write_text(f"[127.0.0.1]:{switch.port} {switch.host_key}\n")
            work = sessions(no_secret, known_hosts)

            async def ask(action: Any, approval: Approval | None = None) -> DeviceOutcome:
                request = DeviceRequest(
                    id=action, tenant=tenant.name, action=action, vlan=number, trunks=ports, approval=approval
                )
                (outcome,) = await work(described, vlan, [request], alive=lambda: True, progress=lambda _: None)
                return outcome

            shown = await ask("preview")
            preview = Preview(
                tenant=tenant.name,
                run="run-1",
                vlan=number,
                switches=(SwitchLines(switch=described.name, lines=shown.lines),),
                plan="",
            )
            decision = Decision(plan=preview.hash, by=vlan.approval.approvers[0])
            made = await ask("ensure", Approval(preview=preview, decision=decision, at="2026-11-24T12:00:00Z"))
            gone = await ask("absent")
        sent = [entry.line.strip() for entry in switch.journal if entry.kind != "secret" and entry.line.strip()]
        assert switch.running.vlans[10] == "office"
        event(f"{shown.result}, {made.result}, {gone.result}")
        return Told(sent, [*made.lines, *gone.lines], tenant.name, ports, dict(switch.running.vlans))


async def no_secret(namespace: str, name: str, key: str) -> str:
    raise AssertionError((namespace, name, key))


_of_a_harmless_one: dict[str, set[str]] = {}


def harmless(dialect: SwitchDialect) -> set[str]:
    """The shapes of the lines that a document without any strangeness leads to."""
    if dialect not in _of_a_harmless_one:
        switch = {**SWITCH, "platform": dialect, "trunks": [HARMLESS[dialect]]}
        platform = read_platform(raw_vlan_platform(switches=[switch], credentials=[LOGIN]))
        tenant = read_tenant(raw_tenant(vlan=2000), platform)
        # A switch that does not take a line is told to take others back.
        lives = [asyncio.run(played(dialect, platform, tenant, rejected=line)) for line in (None, JOINS)]
        assert len(lives[0].lines) >= 4
        _of_a_harmless_one[dialect] = lives[0].shapes() | lives[1].shapes()
    return _of_a_harmless_one[dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
@settings(
    max_examples=120,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each example takes a second: none is tried again to be made smaller
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(data=st.data())
def test_no_accepted_document_makes_a_switch_execute_a_line_that_was_not_rendered(
    dialect: SwitchDialect, data: st.DataObject
) -> None:
    raw_platform, raw = data.draw(documents(dialect))
    try:
        platform = read_platform(raw_platform)
        tenant = read_tenant(raw, platform)
    except InvalidDocumentError:
        event("refused")
        return
    os.environ[LOGIN["password"]["environment"]] = PASSWORD  # type: ignore[index]  # plain data
    known = harmless(dialect)
    told = asyncio.run(played(dialect, platform, tenant))
    assert told.shapes() <= known
    assert told.vlans == {1: "default", 10: "office"}
    assert set(told.lines) <= {*told.sent}
