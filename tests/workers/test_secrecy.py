"""No secret of the switches, of an approver or of a notice is in a log, a history, an error or a file, whatever happens."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from aiohttp import web

from lab.switches import Login, Switch
from lab.switches.dialects import DialectName
from tenancy import names
from tests.clients.stand_in import StandIn, stand_in
from tests.durability.outcomes import Run, refusal, results
from tests.durability.scene import PLATFORM, Document, Ran, Scene, a_scene, eventually
from tests.durability.tenants import tenant
from tests.workflows.vlan_world import TRUNKS

PASSWORDS = {"leaf-1": "p4ssword-of-leaf-1-5b1d", "leaf-3": "p4ssword-of-leaf-3-e07c"}
WRONG = "wr0ng-password-88f2"
ENABLE = "en4ble-secret-93ab"
PASSPHRASE = "p4ssphrase-of-the-key-d41d"
TOKEN = "T0kenOfTheWebhook6f21"
DIALECTS: dict[str, DialectName] = {"leaf-1": "cisco-ios", "leaf-2": "juniper-junos", "leaf-3": "arista-eos"}
NADIA = "nadia@example.com"


@dataclass
class Life:
    """A platform in mode vlan with a worker process that writes down all it can, and what was seen of it."""

    scene: Scene
    secrets: Path
    """Where the secrets are kept: the one folder that is not searched."""
    switches: dict[str, Switch]
    key: str
    """The private key's text."""
    webhook: StandIn
    runs: list[Run] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """What commands printed, answers and failures."""

    async def berth(self, *arguments: str) -> Ran:
        ran = await self.scene.berth("--debug", *arguments)
        self.seen += [ran.out, ran.err]
        return ran

    async def onboard(self, name: str) -> Run:
        run = await self.scene.onboard(tenant(name), by="anna@example.com")
        self.runs.append(run)
        return run

    async def approved(self, name: str) -> Run:
        """An onboarding that waited, and was approved with the command."""
        run = await self.onboard(name)
        shown = await eventually(
            lambda: run.query("approval"), lambda found: found["state"] == "waiting", f"{name} waits for approval"
        )
        self.seen.append(json.dumps(shown))
        await self.berth("approvals")
        (await self.berth("approve", name, "--as", NADIA, "--yes", "--plan", shown["plan"])).good()
        return run

    async def refused(self, run: Run) -> str:
        error = await refusal(run)
        self.seen.append(repr(error))
        return error.message

    async def told(self, run: Run, words: str) -> None:
        """Waits until the run's board says why it does not go on."""
        await eventually(
            lambda: self.scene.status(run),
            lambda status: any(words in (step.note or "") for step in status.steps),
            f"the board says {words!r}",
        )
        self.seen.append(str(await run.query("__temporal_workflow_metadata")))
        await self.berth("status", run.id.removeprefix("tenant-"))

    def write(self, file: str, secret: str) -> None:
        path = self.secrets / file
        path.touch(mode=0o600)
        path.write_text(secret)


def platform(secrets: Path, switches: dict[str, Switch]) -> Document:
    """The scene's platform in mode vlan: each switch is logged in to in another way."""

    def file(name: str) -> dict[str, str]:
        return {"file": str(secrets / name)}

    vlan = {
        "providerNetwork": "external",
        "range": {"first": 2000, "last": 2099},
        "credentials": [
            {"name": "leaf-1", "password": {"environment": "LEAF_1_PASSWORD"}, "enableSecret": file("enable")},
            {"name": "leaf-2", "privateKey": file("key"), "passphrase": file("passphrase")},
            {"name": "leaf-3", "password": file("password")},
        ],
        "switches": [
            {
                "name": name,
                "platform": switch.dialect,
                "host": "127.0.0.1",
                "port": switch.port,
                "credentials": name,
                "trunks": TRUNKS[switch.dialect],
            }
            for name, switch in switches.items()
        ],
        "approval": {"approvers": [NADIA], "notify": [file("url")]},
    }
    for login in vlan["credentials"]:
        login["username"] = "berth"  # type: ignore[index]  # plain data
    return {**PLATFORM, "spec": {**PLATFORM["spec"], "mode": "vlan", "vlan": vlan}}


@asynccontextmanager
async def a_life(folder: Path) -> AsyncIterator[Life]:
    secrets, key = folder / "secrets", asyncssh.generate_private_key("ssh-ed25519")
    secrets.mkdir()
    (folder / "scene").mkdir()
    logins = {
        "leaf-1": Login("berth", PASSWORDS["leaf-1"], enable_secret=ENABLE),
        "leaf-2": Login("berth", authorized_keys=(key.export_public_key().decode(),)),
        "leaf-3": Login("berth", PASSWORDS["leaf-3"]),
    }

    async def respond(request: web.Request) -> web.Response:
        return web.Response(status=500 if life.webhook.requests[:-2] == [] else 200)

    async with AsyncExitStack() as stack:
        switches = {
            name: await stack.enter_async_context(Switch(dialect, name=name, login=logins[name], minute_seconds=1.0))
            for name, dialect in DIALECTS.items()
        }
        webhook = await stack.enter_async_context(stand_in(respond))
        scene = await stack.enter_async_context(a_scene(folder / "scene"))
        life = Life(scene, secrets, switches, key.export_private_key(passphrase=PASSPHRASE).decode(), webhook)
        life.write("key", life.key)
        life.write("passphrase", PASSPHRASE)
        life.write("enable", ENABLE)
        life.write("password", PASSWORDS["leaf-3"])
        life.write("url", f"json://user:{TOKEN}@{webhook.url.removeprefix('http://')}/{TOKEN}")
        (scene.folder / "platform-vlan.json").write_text(json.dumps(platform(secrets, switches)))
        known = "".join(f"[127.0.0.1]:{switch.port} {switch.host_key}\n" for switch in switches.values())
        (scene.folder / "known_hosts").write_text(known)
        yield life


def settings(life: Life) -> dict[str, str | None]:
    return {
        "BERTH_PLATFORM": str(life.scene.folder / "platform-vlan.json"),
        "BERTH_KNOWN_HOSTS": str(life.scene.folder / "known_hosts"),
        "BERTH_LOG_LEVEL": "debug",
        "BERTH_DEVICE_REFUSED_DELAY": "0.05",
        "LEAF_1_PASSWORD": PASSWORDS["leaf-1"],
    }


async def trouble_at_the_door(life: Life) -> None:
    """Switches that take no login, each for another reason; each ends the run that asked."""
    leaf_1, leaf_2 = life.switches["leaf-1"], life.switches["leaf-2"]
    doors: list[tuple[str, Switch, dict[str, Any], str]] = [
        ("denied", leaf_1, {"effect": "deny-login"}, "login berth was refused"),
        ("unkeyed", leaf_2, {"effect": "deny-login"}, "login berth was refused"),
        ("disabled", leaf_1, {"effect": "deny-enable"}, "the enable secret was refused"),
        ("changed", leaf_1, {"effect": "change-host-key"}, "shows host key"),
    ]
    for name, switch, fault, why in doors:
        identity = switch.faults.add(**fault)
        assert why in await life.refused(await life.onboard(name))
        switch.faults.remove(identity)
    life.write("password", WRONG)
    await life.berth("doctor")
    assert "login berth was refused" in await life.refused(await life.onboard("wrong"))
    life.write("password", PASSWORDS["leaf-3"])
    # What an operator can mend is waited for.
    life.write("passphrase", WRONG)
    run = await life.onboard("phrase")
    await life.told(run, "it cannot be read with this passphrase")
    await run.cancel()
    life.write("passphrase", PASSPHRASE)


async def trouble_at_work(life: Life) -> None:
    """Switches that break off, refuse a line, or do not save."""
    leaf_1 = life.switches["leaf-1"]
    for switch in life.switches.values():
        switch.faults.add(effect="drop", line="berth-well", times=1)
        switch.faults.add(effect="syslog", line="^show", times=2)
        switch.faults.add(effect="no-session", times=1)
    saving = leaf_1.faults.add(effect="deny-save")
    run = await life.approved("well")
    await life.told(run, "`write memory` failed")
    leaf_1.faults.remove(saving)
    await results([run])
    # A switch that repeats what it was told, in its words about a line it does not take.
    leaf_1.faults.add(effect="error", line="berth-bad", message=f"% Invalid input: {ENABLE} {PASSWORDS['leaf-1']}")
    assert "% Invalid input" in await life.refused(await life.approved("bad"))
    leaving = await life.scene.offboard("well")
    life.runs.append(leaving)
    await results([leaving])


async def everything_of(life: Life) -> dict[str, bytes]:
    """All that the processes wrote and keep, by where it is."""
    found = {f"output {number}": text.encode() for number, text in enumerate(life.seen)}
    devices = [names.device_workflow(name) for name in life.switches]
    for workflow in {*(run.id for run in life.runs), *devices}:
        async for one in life.scene.client.list_workflows(f'WorkflowId = "{workflow}"'):
            handle = life.scene.client.get_workflow_handle(one.id, run_id=one.run_id)
            async for event in handle.fetch_history_events():
                found[f"{one.id}, event {event.event_id} of {one.run_id}"] = event.SerializeToString()
    for file in life.scene.folder.rglob("*"):
        if file.is_file():
            found[str(file)] = file.read_bytes()
    return found


def spellings(secret: str) -> Iterator[bytes]:
    """As it is, and as it would stand in a Secret, in a header or in an encoded payload."""
    yield secret.encode()
    for shift in range(3):
        # Without its ends, which depend on what is beside it.
        yield base64.b64encode(b"\0" * shift + secret.encode())[4:-4]


@pytest.mark.timeout(400)  # it has many lives to tell, and each command takes a second to start
async def test_a_life_full_of_trouble_leaves_no_secret_anywhere(tmp_path: Path) -> None:
    async with a_life(tmp_path) as life:
        life.scene.environment = environment_of(life.scene.environment, settings(life))  # type: ignore[method-assign]
        worker = await life.scene.worker()
        await trouble_at_the_door(life)
        await trouble_at_work(life)
        await asyncio.gather(*(life.berth(*command) for command in (("doctor", "--json"), ("status", "bad", "--json"))))
        everything = await everything_of(life)
        worker.terminate()
        assert await worker.ended() == 0
        everything["the worker's log"] = worker.log.read_bytes()

        # Each secret was used, and what was searched is what was written.
        for name, how in (("leaf-1", "password"), ("leaf-2", "key"), ("leaf-3", "password")):
            assert ("berth", how, True) in life.switches[name].logins
        assert any(entry.kind == "secret" and entry.accepted for entry in life.switches["leaf-1"].journal)
        assert any(TOKEN in request for request in life.webhook.requests)
        log = everything["the worker's log"]
        for written in (b'"level": "debug"', b"login berth was refused", b"tenant-bad", b"did not take the notice"):
            assert written in log, written
        assert any("device-leaf-1, event" in where and b"berth-bad" in what for where, what in everything.items())
        assert any("temporal.db" in where and b"berth-bad" in what for where, what in everything.items())

        body = [line for line in life.key.splitlines() if "-----" not in line]
        kept = [*PASSWORDS.values(), WRONG, ENABLE, PASSPHRASE, TOKEN]
        for secret in [*(form for one in kept for form in spellings(one)), *(line.encode() for line in body)]:
            assert [where for where, what in everything.items() if secret in what] == [], secret


def environment_of(before: Callable[[], dict[str, str]], more: dict[str, str | None]) -> Callable[[], dict[str, str]]:
    return lambda: {**before(), **{key: value for key, value in more.items() if value is not None}}
