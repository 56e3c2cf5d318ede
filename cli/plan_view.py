"""How a plan looks to a person: every object, what happens to it, and what it means."""

from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import clean
from tenancy.kinds import NAMESPACE, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, SUBNET, VPC, Object
from tenancy.plan import EdgePlan, Plan
from tenancy.release import Released

ACTION = {"create": ("+", "green"), "change": ("~", "yellow"), "keep": ("=", "dim"), "blocked": ("!", "red")}
GOES = ("-", "red")


def plan_view(plan: Plan) -> RenderableType:
    """The plan of one tenant, with its hash, and with what stands in its way."""
    steps = Table.grid(padding=(0, 1))
    steps.add_column(width=3, justify="right")
    steps.add_column(no_wrap=True)
    steps.add_column(no_wrap=True)
    steps.add_column(overflow="fold")
    if plan.mode == "vlan":
        sign, style = ACTION["create" if plan.vlan is None else "keep"]
        number = "any free ID" if plan.vlan is None else str(plan.vlan)
        carried = f"approved by the network team, then on {', '.join(plan.switches)}"
        steps.add_row(Text(sign, style=style), "VLAN", clean(number, "bold"), clean(carried, "dim"))
    for planned in plan.objects:
        sign, style = ACTION[planned.action]
        steps.add_row(
            Text(sign, style=style), planned.kind, clean(planned.name, "bold"), clean(_gist(planned.manifest), "dim")
        )
    if plan.router_port is not None:
        steps.add_row(
            "",
            "router port",
            clean(plan.tenant, "bold"),
            clean(_way_out(plan.router_port), "dim"),
        )
    if plan.edge is not None:
        steps.add_row("", "announced", clean(plan.edge.method, "bold"), clean(_edge(plan.edge), "dim"))
    if plan.released is not None:
        for what, name, gist in _released(plan.tenant, plan.released):
            steps.add_row(Text(GOES[0], style=GOES[1]), what, clean(name, "bold"), clean(gist, "dim"))
    counts = {action: sum(planned.action == action for planned in plan.objects) for action in ACTION}
    summary = f"{counts['create']} to create, {counts['change']} to change, {counts['keep']} to keep"
    summary += f", {counts['blocked']} blocked" if counts["blocked"] else ""
    if plan.released is not None:
        summary += f", {len(list(_released(plan.tenant, plan.released)))} to give back, in the end and for good"
    parts: list[RenderableType] = [
        Text.assemble(clean(plan.tenant, "bold"), f"  {plan.mode}  ", Text(f"plan {plan.hash[:16]}", style="dim")),
        steps,
        Padding(Text("block policy", style="bold"), (0, 0, 0, 2)),
        *(Padding(line, (0, 0, 0, 4)) for line in _policy(plan)),
        Padding(Text(summary), (0, 0, 0, 2)),
    ]
    parts.extend(Padding(clean(f"obstacle: {obstacle}", "red"), (0, 0, 0, 2)) for obstacle in plan.obstacles)
    return Group(*parts)


def _released(tenant: str, released: Released) -> Iterator[tuple[str, str, str]]:
    """What goes, its name, and what it means, in the order in which it goes."""
    if released.announcement is not None:
        told = released.announcement
        where = ", ".join(dict.fromkeys([*told.routers, *told.translators]))
        for one in told.external_ips:
            withdrawn = ", ".join(route.prefix for route in one.routes)
            yield "routes", one.name, f"{withdrawn}: withdrawn on {where}"
    for rule in released.of(OVN_FIP.name, OVN_SNAT_RULE.name):
        yield rule.kind, rule.name, "no longer translated"
    for eip in released.of(OVN_EIP.name):
        yield eip.kind, eip.name, "its address goes to whoever asks next"
    if released.router_port is not None:
        yield "router port", tenant, _way_out(released.router_port)


def _policy(plan: Plan) -> Iterator[Text]:
    for planned in plan.objects:
        if planned.kind == VPC.name:
            for route in planned.manifest["spec"]["policyRoutes"]:
                style = "red" if route["action"] == "drop" else "green"
                yield Text.assemble(f"{route['priority']} ", Text(f"{route['action']:<6}", style=style), route["match"])


def _gist(manifest: Object) -> str:
    spec: dict[str, Any] = manifest.get("spec", {})
    match manifest["kind"]:
        case VPC.name:
            return f"for {', '.join(spec['namespaces'])}, born with {len(spec['policyRoutes'])} policy routes"
        case SUBNET.name:
            mtu = f", MTU {spec['mtu']}" if "mtu" in spec else ""
            acls = f", {len(spec['acls'])} ACLs" if "acls" in spec else ""
            return f"{spec['cidrBlock']}, gateway {spec['gateway']}{mtu}{acls}"
        case OVN_EIP.name:
            return f"{spec.get('v4Ip', 'any free address')} of {spec['externalSubnet']}"
        case OVN_SNAT_RULE.name:
            return f"{spec['vpcSubnet']} leaves through {spec['ovnEip']}"
        case OVN_FIP.name:
            return f"{spec['ovnEip']} leads to {spec['v4Ip']}"
        case NAMESPACE.name:
            return "may use the VPC"
        case _:
            return ""


def _way_out(spec: Object) -> str:
    routes = ", ".join(f"{route['cidr']} via {route['nextHopIP']}" for route in spec["staticRoutes"])
    return f"on {', '.join(spec['extraExternalSubnets'])}, {routes}"


def _edge(edge: EdgePlan) -> str:
    parts = ["by the edge team, which confirms it"] if edge.method == "none" else []
    parts += [f"translated by {', '.join(edge.translators)}"] if edge.translators else []
    parts += [f"routes on {', '.join(edge.routers)}"] if edge.routers else []
    parts += [f"heard by {', '.join(edge.neighbours)}"] if edge.neighbours else []
    return ", ".join(parts)
