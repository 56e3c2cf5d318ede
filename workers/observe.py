"""What there is of a tenant on the platform right now, for a plan that has not been asked to run."""

from collections.abc import Sequence
from pathlib import Path

from activities.checks import observe
from activities.platform import read_platform_file
from clients.errors import RefusedError, UnavailableError
from clients.kube_ovn.client import KubeOvn
from clients.kube_ovn.prerequisites import missing_prerequisites
from clients.kube_ovn.usage import users_of_release
from tenancy.plan import Plan, plan
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from workers.connect import connect_kubernetes
from workers.settings import ConfigurationError, Settings, UnreachableError


def platform_of(settings: Settings) -> Platform:
    """The platform's document. Raises ConfigurationError where it cannot be read or is wrong."""
    try:
        return read_platform_file(Path(settings.platform))
    except UnavailableError as error:
        raise ConfigurationError(str(error)) from error


async def plans(settings: Settings, tenants: Sequence[TenantNetwork]) -> list[Plan]:
    """What onboarding would do to the platform as it is, with all that its preflight would refuse as obstacles.

    Raises ConfigurationError where the platform's document is at fault, UnreachableError where the platform is.
    """
    platform = platform_of(settings)
    kube = await connect_kubernetes(settings)
    try:
        return [await _plan(kube, tenant, platform) for tenant in tenants]
    except (RefusedError, UnavailableError) as error:
        raise UnreachableError(str(error)) from error
    finally:
        await kube.close()


async def _plan(kube: KubeOvn, tenant: TenantNetwork, platform: Platform) -> Plan:
    planned = plan(tenant, platform, await observe(kube, tenant, platform))
    try:
        missing = await missing_prerequisites(kube, platform, tenant)
    except UnavailableError as unready:
        missing = [str(unready)]  # a run would wait for it
    if planned.released is not None:
        missing += await users_of_release(kube, tenant.name, planned.released)
    return planned.model_copy(update={"obstacles": (*planned.obstacles, *missing)})
