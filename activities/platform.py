"""The platform's document as the worker has it: read again for each run, so that a change needs no restart."""

from pathlib import Path

from clients.errors import UnavailableError
from tenancy.documents import read_platform
from tenancy.mistakes import InvalidDocumentError, shown
from tenancy.platform import Platform
from tenancy.yaml_text import read_yaml


def read_platform_file(path: Path) -> Platform:
    """The platform document in a YAML file.

    Raises UnavailableError where it cannot be read or is wrong: a run waits until an operator has mended it, because no
    tenant's document is at fault.
    """
    try:
        texts = read_yaml(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UnavailableError(
            f"platform document {shown(str(path))} cannot be read ({error}): set BERTH_PLATFORM to a readable file"
        ) from error
    except InvalidDocumentError as error:
        raise UnavailableError(f"{error}: mend the platform document") from error
    if len(texts) != 1:
        raise UnavailableError(f"platform document {path} holds {len(texts)} YAML documents: it must hold exactly one")
    try:
        return read_platform(texts[0].data)
    except InvalidDocumentError as error:
        raise UnavailableError(f"{texts[0].placed(error, str(path))}: mend the platform document") from error
