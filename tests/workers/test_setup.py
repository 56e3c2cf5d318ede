"""`berth setup`: what has to be there once is made where it is missing, and left alone where it is right."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, RemoveSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import ScheduleActionStartWorkflow
from temporalio.service import RPCError

from lab.kube import KubeSimulator
from lab.kube.faults import Fault
from lab.temporal import TemporalServer, start_temporal
from tests.workflows.edge_world import one_to_one_nat
from tests.workflows.world import platform_file
from workers.connect import check_namespace, connect_temporal
from workers.settings import ConfigurationError, Settings
from workers.setup import AUDIT_SCHEDULE, set_up_platform, set_up_temporal
from workflows.face import AUDIT_FLEET, SEARCH_ATTRIBUTES

pytestmark = pytest.mark.asyncio(loop_scope="module")
MONTH, HOUR = timedelta(days=30), timedelta(hours=1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def temporal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemporalServer]:
    """A Temporal that nobody has prepared for Berth."""
    server = await start_temporal(tmp_path_factory.mktemp("temporal"), search_attributes={})
    yield server
    await server.stop(seconds=0)


def settings(temporal: TemporalServer, namespace: str, **more: object) -> Settings:
    return Settings.model_validate(
        {"temporal_address": temporal.address, "temporal_namespace": namespace, "task_queue": "here", **more}
    )


async def outcomes(where: Settings, every: timedelta | None = HOUR) -> list[str]:
    return [made.outcome for made in await set_up_temporal(where, retention=MONTH, audit_every=every)]


async def test_a_namespace_that_is_not_there_is_made_with_all_that_a_worker_needs_and_found_there_the_next_time(
    temporal: TemporalServer,
) -> None:
    where = settings(temporal, "fresh")

    assert await outcomes(where) == ["created", "created", "created"]
    assert await outcomes(where) == ["there", "there", "there"]

    client = await connect_temporal(where)
    await check_namespace(client, SEARCH_ATTRIBUTES)
    described = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="fresh"))
    assert described.config.workflow_execution_retention_ttl.ToTimedelta() == MONTH
    audit = (await client.get_schedule_handle(AUDIT_SCHEDULE).describe()).schedule
    assert isinstance(audit.action, ScheduleActionStartWorkflow)
    assert (audit.action.workflow, audit.action.task_queue) == (AUDIT_FLEET, "here")
    assert [one.every for one in audit.spec.intervals] == [HOUR]


async def test_a_schedule_that_says_otherwise_is_changed_and_stays_paused_or_goes(temporal: TemporalServer) -> None:
    where = settings(temporal, "default")
    await outcomes(where)
    client = await connect_temporal(where)
    await client.get_schedule_handle(AUDIT_SCHEDULE).pause(note="a maintenance")

    assert (await outcomes(where, 2 * HOUR))[2] == "changed"

    found = (await client.get_schedule_handle(AUDIT_SCHEDULE).describe()).schedule
    assert ([one.every for one in found.spec.intervals], found.state.paused) == ([2 * HOUR], True)
    assert (await outcomes(where, None))[2] == "changed"
    assert (await outcomes(where, None))[2] == "there"
    with pytest.raises(RPCError, match="not found"):
        await client.get_schedule_handle(AUDIT_SCHEDULE).describe()


async def test_a_search_attribute_of_another_type_is_named_and_left_alone(temporal: TemporalServer) -> None:
    where = settings(temporal, "default")
    await outcomes(where, None)
    client = await connect_temporal(where)
    # As somebody else may have made it, before Berth came.
    await client.operator_service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace="default", search_attributes=["BerthVlan"])
    )
    keyword = {"BerthVlan": IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(namespace="default", search_attributes=keyword)
    )

    with pytest.raises(
        ConfigurationError, match="search attribute BerthVlan is there and not of type Int: remove it there"
    ):
        await outcomes(where)


async def test_the_namespace_of_the_public_pool_is_made_and_who_may_not_make_it_is_told_the_command(
    tmp_path: Path,
) -> None:
    pool = {"name": "public", "namespace": "public-pool", "cidrs": ["198.51.100.0/28"]}
    platform = platform_file(tmp_path, one_to_one_nat("acme", pool=pool))
    async with KubeSimulator(None) as kube:
        where = Settings(platform=platform, kube_server=kube.url)
        kube.faults.add(Fault(effect="error", verb="create", plural="namespaces", status=403))
        (refused,) = await set_up_platform(where)
        assert refused.outcome == "by-hand"
        assert "kubectl create namespace public-pool" in refused.message
        kube.faults.clear()

        assert [made.outcome for made in await set_up_platform(where)] == ["created"]
        assert [made.outcome for made in await set_up_platform(where)] == ["there"]
        assert await set_up_platform(Settings(platform=platform_file(tmp_path), kube_server=kube.url)) == []
