"""What a tenant has outside, and the order in which it goes: of one external IP as of the whole tenant."""

from collections.abc import Iterable, Iterator, Sequence

from activities.objects import ObjectSteps, RemoveObject
from activities.vpc import OwnExceptions, RouterPort, VpcSteps
from workflows.face import StepStatus
from workflows.removal import Removal
from workflows.steps import step_of


def off_the_outside(
    *,
    edge: Iterable[Sequence[Removal]],
    rules: Sequence[Removal],
    addresses: Sequence[Removal],
    public: Sequence[Removal] = (),
) -> Iterator[Sequence[Removal]]:
    """The phases, in the order in which things were made: the last one is to go first.

    Args:
        edge: what takes it off the edge, itself in phases.
        rules: SNAT, floating IPs, and the exceptions of the block policy. Those go before the addresses, which another
            tenant may be given next.
        addresses: of the provider network, and the router's port on it.
        public: the reservations of public addresses, where the rest of the tenant stays. Before the addresses: a run
            that takes over finds by them what is still to go.
    """
    yield addresses
    if public:
        yield public
    yield rules
    yield from edge


def object_gone(
    tenant: str, kind: str, name: str, namespace: str | None = None, *, stage: str, part_of: str | None = None
) -> Removal:
    """Takes away an object of the tenant's, whoever made it."""
    given = RemoveObject(kind=kind, name=name, namespace=namespace, tenant=tenant)
    return Removal(step_of(kind, name, stage), ObjectSteps.remove_object, given, part_of=part_of)


def exceptions_withdrawn(step: StepStatus, given: OwnExceptions, part_of: str | None = None) -> Removal:
    """Takes exceptions for the tenant's own addresses off its block policy."""
    needed = "the next tenant may be given the addresses it excepts"
    return Removal(step, VpcSteps.withdraw_exceptions, given, part_of=part_of, needed=needed)


def way_out_closed(step: StepStatus, given: RouterPort, part_of: str | None = None) -> Removal:
    """Closes the router's port on the provider network, and gives its address back."""
    return Removal(step, VpcSteps.close_router_port, given, part_of=part_of)
