"""The device's queue as a versioned worker serves it: a run goes on with the current version, not with the one it began on.

Everything else a versioned worker serves is pinned (`workers.worker`). That cannot be said once and for all in the
workflow's own definition: from a worker without a version, Temporal takes no answer that names a behaviour (measured on
server 1.32: "versioning behavior cannot be specified without deployment options").
"""

from typing import Any

from temporalio import workflow
from temporalio.common import VersioningBehavior

from workflows.device import DeviceQueue
from workflows.face import DEVICE_QUEUE


@workflow.defn(name=DEVICE_QUEUE, versioning_behavior=VersioningBehavior.AUTO_UPGRADE)
class UpgradingDeviceQueue(DeviceQueue):
    """As DeviceQueue. A busy one never ends, so pinned it would keep its first version from ever draining."""

    # The SDK wants both on the class it registers.
    @workflow.init
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)

    @workflow.run
    async def run(self, *given: Any) -> None:
        """Works on the device until nothing has been asked for a while."""
        await super().run(*given)
