"""The audit: every tenant held against what it was onboarded with, on the platform, on the switches and at the edge.

It finds what a run that was terminated left, what somebody changed by hand, and what nobody remembers. It mends nothing: each
finding says what to do.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError

from activities.audit import MOST_FINDINGS, AuditScope, AuditSteps, EdgeExpected, Moved, PlatformSeen
from tenancy.announcement import Route, Translation
from tenancy.audit import AuditFinding, most_urgent
from tenancy.devices import DeviceOutcome, DeviceRequest, EdgeRequest
from tenancy.vlans import in_ranges
from workflows.asking import Asking
from workflows.face import AUDIT_FLEET, INVALID_DOCUMENT, AuditReport
from workflows.stepping import carried_out, reason_of
from workflows.steps import at_edge, survey_of

NOBODY = "berth-audit"
"""Stands where a request to a device names its tenant; what the audit asks is about all of them."""
LONGEST_SILENCE = timedelta(minutes=10)
"""After which a device that has not answered is told of as silent."""
AT_ONCE = 200
"""Addresses in one request to a device."""
MOST_SHOWN = 50
"""Findings in the Temporal UI; the result has all."""


@workflow.defn(name=AUDIT_FLEET)
class AuditFleet:
    """Looks, and reports. Any workflow ID; `berth setup` makes a Schedule of it."""

    def __init__(self) -> None:
        self._asking = Asking(None)
        self._asking.listen()
        self._devices: set[str] = set()

    @workflow.run
    async def run(self, *given: Any) -> AuditReport:
        """All that is not as it should be. Its input is an AuditScope, or nothing."""
        scope = _read(given)
        since = workflow.now()
        workflow.set_current_details("Looking at the platform")
        seen = PlatformSeen.model_validate(
            await carried_out(AuditSteps.look_at_platform, scope, id="platform", summary="Every tenant's objects")
        )
        workflow.set_current_details(f"{seen.tenants} tenants looked at; asking the devices")
        asked = [self._edge(seen, part, device) for part in seen.edge for device in part.devices]
        if not scope.tenants:
            asked += [self._switch(seen, switch) for switch in seen.trunks]
        told = await asyncio.gather(*asked)
        found = await self._without_new_reservations([*seen.findings, *(finding for some in told for finding in some)])
        doubtful = tuple(sorted({one.tenant for one in found if one.tenant is not None}))
        moved = await carried_out(
            AuditSteps.changed_since,
            Moved(tenants=doubtful, since=since),
            id="meanwhile",
            summary="Runs under way meanwhile",
        )
        said = [one for one in found if one.stands or one.tenant not in moved]
        report = AuditReport(
            tenants=seen.tenants,
            devices=tuple(sorted(self._devices)),
            # A router that was emptied lacks every tenant's addresses: more than a result may hold.
            findings=tuple(most_urgent(said, MOST_FINDINGS)),
            unsaid=seen.unsaid + max(0, len(said) - MOST_FINDINGS),
            under_way=tuple(moved),
        )
        workflow.set_current_details(_told(report))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return report

    async def _switch(self, seen: PlatformSeen, switch: str) -> list[AuditFinding]:
        """IDs of the tenants' range that the switch knows and nobody has reserved, and the other way round."""
        wish = DeviceRequest(tenant=NOBODY, action="survey", trunks=seen.trunks[switch])
        subject = f"switch {switch}"
        outcome = await self._answer(subject, switch, self._asking.ask(survey_of(switch), switch, wish, tries=1))
        if isinstance(outcome, AuditFinding):
            return [outcome]
        if outcome.survey is None:
            return []
        known = {*in_ranges(outcome.survey.foreign), *outcome.survey.own}
        forgotten = [
            AuditFinding(
                kind="forgotten-vlan",
                tenant=None,
                subject=f"{subject} VLAN {number}",
                message="is known there and reserved for nobody: find out whose it is, and take it off, or exclude it in"
                " spec.vlan.exclude of the platform document",
            )
            for number in sorted((known & in_ranges(seen.vlan_ids)) - seen.reserved.keys())
        ]
        lacking = [
            AuditFinding(
                kind="vlan-missing",
                tenant=tenant,
                subject=f"{subject} VLAN {number}",
                message=f"is reserved for {tenant} and not known there: onboard {tenant} again, which puts it back",
            )
            for number, tenant in sorted(seen.reserved.items())
            if number not in known
        ]
        return [*forgotten, *lacking]

    async def _without_new_reservations(self, found: Sequence[AuditFinding]) -> list[AuditFinding]:
        """Without VLANs that were reserved since: the switches were asked a moment later than the platform."""
        forgotten = {one.subject: int(one.subject.rpartition(" ")[2]) for one in found if one.kind == "forgotten-vlan"}
        if not forgotten:
            return list(found)
        now = await carried_out(
            AuditSteps.look_at_reservations,
            sorted(set(forgotten.values())),
            id="reservations",
            summary="VLAN IDs reserved since",
        )
        return [one for one in found if forgotten.get(one.subject) not in now or one.kind != "forgotten-vlan"]

    async def _edge(self, seen: PlatformSeen, expected: EdgeExpected, device: str) -> list[AuditFinding]:
        """Addresses that a device at the edge does not route, translate or know of as it should."""
        subject, step = f"{expected.role} {device}", at_edge(expected.role, device)
        field = "translations" if expected.role == "translator" else "routes"
        things: Sequence[Route | Translation] = getattr(expected, field)
        found: list[AuditFinding] = []
        for start in range(0, len(things), AT_ONCE):
            part = things[start : start + AT_ONCE]
            wish = EdgeRequest.model_validate({"tenant": NOBODY, "action": "look", field: part})
            outcome = await self._answer(subject, device, self._asking.ask(step, device, wish, tries=1))
            if isinstance(outcome, AuditFinding):
                return [*found, outcome]
            addresses = [one.address if isinstance(one, Route) else one.public for one in part]
            found += [
                AuditFinding(
                    kind="route-missing",
                    tenant=seen.holders.get(address),
                    subject=f"{subject} {address}",
                    message="is not in force there as it was announced: onboard the tenant again, or find out who took it away",
                )
                for address in addresses
                if address not in outcome.in_force
            ]
        return found

    async def _answer(
        self, subject: str, device: str, asking: Awaitable[DeviceOutcome]
    ) -> DeviceOutcome | AuditFinding:
        """What a device answers; a finding where it cannot be asked, or is silent for too long."""
        self._devices.add(device)
        task = asyncio.ensure_future(asking)
        await workflow.wait([task], timeout=LONGEST_SILENCE.total_seconds())
        if not task.done():
            # Nothing is changed by a look that comes too late, so it may stay in the device's queue.
            return AuditFinding(
                kind="device",
                tenant=None,
                subject=subject,
                message=f"has not answered for {LONGEST_SILENCE.total_seconds() / 60:g} minutes: see device-{device}",
            )
        try:
            return task.result()
        except (ActivityError, ApplicationError) as error:
            return AuditFinding(kind="device", tenant=None, subject=subject, message=reason_of(error))


def _told(report: AuditReport) -> str:
    """For the Temporal UI."""
    head = f"{report.tenants} tenants, {len(report.devices)} devices: {len(report.findings) or 'no'} findings"
    lines = (f"- `{one.kind}` {one.tenant or ''} `{one.subject}`" for one in report.findings[:MOST_SHOWN])
    return "\n".join([head, "", *lines])


def _read(given: Sequence[Any]) -> AuditScope:
    try:
        (scope,) = given or ({},)
        return AuditScope.model_validate(scope or {})
    except ValueError as error:
        message = "the input is no scope of an audit: write {tenants: [name, ...]}, or nothing"
        raise ApplicationError(message, type=INVALID_DOCUMENT, non_retryable=True) from error
