"""Changes to a VPC: only of the tenant's own, and believed only when they are read back."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.decisions import Pace
from activities.vpc import AppliedDocument, BlockPolicy, OwnExceptions, RouterPort, VpcSteps
from tenancy.policy import PolicyRoute
from tests.clients.stand_in import client_of, stand_in, vpc

DROP = PolicyRoute(priority=32000, action="drop", match="ip4.dst == 192.0.2.0/24")
Step = Callable[[Any], Awaitable[Any]]
STEPS: dict[str, tuple[Callable[[VpcSteps], Step], object]] = {
    "write": (lambda steps: steps.write_block_policy, BlockPolicy(tenant="acme", routes=(DROP,))),
    "prove": (lambda steps: steps.prove_block_policy, BlockPolicy(tenant="acme", routes=(DROP,))),
    "withdraw": (lambda steps: steps.withdraw_exceptions, OwnExceptions(tenant="acme")),
    "open": (
        lambda steps: steps.open_router_port,
        RouterPort(tenant="acme", external_subnets=(), spec={"enableExternal": True}),
    ),
    "close": (
        lambda steps: steps.close_router_port,
        RouterPort(tenant="acme", external_subnets=(), spec={"enableExternal": True}),
    ),
    "record": (lambda steps: steps.record_document, AppliedDocument(tenant="acme", document={"kind": "TenantNetwork"})),
}


@pytest.mark.parametrize("step", STEPS)
async def test_the_vpc_of_another_is_never_written(step: str) -> None:
    async def respond(_: web.Request) -> web.Response:
        return web.json_response(vpc(labels={"berth.network/tenant": "somebody"}))

    async with stand_in(respond) as server, client_of(server.url) as kube:
        which, given = STEPS[step]
        with pytest.raises(ApplicationError, match="expected 'acme'") as refused:
            await ActivityEnvironment().run(which(VpcSteps(kube, Pace())), given)

    assert refused.value.type == "foreign-object"
    assert {request.split()[0] for request in server.requests} == {"GET"}


async def test_a_policy_that_somebody_takes_away_again_is_not_proven() -> None:
    """The API accepts the policy, and what is read then does not have it: an admission webhook, another controller."""
    stored = vpc(labels={"berth.network/tenant": "acme"}) | {"status": {"standby": True, "router": "acme"}}

    async def respond(request: web.Request) -> web.Response:
        if request.method == "PUT":
            return web.json_response(await request.json())
        if request.path.endswith("/acme"):
            return web.json_response(stored)
        return web.json_response({"kind": "VpcList", "metadata": {"resourceVersion": "8"}, "items": [stored]})

    async with stand_in(respond) as server, client_of(server.url) as kube:
        steps = VpcSteps(kube, Pace())
        with pytest.raises(ApplicationError, match="are not what was just written") as refused:
            await ActivityEnvironment().run(steps.prove_block_policy, BlockPolicy(tenant="acme", routes=(DROP,)))

    assert refused.value.type == "policy-missing"
    assert refused.value.non_retryable
