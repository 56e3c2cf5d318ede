"""The SSH libraries' loggers are held back, and what they or a switch might still say of a secret is masked."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from clients.errors import RefusedError, UnavailableError
from tenancy.devices import DeviceOutcome

LOGGERS = ("netmiko", "paramiko", "paramiko.transport")


def without(secrets: Sequence[str], text: str) -> str:
    """The text with stars in place of each secret."""
    for secret in secrets:
        text = text.replace(secret, "********")
    return text


def told_without(secrets: Sequence[str], outcome: DeviceOutcome) -> DeviceOutcome:
    """An outcome that quotes the switch's words, which may repeat what the switch was told."""
    message = without(secrets, outcome.message)
    return outcome if message == outcome.message else outcome.model_copy(update={"message": message})


@contextmanager
def errors_without(secrets: Sequence[str]) -> Iterator[None]:
    """Errors raised inside come out as they are, or, where they or their causes hold a secret, masked and without causes."""
    try:
        yield
    except (RefusedError, UnavailableError) as error:
        if all(without(secrets, text) == text for text in _texts(error)):
            raise
        message = without(secrets, str(error))
        if isinstance(error, RefusedError):
            raise RefusedError(message, reason=error.reason) from None
        raise UnavailableError(message, retry_after=error.retry_after) from None


def _texts(error: BaseException | None) -> Iterator[str]:
    while error is not None:
        yield str(error)
        error = error.__cause__ or error.__context__


class _Mask(logging.Filter):
    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = without(self._secrets, text)
        if masked != text:
            record.msg, record.args = masked, ()
        return True


@contextmanager
def masked(secrets: Sequence[str]) -> Iterator[None]:
    """While inside, Netmiko and Paramiko say nothing below a warning, and no secret at all.

    At DEBUG they write every line that is sent and received.
    """
    mask = _Mask(secrets)
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(mask)
    try:
        yield
    finally:
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(mask)
