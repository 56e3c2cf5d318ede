"""How a plan looks that gives something back."""

import copy
import io
import json

from rich.console import Console

from cli.commands_documents import _plain
from cli.plan_view import plan_view
from tenancy.announcement import Announced, Announcement, Route
from tenancy.documents import read_platform, read_tenant
from tenancy.names import ANNOUNCED_ANNOTATION
from tenancy.plan import Plan, plan
from tests.tenancy.documents import FULL_TENANT, raw_platform
from tests.tenancy.kube_ovn import as_made

PLATFORM = read_platform(raw_platform())


def giving_back(*kept: str) -> Plan:
    """The plan of the full tenant, whose document now names these external IPs only."""
    made = as_made(plan(read_tenant(FULL_TENANT, PLATFORM), PLATFORM, ()), PLATFORM)
    route = Route(address="203.0.113.10", next_hop="203.0.113.2")
    announced = Announcement(
        method="static-route", external_ips=(Announced(name="egress", routes=(route,)),), routers=("edge-1", "edge-2")
    )
    for thing in made:
        if thing["kind"] == "Vpc":
            thing["metadata"].setdefault("annotations", {})[ANNOUNCED_ANNOTATION] = announced.model_dump_json()
    raw = copy.deepcopy(FULL_TENANT)
    raw["spec"]["externalIPs"] = [ip for ip in raw["spec"]["externalIPs"] if ip["name"] in kept]
    return plan(read_tenant(raw, PLATFORM), PLATFORM, made)


def shown(planned: Plan) -> list[str]:
    """The lines of the view, without the space around them."""
    console = Console(file=io.StringIO(), width=200, force_terminal=False)
    console.print(plan_view(planned))
    assert isinstance(console.file, io.StringIO)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines()]


def test_what_goes_is_shown_with_a_minus_in_the_order_in_which_it_goes() -> None:
    lines = shown(giving_back())

    assert [line for line in lines if line.startswith("- ")] == [
        "- routes egress 203.0.113.10/32: withdrawn on edge-1, edge-2",
        "- OvnFip acme--web no longer translated",
        "- OvnSnatRule acme--dev no longer translated",
        "- OvnSnatRule acme--prod no longer translated",
        "- OvnEip acme--apps its address goes to whoever asks next",
        "- OvnEip acme--dev its address goes to whoever asks next",
        "- OvnEip acme--egress its address goes to whoever asks next",
        "- OvnEip acme--web its address goes to whoever asks next",
        "- router port acme on external, 0.0.0.0/0 via 203.0.113.1",
    ]
    assert any("9 to give back, in the end and for good" in line for line in lines)


def test_a_plan_that_gives_nothing_back_says_nothing_of_it() -> None:
    lines = shown(giving_back("egress", "dev", "web", "apps"))

    assert not any(line.startswith("- ") or "give back" in line for line in lines)


def test_what_goes_is_in_the_plan_as_json() -> None:
    released = json.loads(json.dumps(_plain(giving_back("egress", "dev", "web"))))["released"]

    assert released["externalIPs"] == ["apps"]
    assert released["objects"] == [{"kind": "OvnEip", "name": "acme--apps"}]
    assert released["routerPort"] is None
