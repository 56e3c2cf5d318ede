"""The steps of a run, by name: what an onboarding of this plan does, in the order people read it."""

import re
from collections.abc import Iterator, Mapping

from tenancy import names
from tenancy.announcement import EdgeRole
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE
from tenancy.plan import Plan, Stage
from tenancy.release import Released
from workflows.face import StepStatus

_ON_A_DEVICE = re.compile(r"(release-)?(survey|preview|switch|answer|translate|announce|neighbour)-")
_SHORT: Mapping[str, str] = {OVN_EIP.name: "external-ip", OVN_FIP.name: "floating-ip", OVN_SNAT_RULE.name: "snat"}
_RELEASE = "release-"
"""Before a step's ID: the ID of the step that gives the same back."""


def step_of(kind: str, name: str, stage: str) -> StepStatus:
    """The step that is about one object."""
    return _step(f"{_SHORT.get(kind, kind.lower())}-{name}", stage, f"{kind} {name}")


def _step(id: str, stage: str, title: str) -> StepStatus:
    step = StepStatus(id=id, stage=stage, title=title)
    return given_back(step) if stage == Stage.RELEASE else step


def given_back(step: StepStatus) -> StepStatus:
    """The step that takes back what this one is about. A run may have both: about addresses that come, and that go."""
    return step.model_copy(
        update={"id": f"{_RELEASE}{step.id}", "stage": str(Stage.RELEASE), "title": f"{step.title}, given back"}
    )


PREFLIGHT = StepStatus(id="preflight", stage=Stage.PREFLIGHT, title="Preflight: platform, capacity, what is in the way")
VLAN = StepStatus(id="vlan", stage=Stage.VLAN, title="VLAN ID reserved")
APPROVAL = StepStatus(id="approval", stage=Stage.APPROVAL, title="Approval by the network team")
BLOCK_POLICY = StepStatus(id="block-policy", stage=Stage.BLOCK_POLICY, title="Block policy")
ROUTER_PORT = StepStatus(id="router-port", stage=Stage.ROUTER_PORT, title="Router port and default route")
OWN_ADDRESSES = StepStatus(
    id="own-addresses", stage=Stage.TRANSLATION, title="Own external IPs excepted from the block"
)
PUBLIC_ADDRESSES = StepStatus(id="public-addresses", stage=Stage.PUBLIC_ADDRESSES, title="Public addresses reserved")
ANNOUNCEMENT = StepStatus(id="announcement", stage=Stage.EDGE, title="Announcement recorded on the VPC")
VERIFY = StepStatus(id="verify", stage=Stage.VERIFY, title="Everything read back")
RECORD = StepStatus(id="record", stage=Stage.HAND_OVER, title="Document recorded on the VPC")
INVENTORY = StepStatus(id="inventory", stage="inventory", title="Inventory, and nothing of it in use")
GONE = StepStatus(id="gone", stage="removal", title="Nothing of it left, read back")
HAND_OVER = StepStatus(id="hand-over", stage=Stage.HAND_OVER, title=f"ConfigMap {names.HAND_OVER}")
EDGE_LINES, EDGE_TEAM = "edge-lines", "edge-team"
BY_PEOPLE = frozenset({APPROVAL.id, EDGE_TEAM})
"""Kinds of steps that take as long as people take."""
_ONE_OF_A_KIND = frozenset(
    {
        *(step.id for step in (PREFLIGHT, VLAN, APPROVAL, BLOCK_POLICY, ROUTER_PORT, OWN_ADDRESSES, PUBLIC_ADDRESSES)),
        *(step.id for step in (ANNOUNCEMENT, VERIFY, RECORD, INVENTORY, GONE, HAND_OVER)),
        EDGE_LINES,
        EDGE_TEAM,
    }
)
"""IDs that name neither an object nor a device."""


def survey_of(switch: str) -> StepStatus:
    """The step that asks a switch what it knows, before the first change."""
    return StepStatus(id=f"survey-{switch}", stage=Stage.VLAN, title=f"Switch {switch} answers")


def preview_of(switch: str) -> StepStatus:
    """The step that asks a switch which lines it would be sent."""
    return StepStatus(id=f"preview-{switch}", stage=Stage.APPROVAL, title=f"Preview for switch {switch}")


def vlan_on(switch: str, stage: str = Stage.SWITCHES) -> StepStatus:
    """The step that is about the tenant's VLAN on one switch."""
    return StepStatus(id=f"switch-{switch}", stage=stage, title=f"VLAN on switch {switch}")


def answer_of(device: str) -> StepStatus:
    """The step that finds out whether a device at the edge answers, before the first change."""
    return StepStatus(id=f"answer-{device}", stage=Stage.PREFLIGHT, title=f"{device} answers")


def translations_on(translator: str, stage: str = Stage.EDGE) -> StepStatus:
    """The step that is about the tenant's translations on one device."""
    return _step(f"translate-{translator}", stage, f"Translations on {translator}")


def routes_on(router: str, stage: str = Stage.EDGE) -> StepStatus:
    """The step that is about the tenant's routes on one edge router."""
    return _step(f"announce-{router}", stage, f"Routes on edge router {router}")


def at_edge(role: EdgeRole, device: str) -> StepStatus:
    """The step of an onboarding that is about a device at the edge, by what the device is there."""
    match role:
        case "translator":
            return translations_on(device)
        case "router":
            return routes_on(device)
        case "neighbour":
            return routes_at(device)


def is_on_a_device(step: str) -> bool:
    """Whether a step of this ID is done on a device: by a worker beside it, once its queue has come so far."""
    return _ON_A_DEVICE.match(step) is not None


def edge_lines(stage: str = Stage.EDGE) -> StepStatus:
    """The step that writes down what the edge team has to do."""
    return StepStatus(id=EDGE_LINES, stage=stage, title="What the edge team has to do, written down")


def by_edge_team(stage: str = Stage.EDGE) -> StepStatus:
    """The step that waits until the edge team has confirmed what it was asked to do."""
    return StepStatus(id=EDGE_TEAM, stage=stage, title="Routes configured by the edge team")


def routes_at(neighbour: str, stage: str = Stage.EDGE) -> StepStatus:
    """The step that waits until a neighbour has heard of the tenant's routes, or has forgotten them."""
    return _step(f"neighbour-{neighbour}", stage, f"Routes as {neighbour} knows them")


def steps_of(plan: Plan) -> Iterator[StepStatus]:
    """Every step of an onboarding of this plan after preflight. A run can take no step that is not among them."""
    for stage in Stage:
        match stage:
            case Stage.PREFLIGHT if plan.edge is not None:
                yield from map(answer_of, (*plan.edge.translators, *plan.edge.routers, *plan.edge.neighbours))
            case Stage.PUBLIC_ADDRESSES if plan.edge is not None and plan.edge.method == "one-to-one-nat":
                yield PUBLIC_ADDRESSES
            case Stage.VLAN if plan.mode == "vlan":
                yield from map(survey_of, plan.switches)
                yield VLAN
            case Stage.APPROVAL if plan.mode == "vlan":
                yield from map(preview_of, plan.switches)
                yield APPROVAL
            case Stage.SWITCHES:
                yield from map(vlan_on, plan.switches)
            case Stage.BLOCK_POLICY:
                yield BLOCK_POLICY
            case Stage.ROUTER_PORT if plan.router_port is not None:
                yield ROUTER_PORT
            case Stage.EDGE if plan.edge is not None:
                yield ANNOUNCEMENT
                yield from map(translations_on, plan.edge.translators)
                yield from map(routes_on, plan.edge.routers)
                if plan.edge.method == "none":
                    yield edge_lines()
                    yield by_edge_team()
                yield from map(routes_at, plan.edge.neighbours)
            case Stage.VERIFY:
                yield VERIFY
            case Stage.HAND_OVER:
                yield RECORD
                yield HAND_OVER
            case Stage.RELEASE if plan.released is not None:
                yield from _steps_of_release(plan.released)
            case _:
                for planned in plan.of(stage):
                    yield step_of(planned.kind, planned.name, stage)
                if stage is Stage.TRANSLATION and plan.router_port is not None:
                    yield OWN_ADDRESSES


def _steps_of_release(released: Released) -> Iterator[StepStatus]:
    """In the order in which they are taken."""
    if released.announcement is not None:
        yield from (routes_on(name, Stage.RELEASE) for name in released.announcement.routers)
        yield from (routes_at(name, Stage.RELEASE) for name in released.announcement.neighbours)
        yield from (translations_on(name, Stage.RELEASE) for name in released.announcement.translators)
        yield given_back(ANNOUNCEMENT)
    if released.addresses:
        yield given_back(OWN_ADDRESSES)
    yield from (step_of(one.kind, one.name, Stage.RELEASE) for one in released.of(OVN_FIP.name, OVN_SNAT_RULE.name))
    if released.public:
        yield given_back(PUBLIC_ADDRESSES)
    yield from (step_of(one.kind, one.name, Stage.RELEASE) for one in released.of(OVN_EIP.name))
    if released.router_port is not None:
        yield given_back(ROUTER_PORT)


def kind_of(step: str) -> str:
    """What kind of step an ID names: the same word for every tenant, object and device, e.g. `subnet` or `announce`."""
    if step.startswith(_RELEASE):
        return f"{_RELEASE}{kind_of(step.removeprefix(_RELEASE))}"
    if step in _ONE_OF_A_KIND:
        return step
    return next((kind for kind in _SHORT.values() if step.startswith(f"{kind}-")), step.partition("-")[0])
