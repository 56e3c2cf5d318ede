"""`berth doctor`: each switch is logged in to as the worker does, and host keys come to be trusted by a person alone."""

import asyncio
import json
import subprocess
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import asyncssh
import pytest

from cli.commands_doctor import exit_code
from cli.exit_codes import ExitCode
from lab.kube import KubeSimulator
from lab.switches import Login, Switch
from tests.cli.running import at_a_terminal, berth, complaint
from tests.workflows.vlan_world import PASSWORD, VARIABLE, vlan_platform
from tests.workflows.world import platform_file
from workers.doctor.examination import Examination
from workers.doctor.findings import Area
from workers.settings import Settings

ENABLE = "enable-secret-of-the-switches"


@dataclass
class Rack:
    """Two switches, the platform's document that names them, and the command."""

    folder: Path
    switches: tuple[Switch, Switch]
    kube_url: str
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def known_hosts(self) -> Path:
        return self.folder / "known_hosts"

    @property
    def logins(self) -> list[tuple[str, str, bool]]:
        """Every try to log in to any of them."""
        return [one for switch in self.switches for one in switch.logins]

    def environment(self) -> Mapping[str, str]:
        return {"BERTH_KUBE_SERVER": self.kube_url, VARIABLE: PASSWORD, **self.variables}

    def fingerprint(self, number: int) -> str:
        return asyncssh.import_public_key(self.switches[number].host_key).get_fingerprint()

    def forget(self) -> None:
        """Nobody has trusted any of the switches yet."""
        self.known_hosts.write_text("# of the network team\n")

    def change(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Changes the VLAN part of the platform's document."""
        file = self.folder / "platform.yaml"
        document = json.loads(file.read_text())
        change(document["spec"]["vlan"])
        file.write_text(json.dumps(document))

    async def doctor(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return await asyncio.to_thread(
            berth, "doctor", "devices", *arguments, folder=self.folder, variables=self.environment()
        )

    async def findings(self, code: ExitCode, *arguments: str) -> dict[str, tuple[str, str]]:
        """What it found of each switch."""
        if not arguments:  # nothing but to look: a process of its own would show no more
            settings = Settings(
                platform=self.folder / "platform.yaml", known_hosts=self.known_hosts, kube_server=self.kube_url
            )
            with pytest.MonkeyPatch.context() as patch:
                for name, value in self.environment().items():
                    patch.setenv(name, value)
                found = await Examination(settings, [Area.DEVICES]).findings()
            assert exit_code(found) == code, found
            return {one.subject: (one.state, one.message) for one in found}
        done = await self.doctor("--json", *arguments)
        assert done.returncode == code, done.stderr
        return {one["subject"]: (one["state"], one["message"]) for one in json.loads(done.stdout)["findings"]}

    async def at_a_terminal(self, *arguments: str, types: str) -> tuple[int, str]:
        return await asyncio.to_thread(
            at_a_terminal,
            "doctor",
            "devices",
            *arguments,
            folder=self.folder,
            types=types,
            variables=self.environment(),
        )


@pytest.fixture
async def rack(tmp_path: Path) -> AsyncIterator[Rack]:
    enable = tmp_path / "enable"
    enable.touch(mode=0o600)
    enable.write_text(ENABLE)
    async with (
        KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as kube,
        Switch("cisco-ios", name="leaf-1", login=Login("berth", PASSWORD, enable_secret=ENABLE)) as first,
        Switch("juniper-junos", name="leaf-2", login=Login("berth", PASSWORD)) as second,
    ):
        login = credentials(password={"environment": VARIABLE}, enableSecret={"file": str(enable)})
        vlan_platform(tmp_path, (first, second), credentials=[login])
        made = Rack(tmp_path, (first, second), kube.url)
        yield made
        # Looking changes nothing.
        assert [entry.line for switch in made.switches for entry in switch.journal if entry.configuring] == []


def credentials(**places: Any) -> dict[str, Any]:
    return {"name": "switches", "username": "berth", **places}


def base64_of(text: str) -> str:
    return b64encode(text.encode()).decode()


async def test_where_all_is_well_it_has_logged_in_to_each_switch(rack: Rack) -> None:
    done = await rack.doctor()
    assert done.returncode == ExitCode.OK, done.stderr
    assert "passed  switch leaf-1: cisco-ios: host key known, logged in, 2 trunks there" in done.stdout
    assert "passed  switch leaf-2: juniper-junos: host key known, logged in, 2 trunks there" in done.stdout
    assert rack.logins == [("berth", "password", True)] * 2
    assert [state for state, _ in (await rack.findings(ExitCode.OK)).values()] == ["passed"] * 2


async def test_a_platform_without_switches_needs_none(tmp_path: Path) -> None:
    async with KubeSimulator() as kube:
        variables = {"BERTH_KUBE_SERVER": kube.url, "BERTH_PLATFORM": str(platform_file(tmp_path))}
        for arguments in ((), ("--trust-hosts",)):
            done = await asyncio.to_thread(berth, "doctor", "devices", *arguments, folder=tmp_path, variables=variables)
            assert done.returncode == ExitCode.OK, done.stderr
            assert "passed  devices: the platform has none" in done.stdout


async def test_an_unknown_host_key_is_told_with_the_remedy_and_nobody_logs_in(rack: Rack) -> None:
    rack.forget()
    found = await rack.findings(ExitCode.REFUSED)
    for number, switch in enumerate(rack.switches):
        state, message = found[f"switch {switch.name}"]
        assert state == "failed"
        assert f"no host key of [127.0.0.1]:{rack.switches[number].port}" in message
        assert "run `berth doctor --trust-hosts`" in message
    assert rack.logins == []


@pytest.mark.parametrize("arguments", [(), ("--json",)])
async def test_where_nobody_can_compare_fingerprints_they_are_shown_and_none_is_trusted(
    rack: Rack, arguments: tuple[str, ...]
) -> None:
    rack.forget()
    before = rack.known_hosts.read_text()
    done = await rack.doctor("--trust-hosts", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert "a person has to compare the fingerprints" in complaint(done)
    for number, switch in enumerate(rack.switches):
        assert f"[127.0.0.1]:{switch.port}  ssh-ed25519  {rack.fingerprint(number)}" in done.stderr
    assert rack.known_hosts.read_text() == before
    assert rack.logins == []


async def test_a_person_who_says_no_trusts_nothing_and_one_who_says_yes_all_that_was_shown(rack: Rack) -> None:
    rack.forget()
    before = rack.known_hosts.read_text()
    for types in ("\n", "n\n"):
        code, seen = await rack.at_a_terminal("--trust-hosts", types=types)
        assert code == ExitCode.REFUSED, seen
        assert "no host key was recorded" in seen
        assert rack.known_hosts.read_text() == before
    code, seen = await rack.at_a_terminal("--trust-hosts", types="y\n")
    assert code == ExitCode.OK, seen
    assert "Record 2 of them? [y/N]" in seen
    for number in range(2):
        assert seen.index(rack.fingerprint(number)) < seen.index("Are these the keys")
    keys = "".join(f"[127.0.0.1]:{switch.port} {switch.host_key}\n" for switch in rack.switches)
    assert rack.known_hosts.read_text() == before + keys


async def test_a_script_that_has_compared_them_records_only_what_is_not_known_yet(rack: Rack) -> None:
    first, second = rack.switches
    known = f"[127.0.0.1]:{first.port} {first.host_key}\n"
    rack.known_hosts.write_text(known)
    done = await rack.doctor("--trust-hosts", "--yes", "--json")
    assert done.returncode == ExitCode.OK, done.stderr
    assert json.loads(done.stdout)["recorded"] == [f"[127.0.0.1]:{second.port}"]
    assert rack.known_hosts.read_text() == known + f"[127.0.0.1]:{second.port} {second.host_key}\n"
    again = await rack.doctor("--trust-hosts", "--yes", "--json")
    assert json.loads(again.stdout)["recorded"] == []


async def test_a_changed_host_key_is_never_recorded_over_the_known_one(rack: Rack) -> None:
    before, known = rack.known_hosts.read_text(), rack.fingerprint(0)
    rack.switches[0].faults.add(effect="change-host-key")
    found = await rack.findings(ExitCode.REFUSED, "--trust-hosts", "--yes")
    state, message = found["switch leaf-1"]
    assert state == "failed"
    assert f"shows host key {rack.fingerprint(0)}, expected {known}" in message
    assert found["switch leaf-2"][0] == "passed"
    assert rack.known_hosts.read_text() == before
    assert rack.switches[0].logins == []


async def test_a_switch_that_is_down_is_named_and_keeps_nobody_from_the_others(rack: Rack) -> None:
    rack.forget()
    rack.switches[0].faults.add(effect="refuse")
    done = await rack.doctor("--trust-hosts", "--yes", "--json")
    assert done.returncode == ExitCode.REFUSED
    assert f"[127.0.0.1]:{rack.switches[0].port}: shows no host key" in done.stderr
    told = json.loads(done.stdout)
    assert told["recorded"] == [f"[127.0.0.1]:{rack.switches[1].port}"]
    assert [one["state"] for one in told["findings"]] == ["failed", "passed"]


async def test_a_login_that_is_refused_is_tried_once_and_told_without_the_password(rack: Rack) -> None:
    wrong = "not-the-password-of-anything"
    rack.variables[VARIABLE] = wrong
    done = await rack.doctor()
    assert done.returncode == ExitCode.REFUSED
    assert "failed  switch leaf-1" in done.stdout
    assert done.stdout.count("login berth was refused") == 2
    assert wrong not in done.stdout + done.stderr
    assert rack.logins == [("berth", "password", False)] * 2


async def test_a_wrong_enable_secret_and_one_that_everybody_can_read_are_told(rack: Rack) -> None:
    (rack.folder / "enable").write_text("not-the-secret")
    found = await rack.findings(ExitCode.REFUSED)
    assert "the enable secret was refused" in found["switch leaf-1"][1]
    (rack.folder / "enable").chmod(0o644)
    for state, message in (await rack.findings(ExitCode.REFUSED)).values():
        assert (state, "others than the worker can read it" in message) == ("failed", True)
        assert "not-the-secret" not in message


async def test_a_trunk_that_is_not_there_is_told(rack: Rack) -> None:
    rack.change(lambda vlan: vlan["switches"][1].update(trunks=["ge-0/0/1", "ge-9/9/9"]))
    found = await rack.findings(ExitCode.REFUSED)
    assert found["switch leaf-1"][0] == "passed"
    assert (found["switch leaf-2"][0], "ge-9/9/9" in found["switch leaf-2"][1]) == ("failed", True)


async def test_secrets_of_kubernetes_are_read_as_the_worker_reads_them(rack: Rack) -> None:
    def place(key: str) -> dict[str, Any]:
        return {"secret": {"namespace": "default", "name": "switches", "key": key}}

    login = credentials(password=place("password"), enableSecret=place("enable"))
    rack.change(lambda vlan: vlan.update(credentials=[login]))
    found = await rack.findings(ExitCode.REFUSED)
    assert all("there is no such Secret" in message for _, message in found.values())
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "switches"},
        "data": {"password": base64_of(PASSWORD), "enable": base64_of(ENABLE)},
    }
    url = f"{rack.kube_url}/api/v1/namespaces/default/secrets"
    async with aiohttp.ClientSession() as http, http.post(url, json=secret) as answer:
        assert answer.status == 201
    assert {state for state, _ in (await rack.findings(ExitCode.OK)).values()} == {"passed"}


async def test_behind_a_jump_host_only_the_jump_host_can_be_asked_for_its_key(rack: Rack) -> None:
    rack.forget()
    # The second switch stands in for the jump host: nothing of it is asked but its key.
    jump = {"host": "127.0.0.1", "port": rack.switches[1].port, "credentials": "switches"}
    rack.change(lambda vlan: vlan.update(switches=[{**vlan["switches"][0], "jumpHost": jump}]))
    done = await rack.doctor("--trust-hosts", "--yes", "--json")
    assert done.returncode == ExitCode.REFUSED
    assert json.loads(done.stdout)["recorded"] == [f"[127.0.0.1]:{rack.switches[1].port}"]
    name = f"[127.0.0.1]:{rack.switches[0].port}"
    assert f"{name} is behind jump host 127.0.0.1: add its key to" in done.stderr
    assert f"by hand, as {name}" in done.stderr
    assert rack.switches[0].logins == []
