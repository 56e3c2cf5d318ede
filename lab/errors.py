"""What the lab cannot do, said to a person."""

_SHOWN = 240


class LabError(Exception):
    """The lab cannot do what was asked; the message is one line and says what to do next."""


def quoted(text: str) -> str:
    """Text from outside, cut to 240 characters and without control characters, to stand inside a message."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
