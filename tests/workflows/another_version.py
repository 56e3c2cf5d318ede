"""An onboarding as another version of the worker might have it: a run begun on the one does not replay on the other."""

from datetime import timedelta
from typing import Any

from temporalio import workflow

from tenancy.handover import HandOver
from workflows.face import ONBOARD
from workflows.onboarding import OnboardTenant


@workflow.defn(name=ONBOARD)
class OnboardTenantOtherwise(OnboardTenant):
    """The same with something before its first step."""

    @workflow.init
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)

    @workflow.run
    async def run(self, *given: Any) -> HandOver:
        await workflow.sleep(timedelta(milliseconds=1))
        return await super().run(*given)
