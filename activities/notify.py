"""Telling people of an approval: each place the platform's document names gets the notice."""

from pathlib import Path

from temporalio import activity

from activities.decisions import Pace, deciding
from activities.platform import read_platform_file
from clients.errors import UnavailableError
from clients.notify import Place, send
from clients.secrets import ReadSecret, secret_value, where_is
from tenancy.edge import ByEdgeTeam
from tenancy.notices import Notice, body, title
from tenancy.vlans import VlanMode


class NoticeSteps:
    """Notices, ready to be registered with a worker."""

    def __init__(self, platform_file: Path, read_secret: ReadSecret, pace: Pace) -> None:
        self._platform_file = platform_file
        self._read_secret = read_secret
        self._pace = pace

    @activity.defn
    async def notify(self, notice: Notice) -> int:
        """Sends the notice; the number of places that took it.

        Where one of several fails, it is tried again for all of them: better twice than never.
        """
        async with deciding(self._pace) as progress:
            # Not what the run says: whoever can change a run must not choose which secrets are read here.
            spec = read_platform_file(self._platform_file).spec
            part = spec.vlan if notice.edge is None else spec.announce
            references = part.approval.notify if isinstance(part, VlanMode | ByEdgeTeam) else ()
            progress(f"notifying {len(references)} places")
            places = [
                Place(number, where_is(reference), await secret_value(reference, self._read_secret))
                for number, reference in enumerate(references, 1)
            ]
            failures = await send(places, title(notice), body(notice))
            if failures:
                raise UnavailableError("; ".join(failures))
            return len(places)
