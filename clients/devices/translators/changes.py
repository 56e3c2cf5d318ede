"""From what is translated and what is asked to the elements that have to come and go. Pure."""

from collections.abc import Iterator

from clients.devices.translators.ruleset import Edit, Mapped, State, maps_of
from clients.errors import RefusedError
from tenancy.announcement import Translation
from tenancy.devices import EdgeRequest, vlan_name
from tenancy.mistakes import shown


def edits_of(state: State, request: EdgeRequest, where: str) -> tuple[Edit, ...]:
    """What is missing until the request's translations are there, or until nothing of the tenant's is at their addresses.

    An address that is mapped otherwise for the same tenant is mapped anew. Raises RefusedError `foreign-translation`, and
    `invalid-request` where an address stands twice, since a translation is one to one.
    """
    if request.action == "translate":
        _one_to_one(request, where)
    owner = vlan_name(request.tenant)
    wanted = request.translations if request.action == "translate" else ()
    there = [
        (into, key, Mapped(to, owner))
        for pair in wanted
        for into, key, to in zip(
            maps_of(pair.public), (pair.public, pair.external), (pair.external, pair.public), strict=True
        )
    ]
    edits: list[Edit] = []
    for pair in request.translations:
        for into, key, mapped in _touching(state, pair):
            if mapped.owner != owner:
                raise RefusedError(
                    f"{where}: {key} is mapped to {mapped.to} for {shown(mapped.owner or 'nobody Berth knows')}, and {owner} "
                    f"asks for {pair.public} to {pair.external}: nothing was changed; look who made it (`nft list map inet "
                    f"berth {into}`), and have it removed there",
                    reason="foreign-translation",
                )
            edit = Edit("delete", into, key, mapped)
            # Two pairs may have the same in their way.
            if (into, key, mapped) not in there and edit not in edits:
                edits.append(edit)
    edits += [Edit("add", into, key, mapped) for into, key, mapped in there if state[into].get(key) != mapped]
    return tuple(edits)


def in_force(state: State, request: EdgeRequest) -> tuple[str, ...]:
    """The public addresses that are translated as asked, in both directions and for this tenant."""
    owner = vlan_name(request.tenant)
    return tuple(pair.public for pair in request.translations if _there(state, pair, owner))


def as_asked(state: State, request: EdgeRequest, left: State) -> bool:
    """Whether all there is at a request's addresses is, in the state that was read, as it has to be left."""
    return all(set(_touching(state, pair)) == set(_touching(left, pair)) for pair in request.translations)


def translated(state: State, pair: Translation) -> bool:
    """Whether the pair is mapped, for whomever, in either direction."""
    inwards, outwards = maps_of(pair.public)
    return any(
        (mapped := state[into].get(key)) is not None and mapped.to == to
        for into, key, to in ((inwards, pair.public, pair.external), (outwards, pair.external, pair.public))
    )


def _there(state: State, pair: Translation, owner: str) -> bool:
    inwards, outwards = maps_of(pair.public)
    return state[inwards].get(pair.public) == Mapped(pair.external, owner) and (
        state[outwards].get(pair.external) == Mapped(pair.public, owner)
    )


def _touching(state: State, pair: Translation) -> Iterator[tuple[str, str, Mapped]]:
    """Every element at one of the two addresses."""
    for into, here, there in zip(
        maps_of(pair.public), (pair.public, pair.external), (pair.external, pair.public), strict=True
    ):
        for key, mapped in state[into].items():
            if key == here or mapped.to == there:
                yield into, key, mapped


def _one_to_one(request: EdgeRequest, where: str) -> None:
    for side in ("public", "external"):
        addresses = [str(getattr(pair, side)) for pair in request.translations]
        if twice := next((one for one in addresses if addresses.count(one) > 1), None):
            raise RefusedError(
                f"{where}: {request.action} for {request.tenant} names the {side} address {twice} twice, and a translation "
                "is one to one: ask for each once",
                reason="invalid-request",
            )
