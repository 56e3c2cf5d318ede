"""The doctor's look at what is written down: the platform's document, and the files it and the settings name."""

from collections.abc import Callable, Iterator

from activities.platform import read_allowed_signers, read_edge_signers, read_platform_file
from clients.errors import RefusedError, UnavailableError
from clients.secrets import ReadSecret, secret_value, where_is
from tenancy.edge import ByEdgeTeam
from tenancy.mistakes import InvalidDocumentError
from tenancy.platform import Platform, devices_of
from tenancy.signatures import without_a_key
from tenancy.switches import SecretReference
from tenancy.vlans import ApprovalRules
from workers.doctor.findings import Area, Finding, findings
from workers.settings import Settings

AREA = Area.CONFIGURATION
DOCUMENT = "platform document"


def settings_in_force(settings: Settings) -> Finding:
    """Which settings were given; that they can be used at all, their reader has seen to."""
    given = ", ".join(sorted(settings.model_fields_set)) or "none"
    return Finding(
        area=AREA, subject="settings", state="passed", message=f"given: {given}; the others have their defaults"
    )


def platform_document(settings: Settings) -> tuple[Platform | None, list[Finding]]:
    """The document, and what was found of it: every mistake for itself."""
    try:
        platform = read_platform_file(settings.platform)
    except UnavailableError as error:
        return None, findings(AREA, DOCUMENT, gaps=_mistakes(error, str(settings.platform)), well="")
    count = len(devices_of(platform))
    well = f"{settings.platform}: {platform.metadata.name}, mode {platform.spec.mode}, {count} devices"
    return platform, findings(AREA, DOCUMENT, gaps=(), well=well)


def _mistakes(error: UnavailableError, file: str) -> list[str]:
    cause = error.__cause__
    if not isinstance(cause, InvalidDocumentError):
        return [str(error)]
    return [
        f"{file}{'' if one.line is None else f':{one.line}'}: {one.model_copy(update={'line': None})}"
        for one in cause.mistakes
    ]


async def files_named(platform: Platform, read_secret: ReadSecret) -> list[Finding]:
    """Whether that can be read which the document names for people's decisions: keys, and where they are told."""
    found: list[Finding] = []
    for rules, where, read in _decisions(platform):
        if rules.allowed_signers is not None:
            found += _signers(platform, rules, where, read)
        for reference in rules.notify:
            found.append(await _place(reference, where, read_secret))
    return found


def _decisions(platform: Platform) -> Iterator[tuple[ApprovalRules, str, Callable[[Platform], str]]]:
    """The rules for people's decisions, where they stand, and what reads their allowed signers."""
    if platform.spec.vlan is not None:
        yield platform.spec.vlan.approval, "spec.vlan.approval", read_allowed_signers
    if isinstance(platform.spec.announce, ByEdgeTeam):
        yield platform.spec.announce.approval, "spec.announce.approval", read_edge_signers


def known_hosts(settings: Settings, platform: Platform) -> Finding | None:
    """Whether the file with the devices' host keys can be read; None where there are no devices."""
    file = settings.known_hosts
    if not devices_of(platform):
        return None
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        message = (
            f"{file} cannot be read ({why}), so no device is trusted: run `berth doctor --trust-hosts` with the"
            " devices' fingerprints at hand, or correct BERTH_KNOWN_HOSTS"
        )
        return Finding(area=AREA, subject="known hosts", state="failed", message=message)
    keys = sum(bool(line.strip()) and not line.startswith("#") for line in text.split("\n"))
    return Finding(area=AREA, subject="known hosts", state="passed", message=f"{file}: {keys} keys")


def _signers(platform: Platform, rules: ApprovalRules, where: str, read: Callable[[Platform], str]) -> list[Finding]:
    try:
        missing = without_a_key(rules.approvers, read(platform))
        gaps = [f"{rules.allowed_signers} lists no key of {name}, who can sign nothing: add a line" for name in missing]
    except UnavailableError as error:
        gaps = [str(error)]
    except ValueError as error:
        gaps = [f"{rules.allowed_signers}: {error}: correct it, or no decision counts"]
    return findings(AREA, f"allowed signers ({where})", gaps=gaps, well=f"keys of all {len(rules.approvers)} approvers")


async def _place(reference: SecretReference, where: str, read_secret: ReadSecret) -> Finding:
    """Whether a place to notify is told; whether anybody hears there, only a message would show."""
    try:
        await secret_value(reference, read_secret)
        gaps = []
    except (UnavailableError, RefusedError) as error:
        gaps = [f"{error} (nobody is told there of what waits for a decision)"]
    return findings(AREA, f"notifications ({where})", gaps=gaps, well=f"their place is in {where_is(reference)}")[0]
