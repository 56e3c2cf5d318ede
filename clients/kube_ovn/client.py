"""The face of the Kube-OVN client: one object per worker process, one pool of connections."""

import builtins
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from clients.errors import RefusedError
from clients.kube_ovn import discovery, ensure, removal, waiting
from clients.kube_ovn.answers import plain
from clients.kube_ovn.connection import Credentials, KubeConnection
from clients.kube_ovn.ensure import Ensured
from clients.kube_ovn.objects import Objects
from clients.kube_ovn.transport import Transport
from tenancy.kinds import Kind, Object
from tenancy.meaning import Merge

if TYPE_CHECKING:  # rights are found out by what the client is needed for
    from clients.kube_ovn.rights import Right

Progress = Callable[[str], None]
"""Called with what is being waited for, at once and then every two seconds, from the event loop: it must not block."""


async def connect(connection: KubeConnection) -> "KubeOvn":
    """A client that has its configuration; the API server is first spoken to by the first call.

    Raises RefusedError that names the file or context and the remedy, UnavailableError where a credential plugin or
    identity provider fails.
    """
    credentials = Credentials(connection)
    await credentials.read()
    try:
        transport = Transport(connection, credentials)
    except (ssl.SSLError, OSError) as error:
        raise RefusedError(
            f"{credentials.source}: its CA or client certificate cannot be loaded ({plain(error)}): expected PEM files",
            reason="connection",
        ) from error
    return KubeOvn(transport)


class KubeOvn:
    """Objects of a Kube-OVN cluster.

    Every method raises UnavailableError where a later try may work (with the server's `retry_after`), RefusedError
    where it will not. None tries a failed request again: that is the caller's to decide.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._objects = Objects(transport)

    async def get(self, kind: Kind, name: str, namespace: str | None = None) -> Object | None:
        """The object; None where there is none of that name."""
        return await self._objects.get(kind, name, namespace)

    async def list(
        self, kind: Kind, *, namespace: str | None = None, labels: Mapping[str, str | None] | None = None
    ) -> builtins.list[Object]:
        """All objects of a kind, in one namespace or with these labels where given; one of None may have any value."""
        return (await self._objects.find(kind, namespace=namespace, labels=labels))[0]

    async def create(self, manifest: Object) -> Object:
        """The object as the server made it. Raises ConflictError where one of that name exists: to reserve a name."""
        return await self._objects.create(manifest)

    async def ensure(self, manifest: Object, *, tenant: str, merge: Callable[[Object, Object], Merge]) -> Ensured:
        """Make the object mean what the manifest says: create it, adopt it or change it.

        `merge(actual, desired)` compares by meaning, and leaves the annotation of the run that made the object alone.
        What was written is read back through it. A lost answer or a conflicting write leads to another look.

        Raises RefusedError with reason `foreign-object` where it does not bear the tenant's label,
        `immutable-difference`, or `not-kept` where the server stores something else; UnavailableError also where it is
        being deleted or others keep changing it.
        """
        return await ensure.ensure(self._objects, manifest, tenant, merge)

    async def edit(
        self, kind: Kind, name: str, change: Callable[[Object], Object | None], namespace: str | None = None
    ) -> Object:
        """Read, change, write with the resource version that was read; after a conflict, again from what is there then.

        `change` returns the whole object to write, or None where nothing is to change; it may alter what it is given.
        Raises RefusedError with reason `missing` where there is no such object.
        """
        return await ensure.edit(self._objects, kind, name, change, namespace)

    async def wait_until(
        self,
        kind: Kind,
        name: str,
        *,
        ready: Callable[[Object], str | None],
        deadline: float,
        likely: str,
        progress: Progress | None = None,
        namespace: str | None = None,
        appears: bool = False,
    ) -> Object:
        """The object once `ready` returns None for it; until then that returns what is missing.

        With `appears` it need not exist yet: Kube-OVN makes some itself, as the OvnEip of a router port. Raises
        UnavailableError after `deadline` seconds, with what is missing and `likely`, and when it vanishes.
        """
        return await waiting.wait_until(
            self._objects,
            kind,
            name,
            namespace,
            ready=ready,
            deadline=deadline,
            likely=likely,
            progress=progress,
            appears=appears,
        )

    async def remove(
        self,
        kind: Kind,
        name: str,
        *,
        tenant: str,
        run: str | None,
        deadline: float,
        progress: Progress | None = None,
        namespace: str | None = None,
    ) -> bool:
        """Delete the tenant's object and wait until it is gone; False where there was nothing to do.

        With `run`, only what that run made: anything else stays, and the answer is False. Raises RefusedError with
        reason `foreign-object` where it does not bear the tenant's label; UnavailableError after `deadline` seconds,
        with what holds it up by name.
        """
        return await removal.remove(
            self._objects, kind, name, namespace, tenant=tenant, run=run, deadline=deadline, progress=progress
        )

    async def wait_gone(
        self,
        kind: Kind,
        name: str,
        *,
        deadline: float,
        progress: Progress | None = None,
        namespace: str | None = None,
    ) -> None:
        """Wait until there is no object of that name: for what Kube-OVN makes and removes, as the router port's OvnEip.

        Raises UnavailableError after `deadline` seconds, with what holds it up by name.
        """
        await removal.wait_gone(self._objects, kind, name, namespace, deadline=deadline, progress=progress)

    async def version(self) -> str:
        """The API server's version, e.g. `v1.32.0`."""
        return await discovery.version(self._transport)

    async def served(self, api_version: str) -> Mapping[str, frozenset[str]]:
        """Plural of every kind that is served under `v1` or `group/version` -> its verbs; nothing where none is."""
        return await discovery.served(self._transport, api_version)

    async def may(self, right: "Right") -> bool:
        """Whether this account has the right."""
        return await discovery.may(self._transport, right)

    async def close(self) -> None:
        """Close every connection; calls still running fail."""
        await self._transport.close()
