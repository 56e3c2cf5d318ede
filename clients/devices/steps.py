"""What is sent for one request, piece by piece, each with the way back."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """Lines that belong together, from the top of the configuration and back to it, and the lines that undo them."""

    lines: tuple[str, ...]
    inverse: tuple[str, ...]


def lines_of(steps: Sequence[Step]) -> tuple[str, ...]:
    """All the lines, in order."""
    return tuple(line for step in steps for line in step.lines)
