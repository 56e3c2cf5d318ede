"""What a run is started with: plain JSON from anywhere. Malformed, it ends at once and says every mistake."""

from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.common import RawValue

from tenancy.documents import read_tenant
from tenancy.mistakes import InvalidDocumentError
from tests.workflows.world import Run, World, failure, status, tenant_document
from workflows.face import INVALID_DOCUMENT, OFFBOARD, ONBOARD, Outcome

BAD_DOCUMENT: dict[str, Any] = {
    "apiVersion": "berth.network/v1",
    "kind": "TenantNetwork",
    "metadata": {"name": "bad"},
    "spec": {
        "subnets": [
            {"name": "prod", "cidrs": ["10.0.0.1/16"]},
            {"name": "dev", "cidrs": ["10.0.0.0/24"], "gateways": ["10.9.9.9"]},
        ],
        "externalIPs": [{"use": "floatingIP", "name": "web", "target": "10.99.0.1"}],
        "extra": 1,
    },
}
KINDS = (ONBOARD, OFFBOARD)


def raw(data: bytes, encoding: bytes = b"json/plain") -> RawValue:
    """An input as it comes over the wire, whatever it is."""
    return RawValue(Payload(metadata={"encoding": encoding}, data=data))


async def refused(world: World, run: Run) -> list[dict[str, str]]:
    """The mistakes of a run that must end at once, having done nothing."""
    error = await failure(run)
    assert error.type == INVALID_DOCUMENT
    (mistakes,) = error.details
    assert mistakes
    assert all(mistake["path"] and mistake["problem"] and mistake["remedy"] for mistake in mistakes)
    assert all(text.isprintable() for mistake in mistakes for text in mistake.values())
    assert error.message.isprintable()
    assert world.strikes.taken == []
    kinds = {event.event_type async for event in run.fetch_history_events()}
    assert EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED not in kinds
    seen = await status(run)
    assert seen.steps == ()
    assert seen.outcome is (Outcome.UNDONE if seen.workflow == ONBOARD else Outcome.STOPPED)
    assert seen.failure == error.message
    return list(mistakes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        (None, ["(input)"]),
        ([], ["(input)"]),
        ([{"tenant": "acme"}], ["(input)"]),
        ("acme", ["(input)"]),
        (7, ["(input)"]),
        (True, ["(input)"]),
        ({}, ["tenant"]),
        ({"tenant": None}, ["tenant"]),
        ({"tenant": 7}, ["tenant"]),
        ({"tenant": []}, ["tenant"]),
        ({"Tenant": {}, "requestedBy": 7}, ["Tenant", "tenant", "requestedBy"]),
    ],
    ids=repr,
)
async def test_a_malformed_request_ends_the_run_at_once(
    world: World, kind: str, request_: object, paths: list[str]
) -> None:
    mistakes = await refused(world, await world.start(kind, request_))

    assert {mistake["path"].strip("'") for mistake in mistakes} == set(paths)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "not a request"),
        ({"args": [{"tenant": "one"}, {"tenant": "two"}]}, "there are 2 inputs"),
        ({"arg": raw(b"{nope")}, "cannot be read as 'json/plain'"),
        ({"arg": raw(b"")}, "cannot be read as 'json/plain'"),
        ({"arg": raw(b'{"tenant": "\\ud800"}')}, "cannot be read as 'json/plain'"),
        ({"arg": raw(b"[" * 5000)}, "cannot be read as 'json/plain'"),
        ({"arg": raw(b'{"tenant": ' + b"9" * 5000 + b"}")}, "cannot be read as 'json/plain'"),
        ({"arg": raw(b"x", b"binary/encrypted")}, "cannot be read as 'binary/encrypted'"),
        ({"arg": raw(b"x", b"a\nb")}, "cannot be read as"),
        ({"arg": b"\x00\xff"}, "not a request"),
    ],
    ids=["none", "two", "broken", "empty", "surrogate", "deep", "long-number", "encrypted", "odd-encoding", "bytes"],
)
async def test_an_input_that_is_no_request_at_all_ends_the_run_at_once(
    world: World, kind: str, given: dict[str, object], problem: str
) -> None:
    (mistake,) = await refused(world, await world.started(kind, f"tenant-{world.name}", **given))

    assert mistake["path"] == "(input)"
    assert problem in mistake["problem"]
    assert 'start the workflow with {"tenant": ..., "requestedBy": "..."}' in mistake["remedy"]


async def test_a_bad_document_is_refused_with_the_same_mistakes_the_command_line_finds(world: World) -> None:
    with pytest.raises(InvalidDocumentError) as expected:
        read_tenant(BAD_DOCUMENT)

    run = await world.start(ONBOARD, {"tenant": BAD_DOCUMENT, "requestedBy": "a test"}, id="tenant-bad")

    assert await refused(world, run) == [
        {**mistake.model_dump(exclude_none=True), "path": f"tenant.{mistake.path}"}
        for mistake in expected.value.mistakes
    ]
    assert len(expected.value.mistakes) >= 3


async def test_a_document_this_platform_cannot_take_is_refused_with_its_mistakes(world: World) -> None:
    before = await world.state()
    document = tenant_document(world.name)
    document["spec"]["subnets"][1] = {"name": "dev", "cidrs": ["10.96.4.0/24"]}

    error = await failure(await world.onboard(document))

    assert error.type == INVALID_DOCUMENT
    assert [mistake["path"] for mistake in error.details[0]] == ["spec.subnets[1].cidrs[0]"]
    assert await world.state() == before


@pytest.mark.parametrize("kind", KINDS)
async def test_a_run_under_another_id_than_its_tenants_is_refused(world: World, kind: str) -> None:
    request = {"tenant": tenant_document(world.name), "requestedBy": "a test"}

    (mistake,) = await refused(world, await world.start(kind, request, id=f"another-{world.name}"))

    assert mistake["path"] == "(workflow id)"
    assert f"--workflow-id tenant-{world.name}" in mistake["remedy"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["A\nB", "", "-a", "a--b", "join", "x" * 300, 7, None])
async def test_a_name_no_tenant_can_have_is_refused(world: World, kind: str, name: object) -> None:
    request = {"tenant": {"metadata": {"name": name}}, "requestedBy": "a test"}

    mistakes = await refused(world, await world.start(kind, request))

    assert "tenant.metadata.name" in {mistake["path"] for mistake in mistakes}


@pytest.mark.parametrize(
    ("request_", "path"),
    [
        ({"requestedBy": 7}, "requestedBy"),
        ({"requestedBy": "a\x1b[31mb"}, "requestedBy"),
        ({"requestedBy": "a" * 201}, "requestedBy"),
        ({"force": True}, "'force'"),
    ],
)
async def test_what_stands_beside_the_tenant_is_checked_as_well(
    world: World, request_: dict[str, object], path: str
) -> None:
    (mistake,) = await refused(world, await world.start(ONBOARD, {"tenant": tenant_document(world.name), **request_}))

    assert mistake["path"] == path


async def test_who_asks_may_be_left_out(world: World) -> None:
    result = await (await world.start(ONBOARD, {"tenant": tenant_document(world.name)})).result()

    assert result["requestedBy"] == ""


async def test_offboarding_takes_a_bare_name_or_a_document_that_is_no_longer_valid(world: World) -> None:
    await world.onboarded()
    outdated = {"metadata": {"name": world.name}, "spec": {"gone": True}}

    result = await (await world.start(OFFBOARD, {"tenant": outdated, "requestedBy": "a test"})).result()

    assert f"Vpc {world.name}" in result["removed"]
