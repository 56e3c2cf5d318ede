"""Faults of a simulated switch that can be switched on while it runs."""

import re
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from lab.active_faults import ActiveFaults

LineEffect = Literal["drop", "lose-answer", "hang", "slow", "error", "ignore", "syslog", "reload"]
OtherEffect = Literal[
    "refuse", "no-banner", "no-session", "deny-login", "deny-enable", "change-host-key", "deny-save", "fail-commit"
]


def _regex(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}") from error
    return text


class Fault(BaseModel):
    """One way a switch misbehaves.

    Towards a line of a client that `line`, a regular expression, is found in: `drop` cuts the connection before the line
    takes effect, `lose-answer` after; `hang` never answers, and does nothing; `slow` waits `seconds` first; `error`
    answers `message` and does nothing; `ignore` takes the line and does nothing; `syslog` puts `message` in the middle of
    the answer; `reload` restarts the switch before the line takes effect. For one that strikes while a switch saves, name
    the line that saves.

    Towards a save or a commit: `deny-save` refuses it, `fail-commit` fails a commit (with `line` "check", only its check),
    with `message` or the dialect's own words.

    Towards a connection: `refuse` lets nobody connect (until removed); `no-banner` cuts a new connection at once;
    `no-session` has no terminal line left; `deny-login` takes no password and no key; `deny-enable` no enable secret
    (with a `message`, such as "% Error in authentication.", at once instead of asking three times);
    `change-host-key` shows another host key (until removed).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    effect: LineEffect | OtherEffect
    line: Annotated[str, AfterValidator(_regex)] = r"\S"
    times: int | None = Field(default=None, ge=1, description="how often it strikes; without it, until removed")
    skip: int = Field(default=0, ge=0, description="how many times it passes first")
    seconds: float = Field(default=1.0, ge=0)
    message: str = ""


class Faults(ActiveFaults[Fault]):
    """The faults of one switch that are switched on now."""

    def __init__(self) -> None:
        super().__init__(Fault)

    def on_line(self, line: str) -> Fault | None:
        """The fault that strikes this line, if any."""
        effects = get_args(LineEffect)
        return self.first(lambda fault: fault.effect in effects and re.search(fault.line, line) is not None)

    def on(self, effect: OtherEffect, line: str = "any") -> Fault | None:
        """The fault of one effect that strikes now, if any."""
        return self.first(lambda fault: fault.effect == effect and re.search(fault.line, line) is not None)

    def lasting(self, effect: OtherEffect) -> bool:
        """Whether a fault is switched on that lasts until it is removed."""
        return self.holds(lambda fault: fault.effect == effect)
