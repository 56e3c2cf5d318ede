"""Notices through Apprise: mail, Slack, Teams, a webhook and a hundred other services, each named by one URL.

The URL holds the token or the password, so it is in no message, log or repr of ours; a place is named by its number.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

LONGEST_WAIT = 30.0
"""Seconds for one place. Apprise waits 4 s for a connection and 4 s for an answer, of each request it makes."""
TALKATIVE = ("apprise", "urllib3", "requests", "paho", "slixmpp")
"""Loggers of Apprise, and of what it sends with: they write down URLs, also where nothing is wrong."""


@dataclass(frozen=True)
class Place:
    """Where a notice goes."""

    number: int
    """Its place in the platform document's list, counted from 1."""
    where: str
    """Where its URL is kept, which may be told."""
    url: str = field(repr=False)


async def send(places: Sequence[Place], title: str, body: str) -> list[str]:
    """Sends to every place at once; what failed, a line each, empty where nothing did."""
    told = await asyncio.gather(*(_send(place, title, body) for place in places))
    return [line for line in told if line is not None]


def hold_down() -> None:
    """Silences what Apprise and its libraries log, down to the last child: it says URLs in full."""
    for name in TALKATIVE:
        # For those of its children that are still to come.
        logging.getLogger(name).propagate = False
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.split(".", 1)[0] in TALKATIVE and isinstance(logger, logging.Logger):
            logger.disabled = True


async def _send(place: Place, title: str, body: str) -> str | None:
    name = f"notify entry {place.number} ({place.where})"
    # Its hundred and thirty plugins take a second to load, which only workers that have somebody to tell should spend.
    import apprise

    hold_down()
    sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="Berth", app_desc="Berth", secure_logging=True))
    try:
        if not sender.add(place.url) or len(sender) != 1:
            return f"{name}: holds no URL that Apprise knows: see https://appriseit.com/services/"
        hold_down()  # once more, because its plugins are loaded by now
        async with asyncio.timeout(LONGEST_WAIT):
            taken = await sender.async_notify(body=body, title=title, body_format=apprise.NotifyFormat.TEXT)
    except TimeoutError:
        return f"{name}: did not take the notice within {LONGEST_WAIT:g} s"
    # Whatever it is, it may hold the URL; and no notice is worth a run.
    except Exception as error:
        return f"{name}: {type(error).__name__} while sending"
    return None if taken else f"{name}: did not take the notice: is the service up, and the token still good?"
