"""The sandbox tries each workflow before a Worker serves it; no Temporal is needed for that."""

import pytest
from temporalio import workflow
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from workflows import sandbox


@workflow.defn
class Sound:
    @workflow.run
    async def run(self) -> None:
        """Does nothing."""


def definition(cls: type) -> "workflow._Definition":
    return workflow._Definition.must_from_class(cls)


@workflow.defn
class Nowhere:
    @workflow.run
    async def run(self) -> None:
        """Never begins."""


LOST = definition(Nowhere)
del Nowhere  # a workflow that its module has not, so that nothing can load it


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[type]:
    """The workflows that were loaded into a sandbox."""
    seen: list[type] = []
    create = SandboxedWorkflowRunner.create_instance

    def counted(self: SandboxedWorkflowRunner, details: "object") -> object:
        seen.append(details.defn.cls)  # type: ignore[attr-defined]  # a class of the SDK's own
        return create(self, details)  # type: ignore[arg-type]

    monkeypatch.setattr(SandboxedWorkflowRunner, "create_instance", counted)
    monkeypatch.setattr(sandbox, "_sound", set())
    return seen


async def test_a_workflow_is_tried_for_the_first_worker_of_a_process_only(tried: list[type]) -> None:
    sandbox.runner().prepare_workflow(definition(Sound))
    sandbox.runner().prepare_workflow(definition(Sound))

    assert tried == [Sound]


async def test_a_workflow_is_tried_again_where_other_modules_are_shared(
    tried: list[type], monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.runner().prepare_workflow(definition(Sound))
    monkeypatch.setattr(sandbox, "SHARED", (*sandbox.SHARED, "workflows.edge"))
    sandbox.runner().prepare_workflow(definition(Sound))

    assert tried == [Sound, Sound]


async def test_a_workflow_that_cannot_be_loaded_is_refused_each_time(tried: list[type]) -> None:
    for _ in range(2):
        with pytest.raises(ImportError, match="Nowhere"):
            sandbox.runner().prepare_workflow(LOST)

    assert len(tried) == 2
