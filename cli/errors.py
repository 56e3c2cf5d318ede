"""The one way a command gives up: a line for a person, and the exit code for a script."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cli.exit_codes import ExitCode
from tenancy.mistakes import Mistake
from workers.settings import ConfigurationError, UnreachableError


@dataclass(frozen=True)
class Finding:
    """A mistake, and the file it stands in; None for a document that a run refused, which knows no file."""

    file: str | None
    mistake: Mistake

    def __str__(self) -> str:
        """One line that starts as compilers do, `acme.yaml:12: `, so that editors and terminals can follow it."""
        if self.file is None:
            return str(self.mistake)
        place = self.file if self.mistake.line is None else f"{self.file}:{self.mistake.line}"
        return f"{place}: {self.mistake.model_copy(update={'line': None})}"

    def plain(self) -> dict[str, Any]:
        """As JSON says it."""
        return {"file": self.file, **self.mistake.model_dump(mode="json")}


def counted(findings: Sequence[Finding]) -> str:
    """How many mistakes there are, in words."""
    return "1 mistake" if len(findings) == 1 else f"{len(findings)} mistakes"


def configuration_failure(error: ConfigurationError) -> "CommandError":
    """How a command gives up because of its settings, or because what they name does not answer."""
    code = ExitCode.UNREACHABLE if isinstance(error, UnreachableError) else ExitCode.USAGE
    return CommandError(code, str(error))


class CommandError(Exception):
    """A command cannot do what it was asked.

    The message is one line. `findings` are the mistakes of refused documents, each of which gets a line of its own.
    """

    def __init__(self, code: ExitCode, message: str, *, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.findings = tuple(findings)

    def plain(self) -> dict[str, Any]:
        """As JSON says it."""
        return {
            "error": {
                "kind": self.code.name.lower().replace("_", "-"),
                "exitCode": int(self.code),
                "message": self.message,
                **({"mistakes": [finding.plain() for finding in self.findings]} if self.findings else {}),
            }
        }
