"""The platform's document as the worker has it: read again for each run, so that a change needs no restart."""

import functools
from pathlib import Path

from clients.errors import UnavailableError
from tenancy.documents import read_platform
from tenancy.edge import ByEdgeTeam
from tenancy.mistakes import InvalidDocumentError, shown
from tenancy.platform import Platform
from tenancy.vlans import ApprovalRules
from tenancy.yaml_text import read_yaml

LARGEST_SIGNERS = 65536
"""Bytes of an allowed-signers file; it is kept in the history of every run."""


def read_allowed_signers(platform: Platform) -> str:
    """The text of the file with the network team's keys; nothing where decisions are not signed.

    Raises UnavailableError where it cannot be read: a run waits until an operator has mended that.
    """
    return _signers(platform.spec.vlan.approval if platform.spec.vlan else None, "spec.vlan.approval")


def read_edge_signers(platform: Platform) -> str:
    """The same of the edge team's keys."""
    announce = platform.spec.announce
    return _signers(announce.approval if isinstance(announce, ByEdgeTeam) else None, "spec.announce.approval")


def _signers(rules: ApprovalRules | None, where: str) -> str:
    path = rules.allowed_signers if rules is not None else None
    if path is None:
        return ""
    try:
        data = Path(path).read_bytes()
        if len(data) > LARGEST_SIGNERS:
            raise UnavailableError(
                f"allowed-signers file {path} has {len(data)} bytes: {LARGEST_SIGNERS} at the most, keep approvers only"
            )
        return data.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(
            f"allowed-signers file {path} cannot be read ({error}): make it readable for the worker, or correct"
            f" {where}.allowedSigners"
        ) from error


def read_platform_file(path: Path) -> Platform:
    """The platform document in a YAML file.

    Raises UnavailableError where it cannot be read or is wrong: a run waits until an operator has mended it, because no
    tenant's document is at fault.
    """
    try:
        return _platform(path.read_text(encoding="utf-8"), path)
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(
            f"platform document {shown(str(path))} cannot be read ({error}): set BERTH_PLATFORM to a readable file"
        ) from error


# Every step on a device asks for the document, which takes 20 ms of CPU to parse and is nearly always the same text.
@functools.lru_cache(maxsize=8)
def _platform(text: str, path: Path) -> Platform:
    try:
        texts = read_yaml(text, str(path))
    except InvalidDocumentError as error:
        raise UnavailableError(f"{error}: mend the platform document") from error
    if len(texts) != 1:
        raise UnavailableError(f"platform document {path} holds {len(texts)} YAML documents: it must hold exactly one")
    try:
        return read_platform(texts[0].data)
    except InvalidDocumentError as error:
        placed = texts[0].placed(error, str(path))
        raise UnavailableError(f"{placed}: mend the platform document") from placed
