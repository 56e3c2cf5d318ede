"""Whether an approval is the one a tenant's VLAN stands on, as the platform's own objects tell."""

from contextlib import suppress

from pydantic import ValidationError

from clients.kube_ovn.client import KubeOvn
from tenancy import names
from tenancy.approval import Approval
from tenancy.kinds import VLAN, VPC
from tenancy.plan import owner_of
from tenancy.reservation import reserved_by


async def refusal_of_use(kube: KubeOvn, approval: Approval | None, tenant: str, vlan: int) -> str | None:
    """Why a tenant's VLAN is not to be touched on a switch now, or not by this approval, good in itself; None where it is.

    The ID has to be reserved for the tenant, as it is until it is off every switch. An approval has to be the one of the run
    that reserved it, or the one that is recorded on the living tenant's VPC: so one that was given once puts nothing back on
    a switch after the tenant has gone, whoever sends it. Raises what the client raises.
    """
    found = await kube.get(VLAN, names.vlan(vlan))
    if found is None or owner_of(found) != tenant:
        return f"VLAN {vlan} is not reserved for {tenant}"
    if approval is None or reserved_by(found) == approval.preview.run:
        return None
    vpc = await kube.get(VPC, names.vpc(tenant))
    text = (vpc["metadata"].get("annotations") or {}).get(names.APPROVAL_ANNOTATION) if vpc is not None else None
    if vpc is not None and owner_of(vpc) == tenant and text is not None:
        with suppress(ValidationError):  # whatever is written there, it is not this approval
            if Approval.model_validate_json(text) == approval:
                return None
    return f"it was given to run {approval.preview.run}, and run {reserved_by(found)} has VLAN {vlan} reserved"
