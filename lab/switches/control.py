"""The control API of simulated switches, over HTTP on the loopback: what they hold, what they were sent, their faults.

GET    /switches                       every switch with its dialect, port, host key and sessions
GET    /switches/{name}/running        its running configuration, as the switch writes it; so too `startup`
GET    /switches/{name}/state          both as data: VLANs, ports, static routes, the rest
GET    /switches/{name}/journal        every line it was sent; DELETE forgets them
GET    /switches/{name}/faults         POST adds one, DELETE clears them, DELETE .../faults/{id} removes one
GET    /switches/{name}/table          the routes a router uses: network, protocol, tag, next hops
POST   /switches/{name}/reload         restart: sessions cut, running := start-up
POST   /switches/{name}/change         {"lines": [...]}: somebody changes the running configuration by hand
PUT    /switches/{name}/heard          {"network": "...", "next_hop": "..."}: a BGP neighbour announces it; null withdraws
POST   /switches/{name}/password       {"password": "..."}: the login's password is another one from now on
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, IPvAnyAddress, IPvAnyNetwork, SecretStr, ValidationError

from lab.errors import LabError
from lab.switches.configuration import Configuration
from lab.switches.documents import ServedSwitch
from lab.switches.faults import Fault
from lab.switches.switch import Switch


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")
    lines: list[str]


class _Heard(BaseModel):
    model_config = ConfigDict(extra="forbid")
    network: IPvAnyNetwork
    next_hop: IPvAnyAddress | None


class _Password(BaseModel):
    model_config = ConfigDict(extra="forbid")
    password: SecretStr


def control(switches: Mapping[str, Switch]) -> web.Application:
    """The application that serves the API for these switches."""
    app = web.Application()
    face = _Control(switches)
    app.router.add_get("/readyz", _ready)
    app.router.add_get("/switches", face.listed)
    for method, path, serve in (
        ("GET", "/running", face.running),
        ("GET", "/startup", face.startup),
        ("GET", "/state", face.state),
        ("GET", "/table", face.table),
        ("GET", "/journal", face.journal),
        ("DELETE", "/journal", face.clear_journal),
        ("GET", "/faults", face.faults),
        ("POST", "/faults", face.add_fault),
        ("DELETE", "/faults", face.clear_faults),
        ("DELETE", "/faults/{id}", face.remove_fault),
        ("POST", "/reload", face.reload),
        ("POST", "/change", face.change),
        ("PUT", "/heard", face.heard),
        ("POST", "/password", face.password),
    ):
        app.router.add_route(method, f"/switches/{{name}}{path}", face.of_one(serve))
    return app


def served(switch: Switch) -> ServedSwitch:
    """What is told of a switch that listens."""
    return ServedSwitch(name=switch.name, dialect=switch.dialect, port=switch.port, host_key=switch.host_key)


_Serve = Callable[[Switch, web.Request], Awaitable[web.Response]]


class _Control:
    def __init__(self, switches: Mapping[str, Switch]) -> None:
        self._switches = switches

    def of_one(self, serve: _Serve) -> Callable[[web.Request], Awaitable[web.Response]]:
        """With the switch that is named, and refusals as JSON."""

        async def answer(request: web.Request) -> web.Response:
            name = request.match_info["name"]
            switch = self._switches.get(name)
            if switch is None:
                known = ", ".join(self._switches)
                return _refused(404, f"no switch is named {name!r}: expected one of {known}")
            try:
                return await serve(switch, request)
            except ValidationError as error:
                first = error.errors(include_url=False, include_input=False)[0]
                where = ".".join(str(part) for part in first["loc"])
                return _refused(400, f"{where or 'the body'}: {first['msg']}")
            except LabError as error:
                return _refused(409, str(error))

        return answer

    async def listed(self, _: web.Request) -> web.Response:
        return web.json_response(
            [{**served(one).model_dump(), "sessions": asdict(one.sessions)} for one in self._switches.values()]
        )

    async def running(self, switch: Switch, _: web.Request) -> web.Response:
        return web.Response(text=switch.text("running"))

    async def startup(self, switch: Switch, _: web.Request) -> web.Response:
        return web.Response(text=switch.text("startup"))

    async def state(self, switch: Switch, _: web.Request) -> web.Response:
        return web.json_response({"running": _plain(switch.running), "startup": _plain(switch.startup)})

    async def table(self, switch: Switch, _: web.Request) -> web.Response:
        return web.json_response(switch.table())

    async def journal(self, switch: Switch, _: web.Request) -> web.Response:
        return web.json_response(switch.journal.listed())

    async def clear_journal(self, switch: Switch, _: web.Request) -> web.Response:
        switch.journal.clear()
        return web.json_response({})

    async def faults(self, switch: Switch, _: web.Request) -> web.Response:
        return web.json_response(switch.faults.listed())

    async def add_fault(self, switch: Switch, request: web.Request) -> web.Response:
        fault = Fault.model_validate_json(await request.read())
        return web.json_response({"id": switch.faults.add(fault)}, status=201)

    async def clear_faults(self, switch: Switch, _: web.Request) -> web.Response:
        switch.faults.clear()
        await switch.listening()
        return web.json_response({})

    async def remove_fault(self, switch: Switch, request: web.Request) -> web.Response:
        identity = request.match_info["id"]
        if not switch.faults.remove(identity):
            return _refused(404, f"switch {switch.name} has no fault {identity!r}: list them with GET .../faults")
        await switch.listening()
        return web.json_response({})

    async def reload(self, switch: Switch, _: web.Request) -> web.Response:
        switch.reload()
        await switch.up()
        return web.json_response({})

    async def change(self, switch: Switch, request: web.Request) -> web.Response:
        change = _Change.model_validate_json(await request.read())
        return web.json_response({"said": await switch.change(*change.lines)})

    async def heard(self, switch: Switch, request: web.Request) -> web.Response:
        told = _Heard.model_validate_json(await request.read())
        if told.next_hop is None:
            switch.unhear(str(told.network))
        else:
            switch.hear(str(told.network), str(told.next_hop))
        return web.json_response({})

    async def password(self, switch: Switch, request: web.Request) -> web.Response:
        given = _Password.model_validate_json(await request.read())
        switch.login.password = given.password.get_secret_value()
        return web.json_response({})


async def _ready(_: web.Request) -> web.Response:
    return web.Response(text="ok")


def _refused(status: int, message: str) -> web.Response:
    return web.json_response({"error": message}, status=status)


def _plain(configuration: Configuration) -> dict[str, Any]:
    """As JSON has it: a trunk that nobody restricted allows `null`."""
    ports = {name: {**asdict(port), "allowed": port.allowed} for name, port in configuration.ports.items()}
    for port in ports.values():
        port["allowed"] = None if port["allowed"] is None else sorted(port["allowed"])
    routes = [asdict(route) for route in configuration.routes]
    return {"vlans": configuration.vlans, "ports": ports, "other": configuration.other, "routes": routes}
