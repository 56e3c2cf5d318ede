"""The embedded platform as one thing: started, found, broken on purpose, stopped."""

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from lab.errors import LabError
from lab.fabric import DEVICES, DIALECTS, ROUTER_DIALECTS, USERNAME, FabricServer, start_fabric
from lab.home import Home, Ports, RunningDevice, RunningLab, take_home
from lab.ports import HOST, still_free
from lab.processes import STOP_SECONDS, EndedError, ProcessId
from lab.simulator import SimulatorServer, start_simulator
from lab.temporal import NAMESPACE, TemporalServer, start_temporal, temporal_binary


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A Temporal that is none of the lab's: who uses the lab is told of it, and it is not touched."""

    address: str
    """host:port of its frontend."""
    namespace: str


@dataclass(frozen=True, slots=True)
class _Up:
    home: Home
    temporal: TemporalServer | None
    simulator: SimulatorServer
    fabric: FabricServer

    @property
    def servers(self) -> Sequence[TemporalServer | SimulatorServer | FabricServer]:
        return (*([] if self.temporal is None else [self.temporal]), self.simulator, self.fabric)

    async def stop(self, seconds: float) -> None:
        try:
            self.home.withdraw()
            await asyncio.gather(*(server.stop(seconds=seconds) for server in self.servers))
        finally:
            self.home.release()


class Lab:
    """Temporal, the simulated Kubernetes API, switches and routers over one state folder: `async with Lab(home, ...) as lab`.

    While it is entered `find_lab` finds `lab.running` in the folder. What an earlier lab kept there is there again.

    Args:
        home: the state folder, see `lab.home.home_folder`.
        search_attributes: what the namespace of the lab's Temporal must know, name to type ("Keyword", "Int", ...).
        platform: the document that describes this lab, for the clients; it is not read here.
        elsewhere: the Temporal to use, in place of one of the lab's own.
        listen: the address at which the API, the switches and the routers listen; their control API keeps to the loopback.
        reached_as: the name or address by which clients reach them.
        temporal_port: None takes that of the folder's last lab where it is free, else any; as with the two below.
        ui_port: of Temporal's Web UI.
        kubernetes_port: of the simulated Kubernetes API.
        kubernetes_arguments: more for `python -m lab.kube`, such as `["--ready-delay", "1.5"]`.
        stop_seconds: how long the servers may take to stop before they are killed, which loses nothing; Temporal needs
            1.1 s. 0 kills them at once.
        progress: told each stage, in words.

    Entering raises LabError when a lab runs in the folder already, or one of its servers cannot start; nothing runs then.
    """

    def __init__(
        self,
        home: Path,
        *,
        search_attributes: Mapping[str, str] = MappingProxyType({}),
        platform: Path | None = None,
        elsewhere: Elsewhere | None = None,
        listen: str = HOST,
        reached_as: str = HOST,
        temporal_port: int | None = None,
        ui_port: int | None = None,
        kubernetes_port: int | None = None,
        kubernetes_arguments: Sequence[str] = (),
        stop_seconds: float = STOP_SECONDS,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._folder = home.absolute()
        self._search_attributes = search_attributes
        self._platform = platform.absolute() if platform else None
        self._elsewhere = elsewhere
        self._listen, self._reached_as = listen, reached_as
        self._temporal_port = temporal_port
        self._ui_port = ui_port
        self._kubernetes_port = kubernetes_port
        self._kubernetes_arguments = kubernetes_arguments
        self._stop_seconds = stop_seconds
        self._progress = progress
        self._up: _Up | None = None
        self._running: RunningLab | None = None

    @property
    def running(self) -> RunningLab:
        """What a client needs to use this lab. Raises LabError while it is not entered."""
        if self._running is None:
            raise self._not_entered()
        return self._running

    async def __aenter__(self) -> Self:
        began = time.monotonic()
        home = await take_home(self._folder)
        try:
            self._up = _Up(home, *await self._start_all(home))
        except BaseException:
            home.release()
            raise
        try:
            self._publish(self._up, self._described(self._up))
            home.remember(_ports(self._up))
        except BaseException:
            await self._stop(seconds=0)
            raise
        self._progress(f"the lab is ready after {time.monotonic() - began:.1f} s, its state is in {home.folder}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress("stopping the lab")
        await self._stop(seconds=self._stop_seconds)

    async def failed(self) -> EndedError:
        """Wait until one of the servers ends without this object having ended it; return what to say of it."""
        up = self._entered()
        waiting = [asyncio.create_task(server.child.failed()) for server in up.servers]
        try:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return done.pop().result()
        finally:
            for task in waiting:
                task.cancel()

    async def kill_temporal(self) -> None:
        """End Temporal's server with SIGKILL; nobody else can take its ports."""
        await self._own_temporal().kill()

    async def restart_temporal(self) -> None:
        """Start Temporal's server again after `kill_temporal`, over the same database and at the same ports."""
        temporal = self._own_temporal()
        await temporal.start()
        process = ProcessId.of(temporal.child.pid)
        self._publish(self._entered(), self.running.model_copy(update={"temporal": process}))

    async def kill_kubernetes(self) -> None:
        """End the simulated Kubernetes API with SIGKILL; nobody else can take its port."""
        await self._entered().simulator.kill()

    async def restart_kubernetes(self) -> None:
        """Start the simulated Kubernetes API again after `kill_kubernetes`, over the same state and at the same port."""
        up = self._entered()
        await up.simulator.start()
        self._publish(up, self.running.model_copy(update={"kubernetes": ProcessId.of(up.simulator.child.pid)}))

    async def kill_switches(self) -> None:
        """End the process of the switches and routers with SIGKILL, as a power cut: what they had not saved is gone."""
        await self._entered().fabric.kill()

    async def restart_switches(self) -> None:
        """Start the switches and routers again after `kill_switches`: same ports and host keys, with what they had saved."""
        up = self._entered()
        await up.fabric.start()
        self._publish(up, self.running.model_copy(update={"fabric": ProcessId.of(up.fabric.child.pid)}))

    async def _start_temporal(self, home: Home, last: Ports) -> TemporalServer | None:
        if self._elsewhere is not None:
            return None
        return await start_temporal(
            home.folder,
            search_attributes=self._search_attributes,
            port=self._temporal_port or still_free(last.temporal),
            ui_port=self._ui_port or still_free(last.ui),
            progress=self._progress,
            keep_open=[home.lock],
        )

    async def _start_all(self, home: Home) -> tuple[TemporalServer | None, SimulatorServer, FabricServer]:
        last = home.remembered()
        temporal = asyncio.create_task(self._start_temporal(home, last))
        simulator = asyncio.create_task(
            start_simulator(
                home.folder,
                listen=self._listen,
                port=self._kubernetes_port or still_free(last.kubernetes, self._listen),
                arguments=self._kubernetes_arguments,
                progress=self._progress,
                keep_open=[home.lock],
            )
        )
        fabric = asyncio.create_task(
            start_fabric(
                home.folder,
                listen=self._listen,
                reached_as=self._reached_as,
                control_port=still_free(last.control),
                ports={name: still_free(last.devices.get(name), self._listen) for name in DEVICES},
                progress=self._progress,
                keep_open=[home.lock],
            )
        )
        try:
            return await asyncio.gather(temporal, simulator, fabric)
        except BaseException:
            starting = (temporal, simulator, fabric)
            for task in starting:
                task.cancel()
            for server in await asyncio.gather(*starting, return_exceptions=True):
                if server is not None and not isinstance(server, BaseException):
                    await server.stop(seconds=0)
            raise

    async def _stop(self, *, seconds: float) -> None:
        up = self._entered()
        self._up = self._running = None
        await up.stop(seconds)

    def _entered(self) -> _Up:
        if self._up is None:
            raise self._not_entered()
        return self._up

    def _own_temporal(self) -> TemporalServer:
        temporal = self._entered().temporal
        if temporal is None:
            raise LabError(f"the lab of {self._folder} has no Temporal of its own: stop and start the one it was given")
        return temporal

    def _not_entered(self) -> LabError:
        return LabError(f"the lab of {self._folder} is not running: enter it with `async with`")

    def _publish(self, up: _Up, running: RunningLab) -> None:
        self._running = running
        up.home.publish(running)

    def _described(self, up: _Up) -> RunningLab:
        temporal = self._elsewhere or Elsewhere(self._own_temporal().address, NAMESPACE)
        return RunningLab(
            home=up.home.folder,
            temporal_address=temporal.address,
            temporal_namespace=temporal.namespace,
            temporal_ui_url=up.temporal.ui_url if up.temporal else None,
            kubernetes_url=f"http://{self._reached_as}:{up.simulator.port.number}",
            kubeconfig=up.home.kubeconfig,
            programs=temporal_binary().parent if up.temporal else None,
            platform=self._platform,
            host=self._reached_as,
            switches=_running(up.fabric, DIALECTS),
            routers=_running(up.fabric, ROUTER_DIALECTS),
            switches_url=up.fabric.control_url,
            known_hosts=up.fabric.known_hosts,
            username=USERNAME,
            password_file=up.fabric.password_file,
            lab=ProcessId.of(os.getpid()),
            temporal=ProcessId.of(up.temporal.child.pid) if up.temporal else None,
            kubernetes=ProcessId.of(up.simulator.child.pid),
            fabric=ProcessId.of(up.fabric.child.pid),
        )


def _running(fabric: FabricServer, dialects: Mapping[str, str]) -> tuple[RunningDevice, ...]:
    return tuple(
        RunningDevice(name=name, dialect=dialect, port=fabric.ports[name].number) for name, dialect in dialects.items()
    )


def _ports(up: _Up) -> Ports:
    return Ports(
        temporal=up.temporal.frontend.number if up.temporal else None,
        ui=up.temporal.ui.number if up.temporal else None,
        kubernetes=up.simulator.port.number,
        control=up.fabric.control.number,
        devices={name: port.number for name, port in up.fabric.ports.items()},
    )
