"""Runs to their end, and whether the end is right: compared with tenants that nothing happened to."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowFailureError, WorkflowHandle
from temporalio.exceptions import ApplicationError

from tenancy.kinds import KINDS
from tests.durability.scene import PATIENCE, Document, Scene, eventually, within
from tests.durability.tenants import comparable, differences, made_twice
from workflows.face import Outcome, Status, StepState

Run = WorkflowHandle[Any, Any]


async def onboard(scene: Scene, documents: Sequence[Document]) -> list[Run]:
    """Starts all of them at once."""
    return await asyncio.gather(*(scene.onboard(document) for document in documents))


async def results(runs: Sequence[Run], seconds: float = PATIENCE) -> list[Any]:
    """What they ended with, all of them well."""
    return await within(asyncio.gather(*(run.result() for run in runs)), "the runs' ends", seconds)


async def refusal(run: Run) -> ApplicationError:
    """What a run ended with that could not go on."""
    with pytest.raises(WorkflowFailureError) as caught:
        await within(run.result(), "the run's end")
    assert isinstance(caught.value.cause, ApplicationError), repr(caught.value.cause)
    return caught.value.cause


async def offboard(scene: Scene, documents: Sequence[Document]) -> None:
    """Offboards all of them, to the end."""
    await results(await asyncio.gather(*(scene.offboard(document["metadata"]["name"]) for document in documents)))


async def as_it_is(scene: Scene) -> Document:
    """The platform, comparable."""
    return comparable(await scene.dump(), await scene.northbound())


async def undisturbed(scene: Scene, documents: Sequence[Document]) -> Document:
    """The platform with these tenants on it when nothing happens; they are taken off it again. Needs a worker."""
    empty = await as_it_is(scene)
    await results(await onboard(scene, documents))
    right = await as_it_is(scene)
    await offboard(scene, documents)
    await is_now(scene, empty)
    await scene.forget_calls()
    return right


async def is_now(scene: Scene, wanted: Document) -> None:
    """Waits until the platform is as wanted, since OVN's clean-up ends a moment after its objects are gone."""

    async def look() -> list[str]:
        return list(differences("", await as_it_is(scene), wanted))

    await eventually(look, lambda seen: not seen, "the platform is as it should be", seconds=10)


async def all_is_right(scene: Scene, runs: Sequence[Run], right: Document) -> None:
    """Every run is done, the platform is as it would be undisturbed, nothing was made twice, and nobody had to act."""
    handed_over = await results(runs)
    await is_now(scene, right)
    assert made_twice(await scene.calls()) == []
    objects = await scene.dump()
    for run, told in zip(runs, handed_over, strict=True):
        status = await scene.status(run)
        assert (status.outcome, status.parked, status.failure) == (Outcome.DONE, (), None)
        assert {step.state for step in status.steps} == {StepState.DONE}
        # Whoever had to go on knew that the run itself had made it: undo would have taken it back.
        made = {step.id: step.note for step in status.steps if " " in step.title and step.title.split()[0] in KINDS}
        assert [step for step, note in made.items() if note is None or not note.startswith("created")] == []
        assert {address["name"]: address["addresses"][0] for address in told["externalIPs"]} == addresses_of(
            objects, told["tenant"]
        )
        stages = [event for event in await history(run) if _says(event, Outcome.NEEDS_OPERATOR)]
        assert stages == []


def addresses_of(objects: Document, tenant: str) -> dict[str, str]:
    """A tenant's external IPs by name, as the platform has them."""
    prefix = f"ovn-eips/{tenant}--"
    return {
        key.removeprefix(prefix): found["status"]["v4Ip"] for key, found in objects.items() if key.startswith(prefix)
    }


async def history(run: Run) -> list[HistoryEvent]:
    """All that Temporal wrote down of a run."""
    return [event async for event in run.fetch_history_events()]


async def reaches(scene: Scene, run: Run, outcome: Outcome) -> Status:
    """The run's status once it has this outcome."""
    return await eventually(lambda: scene.status(run), lambda seen: seen.outcome is outcome, f"{run.id} is {outcome}")


def _says(event: HistoryEvent, stage: str) -> bool:
    attributes = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
    return "BerthStage" in attributes and attributes["BerthStage"].data == f'"{stage}"'.encode()
