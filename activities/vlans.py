"""A tenant's VLAN ID: taken by creating the Vlan object that bears it, and given back."""

from typing import Any

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, deciding
from activities.objects import refuse_if_unmarked
from clients.errors import RefusedError
from clients.kube_ovn.answers import ConflictError, plain, some
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.ensure import check_owner, run_of
from clients.kube_ovn.objects import is_being_deleted
from clients.kube_ovn.usage import refuse_if_in_use
from tenancy import manifests, names
from tenancy.kinds import VLAN, Object
from tenancy.plan import owner_of
from tenancy.reservation import reserved
from tenancy.vlans import in_ranges

MOST_TOLD = 5
"""How many of the IDs that were passed over are told one by one."""


class _Given(BaseModel):
    model_config = ConfigDict(frozen=True)


class ReserveVlan(_Given):
    """What `reserve_vlan` is asked."""

    tenant: str
    run: str
    provider_network: str
    candidates: str
    """IDs the tenant may get, as ranges."""
    wished: int | None = None
    """The one it must be; None for any."""
    instead_of: int | None = None
    """The one this run reserved before, to be given back for it."""
    trunks: dict[str, tuple[str, ...]] = {}
    """By switch: the trunks that will carry it; kept on the object, because the platform's document may change."""
    foreign: dict[str, str] = {}
    """By switch: the IDs it knows under a name that is not the tenant's, as ranges."""


class Reserved(_Given):
    """The VLAN a tenant has."""

    vlan: int
    adopted: bool = False
    """It had it before."""
    passed_over: tuple[str, ...] = ()
    """IDs that are free on the platform and known to a switch, each in words."""


class ReleaseVlans(_Given):
    """What `release_vlans` is asked."""

    tenant: str
    run: str
    """Only what this run reserved is given back."""


class VlanSteps:
    """The steps about VLAN IDs, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace) -> None:
        self._kube = kube
        self._pace = pace

    @activity.defn
    async def reserve_vlan(self, given: ReserveVlan) -> Reserved:
        """Takes the lowest ID that is free on the platform and on every switch, or the one wished for.

        The API server creates an object of one name once, so of two tenants that reach for an ID one gets it. Refuses with
        reason `vlan-taken` a wish that cannot be met, `no-vlan-free` where nothing is left.
        """
        async with deciding(self._pace) as progress:
            while True:
                vlans = await self._kube.list(VLAN)
                if mine := [one for one in vlans if _is_held(one, given)]:
                    held = _held(mine, given)
                    await self._renew(names.vlan(held.vlan), given)
                    return await self._swapped(held, given)
                taken = {_id(one): one for one in vlans if _spec(one, "provider") == given.provider_network}
                number, passed_over = _choose(given, taken, {str(one["metadata"]["name"]) for one in vlans})
                progress(f"reserving VLAN {number}")
                try:
                    wanted = manifests.vlan(given.tenant, given.provider_network, number)
                    await self._kube.create(reserved(manifests.stamped(wanted, given.run), given.run, given.trunks))
                except ConflictError:
                    continue
                # Somebody may have made one of another name with the same ID meanwhile, and Kube-OVN would serve neither
                # (1.17 pkg/controller/vlan.go, checkVlanConflict).
                if await self._has_twin(number, given):
                    await self._give_back(names.vlan(number), given.tenant, given.run)
                    continue
                return await self._swapped(Reserved(vlan=number, passed_over=passed_over), given)

    @activity.defn
    async def release_vlans(self, given: ReleaseVlans) -> bool:
        """Gives back what the run reserved. True where there was anything."""
        async with deciding(self._pace):
            mine = [one for one in await self._kube.list(VLAN) if owner_of(one) == given.tenant]
            released = False
            for one in mine:
                name = str(one["metadata"]["name"])
                if run_of(one) != given.run:
                    refuse_if_unmarked(one, given.tenant, given.run)
                    continue
                await refuse_if_in_use(self._kube, one)
                released |= await self._give_back(name, given.tenant, given.run)
            return released

    async def _renew(self, name: str, given: ReserveVlan) -> None:
        def renewed(actual: Object) -> Object | None:
            check_owner(actual, given.tenant)
            result = reserved(actual, given.run, given.trunks)
            return result if result != actual else None

        await self._kube.edit(VLAN, name, renewed)

    async def _swapped(self, reserved: Reserved, given: ReserveVlan) -> Reserved:
        if given.instead_of not in (None, reserved.vlan):
            await self._give_back(names.vlan(given.instead_of), given.tenant, given.run)
        return reserved

    async def _has_twin(self, number: int, given: ReserveVlan) -> bool:
        return any(
            _id(one) == number
            and _spec(one, "provider") == given.provider_network
            and one["metadata"]["name"] != names.vlan(number)
            for one in await self._kube.list(VLAN)
        )

    async def _give_back(self, name: str, tenant: str, run: str) -> bool:
        return await self._kube.remove(VLAN, name, tenant=tenant, run=run, deadline=self._pace.gone_deadline)


def _is_held(one: Object, given: ReserveVlan) -> bool:
    """Whether a Vlan is the tenant's and to stay so."""
    swapped = given.instead_of is not None and one["metadata"]["name"] == names.vlan(given.instead_of)
    return owner_of(one) == given.tenant and not is_being_deleted(one) and not (swapped and run_of(one) == given.run)


def _held(mine: list[Object], given: ReserveVlan) -> Reserved:
    """The VLAN the tenant has already."""
    if len(mine) > 1:
        raise RefusedError(
            f"tenant {given.tenant} has {some(str(one['metadata']['name']) for one in mine)}: remove the Vlan objects that"
            " no subnet of its uses",
            reason="several-vlans",
        )
    (one,) = mine
    number = _id(one)
    if number is None or one["metadata"]["name"] != names.vlan(number):
        raise RefusedError(
            f"Vlan {one['metadata']['name']} is labelled {names.LABEL}={given.tenant} and does not bear the ID of its name:"
            " take the label off, or remove it",
            reason="odd-vlan",
        )
    if given.wished in (None, number):
        return Reserved(vlan=number, adopted=run_of(one) != given.run)
    raise RefusedError(
        f"tenant {given.tenant} has VLAN {number}, wished is {given.wished}: offboard the tenant first, or keep {number}",
        reason="vlan-taken",
    )


def _choose(given: ReserveVlan, taken: dict[int | None, Object], used_names: set[str]) -> tuple[int, tuple[str, ...]]:
    """The ID to reach for, and those passed over for the switches' sake. Raises RefusedError where there is none."""
    on_switches = {switch: in_ranges(text) for switch, text in given.foreign.items()}
    passed_over: list[str] = []
    for number in [given.wished] if given.wished is not None else sorted(in_ranges(given.candidates)):
        known = [switch for switch, numbers in on_switches.items() if number in numbers]
        if number in taken or names.vlan(number) in used_names:
            if given.wished is not None:
                raise _wish_refused(given.wished, taken.get(number))
            continue
        if not known:
            return number, tuple(passed_over)
        reason = f"VLAN {number} is known to {some(known)} under a name that is not {given.tenant}'s"
        if given.wished is not None:
            raise RefusedError(
                f"{reason}: wish for another, or have the network team remove it there", reason="vlan-taken"
            )
        if len(passed_over) < MOST_TOLD:
            passed_over.append(reason)
    raise RefusedError(
        f"no VLAN ID of {plain(given.candidates, 80)} is free: {len(taken)} are taken on ProviderNetwork"
        f" {given.provider_network}{''.join(f'; {one}' for one in passed_over)}: enlarge spec.vlan.range of the platform"
        " document, or offboard tenants",
        reason="no-vlan-free",
    )


def _wish_refused(number: int, holder: Object | None) -> RefusedError:
    whose = "somebody" if holder is None else owner_of(holder) or f"Vlan {holder['metadata']['name']}, not Berth's"
    return RefusedError(
        f"VLAN {number} is taken by {whose}: wish for another, or leave it out to get any free one", reason="vlan-taken"
    )


def _id(one: Object) -> int | None:
    value = _spec(one, "id")
    return int(value) if isinstance(value, int | float) else None


def _spec(one: Object, field: str) -> Any:
    return (one.get("spec") or {}).get(field)
