"""The sandbox Berth's workflows run in: Temporal's own, sharing what is known to be without clock and chance.

Classes that cross between activities and workflows must be one and the same on both sides, so our own rooms are shared
as well; import-linter keeps `tenancy` pure, and workflows use nothing of `activities` but their definitions.
"""

from typing import TYPE_CHECKING

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

if TYPE_CHECKING:
    from temporalio import workflow

SHARED = (
    "tenancy",
    "activities",
    "clients",
    "workflows.converter",
    # Models and constants only; to build a hundred runs' own each time took a third of what a run's start takes.
    "workflows.face",
    "workflows.steps",
    "pydantic",
    "pydantic_core",
    "structlog",
    "rich",
    "ruamel",
    "kubernetes",
    "aiohttp",
    "cryptography",
)
"""Modules not loaded anew for each run."""


_sound: set[tuple[type, frozenset[str]]] = set()


class _CheckedOnce(SandboxedWorkflowRunner):
    """Loads a workflow into the sandbox, to see that it can be, for the first Worker of the process and for no other.

    That takes 10 to 20 ms of CPU for each workflow, and what would come of it does not change within a process.
    """

    def prepare_workflow(self, defn: "workflow._Definition") -> None:
        key = (defn.cls, frozenset(self.restrictions.passthrough_modules))
        if key not in _sound:
            super().prepare_workflow(defn)
            _sound.add(key)


def runner() -> SandboxedWorkflowRunner:
    """For every Worker and Replayer of Berth's workflows."""
    return _CheckedOnce(restrictions=SandboxRestrictions.default.with_passthrough_modules(*SHARED))
