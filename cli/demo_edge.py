"""The scenes of `berth demo` at the edge: what the fabric knows of tenants' addresses, read from its router."""

from collections.abc import Iterable

from rich.table import Table

from cli.demo_stage import expect, scene
from cli.lab_control import device_control
from cli.terminal import clean, show
from lab.home import RunningLab
from tenancy.handover import HandOver

NEIGHBOUR = "fabric-1"


async def play_announced(lab: RunningLab, handed_over: Iterable[HandOver]) -> None:
    """The routes of these tenants, as the edge's neighbour has heard of them. Raises CommandError where one is missing."""
    scene(
        "The outside finds them",
        f"The edge router announces a route to each external IP. What its BGP neighbour {NEIGHBOUR} has heard of:",
    )
    heard = await _heard(lab)
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in ("NETWORK", "TENANT", "EXTERNAL IP"):
        table.add_column(column)
    for told in handed_over:
        prefixes = {route.prefix: one.name for one in told.external_ips for route in one.routes}
        expect(prefixes.keys() <= heard, f"{NEIGHBOUR} has heard of every address of {told.tenant}", heard)
        for prefix, name in prefixes.items():
            table.add_row(clean(prefix), clean(told.tenant), clean(name))
    expect(table.row_count == len(heard), f"{NEIGHBOUR} has heard of nothing else", heard)
    show(table)


async def play_forgotten(lab: RunningLab, gone: HandOver, kept: HandOver) -> None:
    """The routes of one tenant are forgotten, another's are not. Raises CommandError where it is not so."""
    heard = await _heard(lab)
    expect(heard.isdisjoint(_prefixes(gone)), f"{NEIGHBOUR} knows no address of {gone.tenant}", heard)
    expect(heard == _prefixes(kept), f"{NEIGHBOUR} knows every address of {kept.tenant}", heard)
    show(clean(f"{NEIGHBOUR} has forgotten every route of {gone.tenant}.", "green"))


def _prefixes(told: HandOver) -> set[str]:
    return {route.prefix for one in told.external_ips for route in one.routes}


async def _heard(lab: RunningLab) -> set[str]:
    async with device_control(lab.switches_url) as devices:
        routes = await devices.routes(NEIGHBOUR)
    return {str(route["network"]) for route in routes if route["protocol"] == "bgp"}
