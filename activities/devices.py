"""Switches: handing a request to a device's queue, and working on a device for all that has gathered there."""

import asyncio
import functools
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict
from temporalio import activity
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError

from activities.decisions import Pace, deciding
from activities.fence import SAFE, Fence, fenced
from activities.measure import SessionMeasure
from activities.platform import read_allowed_signers, read_platform_file
from clients.errors import RefusedError, UnavailableError
from tenancy import names
from tenancy.approval import Approval, refusal_of_approval
from tenancy.devices import Action, AnyRequest, DeviceOutcome, DeviceRequest, EdgeRequest
from tenancy.edge import (
    Announce,
    ByEdgeTeam,
    EdgeDevice,
    EdgeRouter,
    OneToOneNat,
    StaticRoutes,
    Translator,
    routers_of,
)
from tenancy.platform import Platform, devices_of
from tenancy.switches import Switch
from tenancy.vlans import ApprovalRules, VlanMode

APPROVED: Collection[Action] = ("ensure", "verify")
"""What is done, or called done, with an approval only."""
CALL_TIMEOUT = timedelta(seconds=10)
"""For one call of Temporal."""


class Errand(BaseModel):
    """What `ask_device` is asked: a signal for a device's queue."""

    model_config = ConfigDict(frozen=True)

    workflow: str
    """Type of the device's workflow, which is started where it does not run."""
    device: str
    signal: str
    message: dict[str, Any]
    """The signal's argument, as plain JSON."""


class Batch(BaseModel):
    """What `work_on_device` is asked: everything in one session with the device, in this order."""

    model_config = ConfigDict(frozen=True)

    device: str
    requests: tuple[AnyRequest, ...]
    attempt: int
    """How often in a row, this time included; the device's workflow makes the tries."""


class Worked(BaseModel):
    """What `work_on_device` answers: an outcome for each request."""

    model_config = ConfigDict(frozen=True)

    outcomes: tuple[DeviceOutcome, ...]


class DeviceWork(Protocol):
    """A session with a device for a batch of requests: `clients.devices`, once logged in."""

    async def __call__(
        self,
        device: Switch | EdgeDevice,
        part: VlanMode | Announce,
        requests: Sequence[AnyRequest],
        /,
        *,
        alive: Callable[[], bool],
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        """An outcome for each request; `part` is the part of the platform's document that the device stands in.

        Sends nothing once `alive` says False, and has ended its session on return.

        Raises UnavailableError, and RefusedError where the device refuses Berth as a whole.
        """
        ...


Reservations = Callable[[Approval | None, str, int], Awaitable[str | None]]
"""Why a tenant's VLAN is not to be touched now, or not by this approval, good in itself; None where it is."""


Holders = Callable[[Sequence[EdgeRequest], Announce], Awaitable[Mapping[str, str]]]
"""Of requests, by their ID, why their addresses are not to be touched for the tenant now; the others may be."""


class DeviceSteps:
    """The steps about devices, ready to be registered with a worker."""

    def __init__(
        self,
        client: Client,
        pace: Pace,
        platform_file: Path,
        work: DeviceWork,
        reservations: Reservations,
        holders: Holders,
    ) -> None:
        self._client = client
        self._pace = pace
        self._platform_file = platform_file
        self._work = work
        self._reservations = reservations
        self._holders = holders

    @activity.defn
    async def ask_device(self, errand: Errand) -> None:
        """Signals a device's queue, which is started where it does not run."""
        async with deciding(self._pace):
            try:
                await self._client.start_workflow(
                    errand.workflow,
                    id=names.device_workflow(errand.device),
                    task_queue=activity.info().task_queue,
                    start_signal=errand.signal,
                    start_signal_args=[errand.message],
                    static_summary=f"The one writer of {errand.device}",
                    rpc_timeout=CALL_TIMEOUT,
                )
            except RPCError as error:
                raise UnavailableError(
                    f"the queue of device {errand.device} could not be told ({error.status.name.lower()}): Temporal did not"
                    " take the signal"
                ) from error

    @activity.defn
    async def time_to_settle(self, device: str) -> float:
        """Seconds until nothing can be left at work of a run of the device's queue that was ended by force."""
        async with deciding(self._pace):
            return await self._time_to_settle(device)

    async def _time_to_settle(self, device: str) -> float:
        query = f'WorkflowId = "{names.device_workflow(device)}" AND ExecutionStatus IN ("Terminated", "TimedOut", "Failed")'
        now = datetime.now(UTC)
        recent = f'{query} AND CloseTime > "{(now - timedelta(seconds=4 * SAFE)).isoformat()}"'
        try:
            ends = [one.close_time async for one in self._client.list_workflows(recent, rpc_timeout=CALL_TIMEOUT)]
        except RPCError as error:
            raise UnavailableError(
                f"Temporal does not tell of earlier runs for device {device} ({error.status.name.lower()})"
            ) from error
        # What it had at work hears within a second, and stops by itself after SAFE seconds where it cannot hear.
        left = [2 * SAFE - (now - end).total_seconds() for end in ends if end is not None]
        return min(max([0.0, *left]), 2 * SAFE)

    @activity.defn
    async def work_on_device(self, batch: Batch) -> Worked:
        """Does all that is asked in one session with the device. Each request has an outcome of its own.

        Fails as a whole where the device cannot be reached, or refuses Berth: then with a delay before the next try.
        """
        async with deciding(self._pace, attempt=batch.attempt) as progress, fenced(self._client) as fence:

            def tell(note: str) -> None:
                fence.note = note
                progress(note)

            # A run that was reset goes on where it was, and knows nothing of the session that was under way.
            if settling := await self._time_to_settle(batch.device):
                tell("an earlier run was ended by force: what it had at work comes to its end")
                await asyncio.sleep(settling)
            try:
                return Worked(outcomes=tuple(await self._outcomes(batch, fence, tell)))
            except RefusedError as error:
                delay = timedelta(seconds=self._after_refusal(error.reason, batch.attempt))
                raise ApplicationError(
                    str(error), type=error.reason, non_retryable=True, next_retry_delay=delay
                ) from error

    def _after_refusal(self, reason: str, attempt: int) -> float:
        """Seconds in which the device is not logged in to again, whoever asks."""
        if reason == "no-such-device":
            return 0.0
        return float(min(self._pace.refused_delay * 2.0 ** min(attempt - 1, 30), 10 * self._pace.refused_delay))

    async def _outcomes(self, batch: Batch, fence: Fence, progress: Callable[[str], None]) -> list[DeviceOutcome]:
        platform = read_platform_file(self._platform_file)
        device, part = _device(platform, batch.device)
        checks = platform.spec.vlan is not None and platform.spec.vlan.approval.allowed_signers
        asked = checks and any(request.action in APPROVED for request in batch.requests)
        signers = read_allowed_signers(platform) if asked else None
        refusals = [
            *await self._unheld(batch.requests, part),
            # Told rather than the others: what is wrong with the request itself.
            *await asyncio.gather(*(self._refusal(request, device, part, signers) for request in batch.requests)),
        ]
        refused = {refusal.id: refusal for refusal in refusals if refusal is not None}
        wanted = [request for request in batch.requests if request.id not in refused]
        done = {outcome.id: outcome for outcome in await self._carried_out(device, part, wanted, fence, progress)}
        if missing := [request.id for request in wanted if request.id not in done]:
            raise RuntimeError(f"device {batch.device}: no outcome for requests {', '.join(missing)}")
        return [refused.get(request.id) or done[request.id] for request in batch.requests]

    async def _refusal(
        self, request: AnyRequest, device: Switch | EdgeDevice, part: VlanMode | Announce, signers: str | None
    ) -> DeviceOutcome | None:
        """Why a request is not carried out, whatever the device says; None where it may be."""
        match request, device, part:
            case DeviceRequest(), Switch(), VlanMode():
                return _refusal(request, device, part.approval, signers) or await self._unstanding(request)
            case EdgeRequest(), EdgeRouter() | Translator(), StaticRoutes() | OneToOneNat() | ByEdgeTeam():
                return _misplaced(request, device, part)
            case _:
                message = f"{request.action} is nothing that {device.platform} device {device.name} does"
                return DeviceOutcome(id=request.id, result="refused", reason="invalid-request", message=message)

    async def _unheld(self, requests: Sequence[AnyRequest], part: VlanMode | Announce) -> list[DeviceOutcome]:
        """Refusals of what is about addresses that are not the tenant's, or not any more."""
        changing = [one for one in requests if isinstance(one, EdgeRequest) and one.action != "look"]
        if isinstance(part, VlanMode) or not changing:
            return []
        unheld = await self._holders(changing, part)
        return [
            DeviceOutcome(
                id=one.id,
                result="refused",
                reason="not-reserved",
                message=f"{one.action} for tenant {one.tenant}: {unheld[one.id]}",
            )
            for one in changing
            if one.id in unheld
        ]

    async def _unstanding(self, request: DeviceRequest) -> DeviceOutcome | None:
        """The refusal of what was right once: an approval of an earlier run, a VLAN that is not the tenant's any more."""
        if request.vlan is None or request.action not in (*APPROVED, "absent"):
            return None
        approval = None if request.action == "absent" else request.approval
        why = await self._reservations(approval, request.tenant, request.vlan)
        if why is None:
            return None
        reason, remedy = (
            ("not-reserved", f"reserve it (Vlan {names.vlan(request.vlan)}), or remove what is left by hand")
            if approval is None
            else ("not-approved", "have the preview approved anew")
        )
        text = f"VLAN {request.vlan} of tenant {request.tenant}: {why}: {remedy}"
        return DeviceOutcome(id=request.id, result="refused", reason=reason, message=text)

    async def _carried_out(
        self,
        device: Switch | EdgeDevice,
        part: VlanMode | Announce,
        wanted: Sequence[AnyRequest],
        fence: Fence,
        progress: Callable[[str], None],
    ) -> Sequence[DeviceOutcome]:
        if not wanted:
            return ()

        async def measured() -> Sequence[DeviceOutcome]:
            with SessionMeasure(activity.metric_meter(), device.name, wanted) as session:
                session.done = await self._work(device, part, wanted, alive=fence.alive, progress=progress)
            return session.done

        # A task of its own, because a session cannot be cut off from outside: it ends by itself where the fence is closed.
        working = asyncio.ensure_future(measured())
        cancelled: asyncio.CancelledError | None = None
        while not working.done():
            try:
                await asyncio.wait([working])
            except asyncio.CancelledError as error:
                cancelled = error
                fence.close()
        if cancelled is not None and working.exception() is not None:
            raise cancelled
        # What was saved before the end is told, cancelled or not.
        return working.result()


def _device(platform: Platform, name: str) -> tuple[Switch | EdgeDevice, VlanMode | Announce]:
    """The device of this name, and the part of the document it stands in. Raises RefusedError `no-such-device`."""
    for device, part in devices_of(platform):
        if device.name == name:
            return device, part
    raise RefusedError(
        f"device {name} is not in the platform's document: add it to vlan.switches or to announce, or leave it out",
        reason="no-such-device",
    )


def _misplaced(request: EdgeRequest, device: EdgeRouter | Translator, announce: Announce) -> DeviceOutcome | None:
    """The refusal of what this device must not, or cannot, do."""
    refused = functools.partial(DeviceOutcome, id=request.id, result="refused", reason="invalid-request")
    if request.action in ("announce", "withdraw") and device not in routers_of(announce):
        return refused(
            message=f"{request.action}: {device.name} is only read, or does not route: name one of announce.routers"
        )
    if request.action in ("translate", "untranslate") and not isinstance(device, Translator):
        return refused(message=f"{request.action}: {device.name} does not translate: name one of announce.translators")
    return None


def _refusal(request: DeviceRequest, switch: Switch, rules: ApprovalRules, signers: str | None) -> DeviceOutcome | None:
    """What is wrong with a request in itself, its approval above all."""
    refused = functools.partial(DeviceOutcome, id=request.id, result="refused")
    if request.vlan is None:
        if request.action == "survey":
            return None
        return refused(reason="invalid-request", message=f"{request.action} names no VLAN: only a survey may")
    if request.action not in APPROVED:
        return None
    # Checked beside the switch, so that nobody gets a line onto it by signalling its queue.
    if why := _unapproved(request, switch, request.vlan, rules, signers):
        text = f"VLAN {request.vlan} of tenant {request.tenant}: {why}"
        return refused(reason="not-approved", message=text)
    return None


def _unapproved(
    request: DeviceRequest, switch: Switch, vlan: int, rules: ApprovalRules, signers: str | None
) -> str | None:
    approval = request.approval
    if approval is None:
        return "no approval came with it: have the preview approved first"
    if approval.preview.by_hand != (request.action == "verify"):
        by_hand = "for the network team to do by hand" if approval.preview.by_hand else "for Berth to do"
        return f"it was approved {by_hand}"
    if switch.name not in {lines.switch for lines in approval.preview.switches}:
        return "the approval has no lines for this switch"
    if why := refusal_of_approval(approval, request.tenant, vlan, rules, signers):
        return why
    # When it was given is what its bearer says: with a key that counts no more, anybody may have signed it today.
    today = approval.model_copy(update={"at": datetime.now(UTC).isoformat()})
    why = refusal_of_approval(today, request.tenant, vlan, rules, signers)
    return f"it counted at {approval.at} and does not now: {why}" if why else None
