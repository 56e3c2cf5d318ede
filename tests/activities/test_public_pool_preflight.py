"""A public pool before a run starts and after one ended: what is lacking is told at once, and nothing reserved is overlooked."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.checks import Checks, Found, Inventory
from activities.decisions import Pace
from activities.public_addresses import PublicAddressSteps, ReleasePublicAddresses, ReservePublicAddresses
from clients.kube_ovn.client import KubeOvn
from lab.kube import KubeSimulator
from tenancy.documents import read_tenant
from tenancy.edge import PublicPool
from tenancy.kinds import CONFIG_MAP
from tests.clients.stand_in import client_of
from tests.tenancy.documents import raw_tenant
from tests.tenancy.edge_documents import POOL, pooled
from workers.observe import plans
from workers.settings import Settings

PROVIDER = {
    "name": "external",
    "externalSubnet": "external",
    "cidrs": ["203.0.113.0/24"],
    "gateways": ["203.0.113.1"],
}
"""As the simulated platform has it."""
TINY = {**POOL, "cidrs": ["198.51.100.0/31"]}
DRY = "public pool dc-public has only 1 IPv4 address left, and acme needs 2"


def tenant(*external_ips: str) -> Any:
    return raw_tenant(externalIPs=[{"use": "loadBalancer", "name": name} for name in external_ips])


@dataclass
class Scene:
    """A simulated platform, whose document has a public pool of two addresses."""

    url: str
    kube: KubeOvn
    file: Path

    def platform(self, **pool: Any) -> None:
        self.file.write_text(json.dumps(pooled({"providerNetwork": PROVIDER}, **{**TINY, **pool})))

    @property
    def checks(self) -> Checks:
        return Checks(self.kube, Pace(gone_deadline=5), self.file)

    async def reserve(self, tenant: str, *external_ips: str, **pool: Any) -> None:
        steps = PublicAddressSteps(self.kube, Pace())
        given = ReservePublicAddresses(
            tenant=tenant,
            run="an earlier run",
            pool=PublicPool.model_validate({**TINY, **pool}),
            families=(4,),
            external_ips=external_ips,
        )
        await ActivityEnvironment().run(steps.reserve_public_addresses, given)

    async def preflight(self, document: Any) -> Found:
        found: Found = await ActivityEnvironment().run(self.checks.preflight, document)
        return found

    async def obstacles(self, document: Any) -> tuple[str, ...]:
        """What `berth plan` shows."""
        settings = Settings(platform=self.file, kube_server=self.url)
        (planned,) = await plans(settings, [read_tenant(document)])
        return planned.obstacles

    async def inventory(self, tenant: str) -> Inventory:
        found: Inventory = await ActivityEnvironment().run(self.checks.take_inventory, tenant)
        return found


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with KubeSimulator(ready_delay=0.0, cleanup_delay=0.0) as simulator, client_of(simulator.url) as kube:
        await simulator.settled()
        scene = Scene(simulator.url, kube, tmp_path / "platform.yaml")
        scene.platform()
        yield scene


async def test_a_pool_with_enough_left_stands_in_nobodys_way(scene: Scene) -> None:
    assert (await scene.preflight(tenant("web", "apps"))).plan.obstacles == ()
    assert await scene.obstacles(tenant("web", "apps")) == ()


async def test_a_dry_pool_is_told_before_the_run_and_by_the_plan(scene: Scene) -> None:
    await scene.reserve("globex", "web")
    with pytest.raises(ApplicationError, match=DRY) as refused:
        await scene.preflight(tenant("web", "apps"))
    assert refused.value.type == "preflight"
    (obstacle,) = await scene.obstacles(tenant("web", "apps"))
    assert obstacle.startswith(DRY)


async def test_what_the_tenant_has_already_is_neither_lacking_nor_in_the_way(scene: Scene) -> None:
    await scene.reserve("acme", "web", "apps")
    assert await scene.obstacles(tenant("web", "apps")) == ()
    found = await scene.preflight(tenant("web", "apps"))
    assert [thing["kind"] for thing in found.before] == [CONFIG_MAP.name, CONFIG_MAP.name]


async def test_a_reservation_for_an_external_ip_that_the_document_no_longer_has_is_given_back(scene: Scene) -> None:
    await scene.reserve("acme", "old")
    assert await scene.obstacles(tenant("web")) == ()


async def test_a_pools_namespace_that_is_not_there_is_told_with_the_remedy(scene: Scene) -> None:
    scene.platform(namespace="nowhere")
    (obstacle,) = await scene.obstacles(tenant("web"))
    assert obstacle == (
        "Namespace nowhere does not exist, and public pool dc-public keeps its reservations there: create it, or correct"
        " spec.announce.pool.namespace in the platform document"
    )


async def test_a_pools_namespace_that_was_changed_is_told_to_who_has_addresses_in_the_old_one(scene: Scene) -> None:
    await scene.reserve("acme", "web", namespace="default")
    (obstacle,) = await scene.obstacles(tenant("web"))
    assert "acme has ConfigMap default/public-198-51-100-" in obstacle


async def test_a_tenant_without_external_ips_needs_nothing_of_the_pool(scene: Scene) -> None:
    scene.platform(namespace="nowhere")
    assert await scene.obstacles(tenant()) == ()


async def test_what_is_reserved_is_in_the_inventory_and_counts_as_left_until_it_is_gone_wherever_the_pool_is_by_now(
    scene: Scene,
) -> None:
    await scene.reserve("acme", "web", namespace="default")
    inventory = await scene.inventory("acme")
    ((kind, namespace),) = [(thing["kind"], thing["metadata"]["namespace"]) for thing in inventory.objects]
    assert (kind, namespace) == (CONFIG_MAP.name, "default")
    with pytest.raises(ApplicationError, match="ConfigMap public-198-51-100-") as left:
        await ActivityEnvironment().run(scene.checks.verify_gone, inventory)
    assert left.value.type == "not-gone"
    steps = PublicAddressSteps(scene.kube, Pace(gone_deadline=5))
    assert await ActivityEnvironment().run(steps.release_public_addresses, ReleasePublicAddresses(tenant="acme"))
    await ActivityEnvironment().run(scene.checks.verify_gone, inventory)
