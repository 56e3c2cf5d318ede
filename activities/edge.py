"""The edge, as far as no device is spoken to: the record of what is announced, and what the edge team has to send."""

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, deciding
from clients.devices.routers.lines import all_lines
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.ensure import check_owner
from tenancy import names
from tenancy.announcement import Announcement
from tenancy.devices import EdgeRequest
from tenancy.edge import RouterPlatform
from tenancy.edge_work import PlatformLines
from tenancy.kinds import VPC, Object


class RecordedAnnouncement(BaseModel):
    """What `record_announcement` is asked."""

    model_config = ConfigDict(frozen=True)

    tenant: str
    announcement: Announcement | None
    """None: nothing is announced any more."""


class EdgeInstructions(BaseModel):
    """What `edge_instructions` is asked."""

    model_config = ConfigDict(frozen=True)

    requests: tuple[EdgeRequest, ...]
    """Each an announce or a withdraw."""
    tag: int
    platforms: tuple[RouterPlatform, ...]


class WrittenDown(BaseModel):
    """What `edge_instructions` answers."""

    model_config = ConfigDict(frozen=True)

    lines: tuple[tuple[PlatformLines, ...], ...]
    """For each request, in their order: the lines for each platform."""


class EdgeSteps:
    """The steps about the edge that need no device, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace) -> None:
        self._kube = kube
        self._pace = pace

    @activity.defn
    async def record_announcement(self, given: RecordedAnnouncement) -> None:
        """Keeps on the tenant's VPC what is announced of it, and where; a VPC that is gone keeps nothing."""

        def recorded(vpc: Object) -> Object | None:
            check_owner(vpc, given.tenant)
            annotations = {**(vpc["metadata"].get("annotations") or {})}
            if given.announcement is None:
                annotations.pop(names.ANNOUNCED_ANNOTATION, None)
            else:
                annotations[names.ANNOUNCED_ANNOTATION] = given.announcement.model_dump_json()
            result = {**vpc, "metadata": {**vpc["metadata"], "annotations": annotations}}
            return result if result != vpc else None

        async with deciding(self._pace):
            if await self._kube.get(VPC, names.vpc(given.tenant)) is not None:
                await self._kube.edit(VPC, names.vpc(given.tenant), recorded)

    @activity.defn
    async def edge_instructions(self, given: EdgeInstructions) -> WrittenDown:
        """Writes down the configuration lines the edge team has to send. Refuses a next hop of the other family."""
        async with deciding(self._pace):
            return WrittenDown(
                lines=tuple(
                    tuple(
                        PlatformLines(platform=platform, lines=all_lines(platform, request, given.tag))
                        for platform in given.platforms
                    )
                    for request in given.requests
                )
            )
