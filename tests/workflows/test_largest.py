"""A tenant of the greatest size there may be: no run of it may choke on its own size."""

from pathlib import Path

from temporalio.client import Client

from tenancy.tenant import MOST
from tests.workflows.world import PLATFORM_TEXT, running_world, tenant_document


async def test_a_tenant_of_the_greatest_size_goes_in_and_out(client: Client, tmp_path: Path, name: str) -> None:
    file = tmp_path / "platform.yaml"
    text = PLATFORM_TEXT
    file.write_text(text.replace("subnets: 16", f"subnets: {MOST}").replace("externalIPs: 8", f"externalIPs: {MOST}"))
    document = tenant_document(name)
    document["spec"]["subnets"] = [
        {
            "name": f"s{place}",
            "cidrs": [f"172.20.{place}.0/24", f"fd00:{place + 1:x}::/64"],
            "exclude": [
                {"first": f"172.20.{place}.{last}", "last": f"172.20.{place}.{last}"} for last in range(100, 116)
            ],
        }
        for place in range(MOST)
    ]
    targets = [{"use": "floatingIP", "name": f"f{place}", "target": f"172.20.{place}.9"} for place in range(MOST - 1)]
    document["spec"]["externalIPs"] = [{"use": "snat", "name": "egress"}, *targets]
    async with running_world(client, tmp_path, name, platform=file) as world:
        before = await world.state()

        # Each takes some seconds, and on a busy machine many.
        handed_over = await (await world.onboard(document)).result()
        again = await (await world.onboard(document)).result()
        result = await (await world.offboard()).result()

        assert len(handed_over["subnets"]) == len(handed_over["externalIPs"]) == MOST
        assert again["subnets"] == handed_over["subnets"]
        assert len(result["removed"]) == 4 * MOST + 2
        assert await world.state() == before
