"""A session with a device that only looks: whether what Berth will need of it is there, and every gap at once."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from netmiko.exceptions import ReadTimeout

from clients.devices import translators
from clients.devices.changes import no_trunks
from clients.devices.dialects import DIALECTS
from clients.devices.host_keys import known_as
from clients.devices.identity import ANY, mistaken, named, strangeness
from clients.devices.login import Login
from clients.devices.masking import without
from clients.devices.reading import read_state
from clients.devices.routers import ROUTERS
from clients.devices.routers.routes import RouterRoutes
from clients.devices.session import Session
from clients.devices.translators.shell import new_word, shell_prompting
from clients.devices.work import Job, in_session, unspeakable
from clients.errors import UnavailableError
from tenancy.edge import DEFAULT_TAG, EdgeDevice, EdgeRouter, Translator
from tenancy.switches import Switch


@dataclass(frozen=True)
class Examined:
    """What was found once logged in."""

    gaps: tuple[str, ...] = ()
    """What is wrong, each with its remedy."""
    doubts: tuple[str, ...] = ()
    """What may be wrong."""
    note: str = ""
    """What is there, for people."""


async def examine(
    device: Switch | EdgeDevice,
    login: Login,
    *,
    known_hosts: Path,
    progress: Callable[[str], None],
    jump: Login | None = None,
    neighbour: bool = False,
) -> Examined:
    """What is found; nothing is sent that changes anything. Raises as `work`."""
    look = partial(in_session, device, login, known_hosts=known_hosts, alive=lambda: True, progress=progress, jump=jump)
    job = _job(device, neighbour=neighbour)
    try:
        found = await look(job)
    except UnavailableError as error:
        # A session that is prepared for another platform fails with words that tell nobody why.
        if isinstance(device, Translator) or not _was_logged_in(error):
            raise
        platform = await look(Job(job.kind, ANY, named))
        if platform is None or platform == device.platform:
            raise
        where = f"{job.kind} {device.name} ({known_as(device.host, device.port)})"
        return Examined(gaps=(mistaken(where, device.platform, platform),))
    secrets = unspeakable(login, jump)
    gaps, doubts = (tuple(without(secrets, text) for text in texts) for texts in (found.gaps, found.doubts))
    return Examined(gaps, doubts, found.note)


def _was_logged_in(error: BaseException) -> bool:
    """Whether a session failed once there was one: the device did not know a word that its platform knows."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ReadTimeout):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _job(device: Switch | EdgeDevice, *, neighbour: bool) -> Job[Examined]:
    match device:
        case Switch():
            return Job("switch", DIALECTS[device.platform].cli, lambda session: _switch(session, device))
        case EdgeRouter():
            return Job(
                "router", ROUTERS[device.platform].cli, lambda session: _router(session, device, neighbour=neighbour)
            )
        case Translator():
            word = new_word()
            return Job("translator", shell_prompting(word), lambda session: _translator(session, word))


def _switch(session: Session, switch: Switch) -> Examined:
    strange = strangeness(session, switch.platform)
    if strange is not None and strange[1]:
        return Examined(gaps=(strange[0],))
    state = read_state(session, DIALECTS[switch.platform], switch.trunks)
    gaps = tuple(no_trunks(state, switch.trunks, session.where))
    return Examined(gaps, () if strange is None else (strange[0],), f"{len(switch.trunks)} trunks there")


def _router(session: Session, router: EdgeRouter, *, neighbour: bool) -> Examined:
    strange = strangeness(session, router.platform)
    if strange is not None and strange[1]:
        return Examined(gaps=(strange[0],))
    RouterRoutes(session, ROUTERS[router.platform], DEFAULT_TAG, (), neighbour=neighbour).read()
    note = "answers, only read" if neighbour else "its static routes can be read"
    return Examined((), () if strange is None else (strange[0],), note)


def _translator(session: Session, word: str) -> Examined:
    gaps = tuple(f"{session.where}: {gap}" for gap in translators.gaps(session, word))
    return Examined(gaps, note="root, and what it translates outlasts a restart")
