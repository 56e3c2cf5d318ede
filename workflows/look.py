"""Looking at the edge: what is announced of a tenant at this moment, asked of every device through its queue."""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from tenancy.announcement import EdgeRole
from tenancy.devices import EdgeRequest
from workflows.asking import Asking
from workflows.face import INVALID_DOCUMENT, LOOK_AT_EDGE, DeviceSeen, EdgeLook, EdgeSeen
from workflows.stepping import reason_of
from workflows.steps import at_edge


@workflow.defn(name=LOOK_AT_EDGE)
class LookAtEdge:
    """Asks each device once. Any workflow ID, `look-<tenant>-...` by custom; nothing is changed, and no board is kept."""

    def __init__(self) -> None:
        self._asking = Asking(None)
        self._asking.listen()

    @workflow.run
    async def run(self, *given: Any) -> EdgeSeen:
        """What each device holds now; one that cannot be asked says why. Its input is an EdgeLook."""
        look = _read(given)
        told = look.announcement
        seen = await asyncio.gather(*(self._seen(look, role, device) for role, device in told.devices))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return EdgeSeen(devices=tuple(seen))

    async def _seen(self, look: EdgeLook, role: EdgeRole, device: str) -> DeviceSeen:
        told = look.announcement
        wish = EdgeRequest(
            tenant=look.tenant,
            action="look",
            routes=() if role == "translator" else told.routes,
            translations=told.translations if role == "translator" else (),
        )
        addresses = [*(route.address for route in wish.routes), *(pair.public for pair in wish.translations)]
        try:
            outcome = await self._asking.ask(at_edge(role, device), device, wish, tries=1)
        except (ActivityError, ApplicationError) as error:
            return DeviceSeen(device=device, role=role, problem=reason_of(error))
        return DeviceSeen(
            device=device,
            role=role,
            in_force=tuple(address for address in addresses if address in outcome.in_force),
            missing=tuple(address for address in addresses if address not in outcome.in_force),
        )


def _read(given: Sequence[Any]) -> EdgeLook:
    # Not by its type, which the SDK would try again for ever; meanwhile nobody could look at the tenant.
    try:
        (look,) = given
        return EdgeLook.model_validate(look)
    except ValueError as error:
        message = "the input is no look at what is announced of a tenant: write {tenant, announcement}"
        raise ApplicationError(message, type=INVALID_DOCUMENT, non_retryable=True) from error
