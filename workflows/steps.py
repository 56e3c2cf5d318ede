"""The steps of a run, by name: what an onboarding of this plan does, in the order people read it."""

from collections.abc import Iterator, Mapping

from tenancy import names
from tenancy.kinds import OVN_EIP, OVN_FIP, OVN_SNAT_RULE
from tenancy.plan import Plan, Stage
from workflows.face import StepStatus

_SHORT: Mapping[str, str] = {OVN_EIP.name: "external-ip", OVN_FIP.name: "floating-ip", OVN_SNAT_RULE.name: "snat"}


def step_of(kind: str, name: str, stage: str) -> StepStatus:
    """The step that is about one object."""
    return StepStatus(id=f"{_SHORT.get(kind, kind.lower())}-{name}", stage=stage, title=f"{kind} {name}")


PREFLIGHT = StepStatus(id="preflight", stage=Stage.PREFLIGHT, title="Preflight: platform, capacity, what is in the way")
APPROVAL = StepStatus(id="approval", stage=Stage.APPROVAL, title="Approval by the network team")
BLOCK_POLICY = StepStatus(id="block-policy", stage=Stage.BLOCK_POLICY, title="Block policy")
ROUTER_PORT = StepStatus(id="router-port", stage=Stage.ROUTER_PORT, title="Router port and default route")
OWN_ADDRESSES = StepStatus(
    id="own-addresses", stage=Stage.TRANSLATION, title="Own external IPs excepted from the block"
)
VERIFY = StepStatus(id="verify", stage=Stage.VERIFY, title="Everything read back")
RECORD = StepStatus(id="record", stage=Stage.HAND_OVER, title="Document recorded on the VPC")
INVENTORY = StepStatus(id="inventory", stage="inventory", title="Inventory, and nothing of it in use")
GONE = StepStatus(id="gone", stage="removal", title="Nothing of it left, read back")
HAND_OVER = StepStatus(id="hand-over", stage=Stage.HAND_OVER, title=f"ConfigMap {names.HAND_OVER}")


def steps_of(plan: Plan) -> Iterator[StepStatus]:
    """Every step of an onboarding of this plan after preflight. A run can take no step that is not among them."""
    for stage in Stage:
        match stage:
            case Stage.BLOCK_POLICY:
                yield BLOCK_POLICY
            case Stage.ROUTER_PORT if plan.router_port is not None:
                yield ROUTER_PORT
            case Stage.VERIFY:
                yield VERIFY
            case Stage.HAND_OVER:
                yield RECORD
                yield HAND_OVER
            case _:
                for planned in plan.of(stage):
                    yield step_of(planned.kind, planned.name, stage)
                if stage is Stage.TRANSLATION and plan.router_port is not None:
                    yield OWN_ADDRESSES
