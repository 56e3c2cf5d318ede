"""The sandbox Berth's workflows run in: Temporal's own, sharing what is known to be without clock and chance.

Classes that cross between activities and workflows must be one and the same on both sides, so our own rooms are shared
as well; import-linter keeps `tenancy` pure, and workflows use nothing of `activities` but their definitions.
"""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

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


def runner() -> SandboxedWorkflowRunner:
    """For every Worker and Replayer of Berth's workflows."""
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*SHARED))
