"""What `berth` tells a script by its exit code."""

from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes; part of the command line's face, so their numbers stay."""

    meaning: str

    def __new__(cls, number: int, meaning: str) -> "ExitCode":
        """A number and what it means, for people."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        return code

    OK = 0, "done"
    UNEXPECTED = 1, "a defect of berth itself; berth --debug shows where"
    USAGE = 2, "the command line or the configuration is wrong"
    INVALID = 3, "a document is invalid; nothing was started"
    REFUSED = 4, "refused: a run undid all it did, an offboarding says what is still there"
    NEEDS_OPERATOR = 5, "an operator must decide (berth resolve), or left something behind"
    UNREACHABLE = 6, "Temporal, the Kubernetes API or a worker does not answer"
    CONFLICT = 7, "another run of this tenant is under way"
    NOT_FOUND = 8, "there is no such thing: no run of that tenant, no fault of that number"
    DETACHED = 130, "interrupted by Ctrl-C; a run that was started goes on"


WORST_FIRST = (
    ExitCode.UNEXPECTED,
    ExitCode.NEEDS_OPERATOR,
    ExitCode.UNREACHABLE,
    ExitCode.REFUSED,
    ExitCode.CONFLICT,
    ExitCode.INVALID,
    ExitCode.NOT_FOUND,
    ExitCode.USAGE,
    ExitCode.DETACHED,
    ExitCode.OK,
)
"""Which code a command on several tenants ends with: the one a person has to look at first."""


def worst(codes: Iterable[ExitCode]) -> ExitCode:
    """The most urgent of several codes; OK where there are none."""
    return min(codes, key=WORST_FIRST.index, default=ExitCode.OK)


def epilog() -> str:
    """The table at the end of `berth --help`."""
    return "\n".join(["[bold]Exit codes[/bold]", *(f"{code.value:>5}  {code.meaning}" for code in ExitCode)])
