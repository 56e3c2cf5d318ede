"""What a run is started with: plain JSON from anywhere. Malformed, it ends at once and says every mistake."""

from typing import Any

import pytest

from tenancy.documents import read_tenant
from tenancy.mistakes import InvalidDocumentError
from tests.workflows.world import World, failure, status, tenant_document
from workflows.face import INVALID_DOCUMENT, OFFBOARD, ONBOARD

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


@pytest.mark.parametrize("kind", [ONBOARD, OFFBOARD])
@pytest.mark.parametrize(
    "request_",
    [
        None,
        [],
        "acme",
        7,
        {},
        {"tenant": None},
        {"tenant": 7},
        {"tenant": []},
        {"tenant": {"metadata": {"name": "A\nB"}}},
    ],
    ids=repr,
)
async def test_a_malformed_request_ends_the_run_at_once(world: World, kind: str, request_: object) -> None:
    run = await world.start(kind, request_)

    error = await failure(run)

    assert error.type == INVALID_DOCUMENT
    assert error.details[0]
    for mistake in error.details[0]:
        assert mistake["path"]
        assert mistake["problem"]
        assert mistake["remedy"]
    assert error.message.isprintable()
    assert world.strikes.taken == []
    assert (await status(run)).steps == ()


@pytest.mark.parametrize("kind", [ONBOARD, OFFBOARD])
async def test_a_run_without_any_input_ends_at_once(world: World, kind: str) -> None:
    run = await world.started(kind, f"tenant-{world.name}")

    error = await failure(run)

    assert error.type == INVALID_DOCUMENT
    assert [mistake["path"] for mistake in error.details[0]] == ["(input)"]


async def test_a_bad_document_is_refused_with_the_same_mistakes_the_command_line_finds(world: World) -> None:
    with pytest.raises(InvalidDocumentError) as expected:
        read_tenant(BAD_DOCUMENT)

    run = await world.start(ONBOARD, {"tenant": BAD_DOCUMENT, "requestedBy": "a test"}, id="tenant-bad")

    told = (await failure(run)).details[0]
    assert [{**one, "path": one["path"].removeprefix("tenant.")} for one in told] == [
        mistake.model_dump(exclude_none=True) for mistake in expected.value.mistakes
    ]
    assert len(told) == 3


async def test_a_document_this_platform_cannot_take_is_refused_with_its_mistakes(world: World) -> None:
    document = tenant_document(world.name)
    document["spec"]["subnets"][1] = {"name": "dev", "cidrs": ["10.96.4.0/24"]}

    error = await failure(await world.onboard(document))

    assert error.type == INVALID_DOCUMENT
    assert [mistake["path"] for mistake in error.details[0]] == ["spec.subnets[1].cidrs[0]"]


@pytest.mark.parametrize("kind", [ONBOARD, OFFBOARD])
async def test_a_run_under_another_id_than_its_tenants_is_refused(world: World, kind: str) -> None:
    request = {"tenant": tenant_document(world.name), "requestedBy": "a test"}

    error = await failure(await world.start(kind, request, id=f"another-{world.name}"))

    assert error.type == INVALID_DOCUMENT
    assert f"--workflow-id tenant-{world.name}" in error.message


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
    error = await failure(await world.start(ONBOARD, {"tenant": tenant_document(world.name), **request_}))

    assert [mistake["path"] for mistake in error.details[0]] == [path]
    assert error.message.isprintable()


async def test_offboarding_takes_a_bare_name_or_a_document_that_is_no_longer_valid(world: World) -> None:
    await world.onboarded()
    outdated = {"metadata": {"name": world.name}, "spec": {"gone": True}}

    result = await (await world.start(OFFBOARD, {"tenant": outdated, "requestedBy": "a test"})).result()

    assert f"Vpc {world.name}" in result["removed"]
