"""What there is of a tenant on the platform right now, for a plan that has not been asked to run."""

from pathlib import Path

from activities.checks import observe as observe_tenant
from activities.platform import read_platform_file
from clients.errors import RefusedError, UnavailableError
from tenancy.kinds import Object
from tenancy.platform import Platform
from tenancy.tenant import TenantNetwork
from workers.connect import connect_kubernetes
from workers.settings import ConfigurationError, Settings


def platform_of(settings: Settings) -> Platform:
    """The platform's document. Raises ConfigurationError where it cannot be read or is wrong."""
    try:
        return read_platform_file(Path(settings.platform))
    except UnavailableError as error:
        raise ConfigurationError(str(error)) from error


async def observe(settings: Settings, tenant: TenantNetwork) -> tuple[Platform, tuple[Object, ...]]:
    """The platform and the tenant's objects as they are. Raises ConfigurationError where they cannot be read."""
    platform = platform_of(settings)
    kube = await connect_kubernetes(settings)
    try:
        return platform, tuple(await observe_tenant(kube, tenant, platform))
    except (RefusedError, UnavailableError) as error:
        raise ConfigurationError(str(error)) from error
    finally:
        await kube.close()
