"""Deleting an object of ours and waiting until it is really gone."""

import asyncio
from collections.abc import Callable

from clients.errors import UnavailableError
from clients.kube_ovn.answers import ConflictError, subject
from clients.kube_ovn.ensure import TRIES, check_owner, run_of
from clients.kube_ovn.holding import what_holds
from clients.kube_ovn.objects import Objects, is_being_deleted, uid
from clients.kube_ovn.waiting import Following, reporting
from tenancy.kinds import Kind, Object


async def remove(
    objects: Objects,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    tenant: str,
    run: str | None,
    deadline: float,
    progress: Callable[[str], None] | None,
) -> bool:
    """See `KubeOvn.remove`."""
    what = subject(kind, name, namespace)
    for _ in range(TRIES):
        with reporting(progress, lambda: f"{what}: asking for its deletion"):
            found = await objects.get(kind, name, namespace)
            if found is None:
                return False
            check_owner(found, tenant)
            if run is not None and run_of(found) != run:
                return False
            try:
                await _ask(objects, kind, found, namespace)
            except ConflictError:
                continue  # another object bears the name since: judge that one
        await wait_gone(objects, kind, name, namespace, only=uid(found), deadline=deadline, progress=progress)
        return True
    raise UnavailableError(
        f"{what}: was replaced by another of its name {TRIES} times while being deleted: look who creates it again and "
        "again; the next try starts from what is there then"
    )


async def wait_gone(
    objects: Objects,
    kind: Kind,
    name: str,
    namespace: str | None,
    *,
    only: str | None = None,
    deadline: float,
    progress: Callable[[str], None] | None,
) -> None:
    """See `KubeOvn.wait_gone`; with `only`, until the object of that uid is gone, whoever bears its name then."""
    what = subject(kind, name, namespace)
    last: Object | None = None

    def is_gone(current: Object | None) -> bool:
        nonlocal last
        if current is None or (only is not None and uid(current) != only):
            return True
        last = current
        return False

    following = Following(objects, kind, name, namespace)
    with reporting(progress, lambda: f"{what}: still there"):
        try:
            async with asyncio.timeout(deadline):
                await following.until(is_gone)
            return
        except TimeoutError:
            pass
        held = "it could not be read in that time" if last is None else await what_holds(objects, last)
    raise UnavailableError(f"{what}: still there after {deadline:g} s{following.trouble}: {held}")


async def _ask(objects: Objects, kind: Kind, found: Object, namespace: str | None) -> None:
    """Ask for the deletion, unless somebody did; a lost answer is made up for by looking."""
    if is_being_deleted(found):
        return
    name = found["metadata"]["name"]
    try:
        await objects.delete(kind, name, uid(found), namespace)
    except ConflictError:
        raise
    except UnavailableError as lost:
        if lost.retry_after is not None:
            raise
        now = await objects.get(kind, name, namespace)
        if now is not None and uid(now) == uid(found) and not is_being_deleted(now):
            raise
