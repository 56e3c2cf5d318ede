"""Ensure one object of the platform, or take it back: what most steps of a run are."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from temporalio import activity

from activities.decisions import Pace, Progress, deciding
from clients.errors import RefusedError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.ensure import check_owner, run_of
from clients.kube_ovn.external import wait_for_external_ip
from clients.kube_ovn.objects import uid
from clients.kube_ovn.readiness import READINESS
from clients.kube_ovn.usage import refuse_if_in_use
from tenancy.kinds import KINDS, OVN_EIP, OVN_FIP, OVN_SNAT_RULE, Kind, Object
from tenancy.manifests import stamped
from tenancy.meaning import merge, restored
from tenancy.names import RUN_ANNOTATION
from tenancy.plan import addresses_of, owner_of


class EnsureObject(BaseModel):
    """What `ensure_object` is asked."""

    model_config = ConfigDict(frozen=True)

    manifest: Object
    tenant: str
    run: str
    """Workflow run that makes it; undo removes only what bears its own."""


class Ensured(BaseModel):
    """What `ensure_object` did."""

    model_config = ConfigDict(frozen=True)

    outcome: Literal["created", "adopted", "updated", "unchanged"]
    addresses: tuple[str, ...] = ()
    """Of an OvnEip: what the outside knows it by."""


class RemoveObject(BaseModel):
    """What `remove_object` is asked."""

    model_config = ConfigDict(frozen=True)

    kind: str
    name: str
    namespace: str | None = None
    tenant: str
    run: str | None = None
    """Only what this run made is removed; None removes whatever is the tenant's."""
    before: Object | None = None
    """What the object was before the run: then it stays, without what the run changed of it."""
    wanted: Object | None = None
    """The manifest the run made sure of; goes with `before`."""


class ObjectSteps:
    """The steps that make or remove one object, ready to be registered with a worker."""

    def __init__(self, kube: KubeOvn, pace: Pace) -> None:
        self._kube = kube
        self._pace = pace

    @activity.defn
    async def ensure_object(self, given: EnsureObject) -> Ensured:
        """Makes the object mean what the manifest says, and waits until Kube-OVN reports it ready."""
        async with deciding(self._pace) as progress:
            kind = KINDS[given.manifest["kind"]]
            ensured = await self._kube.ensure(stamped(given.manifest, given.run), tenant=given.tenant, merge=merge)
            if kind == OVN_EIP:
                spec = given.manifest["spec"]
                eip = await wait_for_external_ip(
                    self._kube,
                    given.manifest["metadata"]["name"],
                    spec["externalSubnet"],
                    deadline=self._pace.ready_deadline,
                    progress=progress,
                )
                return Ensured(outcome=ensured.outcome, addresses=tuple(map(str, addresses_of(eip))))
            await self._wait_ready(kind, given.manifest["metadata"]["name"], progress)
            return Ensured(outcome=ensured.outcome)

    @activity.defn
    async def remove_object(self, given: RemoveObject) -> bool:
        """Takes the object back and waits until it is gone. True where there was something to take back."""
        async with deciding(self._pace) as progress:
            kind = KINDS[given.kind]
            found = await self._kube.get(kind, given.name, given.namespace)
            if found is None:
                return False
            if given.before is not None and given.wanted is not None and uid(given.before) == uid(found):
                return await self._restore(kind, found, given.before, given.wanted, given.tenant)
            if given.run is not None and run_of(found) != given.run:
                refuse_if_unmarked(found, given.tenant, given.run)
                return False
            check_owner(found, given.tenant)
            if "deletionTimestamp" not in found["metadata"]:
                await refuse_if_in_use(self._kube, found)
                if kind in (OVN_FIP, OVN_SNAT_RULE):
                    # Deleted before it was ready, Kube-OVN leaves its NAT rows in OVN (1.17 pkg/controller/ovn_fip.go).
                    await self._wait_ready(kind, given.name, progress)
            return await self._kube.remove(
                kind,
                given.name,
                namespace=given.namespace,
                tenant=given.tenant,
                run=given.run,
                deadline=self._pace.gone_deadline,
                progress=progress,
            )

    async def _restore(self, kind: Kind, found: Object, before: Object, wanted: Object, tenant: str) -> bool:
        check_owner(found, tenant)
        if restored(found, before, wanted) is None:
            return False
        metadata = before["metadata"]
        await self._kube.edit(
            kind, metadata["name"], lambda actual: restored(actual, before, wanted), metadata.get("namespace")
        )
        return True

    async def _wait_ready(self, kind: Kind, name: str, progress: Progress) -> None:
        readiness = READINESS.get(kind.name)
        if readiness is not None:
            await self._kube.wait_until(
                kind,
                name,
                ready=readiness.ready,
                deadline=self._pace.ready_deadline,
                likely=readiness.likely,
                progress=progress,
            )


def refuse_if_unmarked(found: Object, tenant: str, run: str) -> None:
    """Whose it is cannot be told where the run's mark was taken off: that is for a person to say."""
    if run_of(found) is None and owner_of(found) == tenant:
        raise RefusedError(
            f"{found['kind']} {found['metadata']['name']} bears no annotation {RUN_ANNOTATION}, so it may be this run's or not:"
            f" annotate it with {RUN_ANNOTATION}={run} to have it removed and retry, or skip it",
            reason="unmarked",
        )
