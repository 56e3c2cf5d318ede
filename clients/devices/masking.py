"""The SSH libraries' loggers are held back, and what they might still say of a secret is masked."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

LOGGERS = ("netmiko", "paramiko", "paramiko.transport")


class _Mask(logging.Filter):
    def __init__(self, secrets: Sequence[str]) -> None:
        super().__init__()
        self._secrets = secrets

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = text
        for secret in self._secrets:
            masked = masked.replace(secret, "********")
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
