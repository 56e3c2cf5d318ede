"""Two pages of the documentation, made from what they are about: every command, and every code of an error."""

from collections.abc import Iterator, Mapping
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from cli.exit_codes import ExitCode
from cli.main import app
from tenancy.refusals import ADDRESSES, DEVICES, PLATFORM, Refusal
from workflows.face import INVALID_DOCUMENT, LEFT_BEHIND, REFUSED

FAILURES: Mapping[str, tuple[str, ExitCode]] = {
    INVALID_DOCUMENT: ("the document is refused, nothing was done; the details are its mistakes", ExitCode.INVALID),
    REFUSED: ("the run could not go on, and has undone everything it did; an offboarding stopped", ExitCode.REFUSED),
    LEFT_BEHIND: ("an operator told it to leave something; the details name what", ExitCode.NEEDS_OPERATOR),
}
"""By the type of a run's failure: what it means, and the exit code of a command that follows the run."""


def cli_reference() -> str:
    """Markdown: every command with its arguments and options, and the exit codes."""
    root = typer.main.get_command(app)
    lines = [
        "# The command line",
        "",
        "<!-- Made by `make docs` from cli/: change that, not this page. -->",
        "",
        "Every command says the same with `--help`. What is for people goes to stdout, and what tells of progress to stderr;",
        'with `--json` one JSON document is all there is on stdout, `{"error": {...}}` where the command failed.',
        "",
        "## Exit codes",
        "",
        "| code | `error.kind` | meaning |",
        "|---|---|---|",
        f"| {int(ExitCode.OK)} | | {ExitCode.OK.meaning} |",
        *(f"| {int(code)} | `{code.name.lower().replace('_', '-')}` | {code.meaning} |" for code in ExitCode if code),
        "",
        "Of several tenants a command ends with the code that a person has to look at first.",
        "",
        "## berth",
        "",
        "These come before the command: `berth --platform platform.yaml plan acme.yaml`. Most have a",
        "[setting](settings.md) as well.",
        *_parameters(root),
    ]
    for name, command in _leaves(root, "berth"):
        lines += ["", f"## {name}", "", _text(command.help), *_parameters(command)]
    return "\n".join(lines) + "\n"


def errors_reference() -> str:
    """Markdown: what a run fails with, and every code a step is refused with."""
    lines = [
        "# Errors and their codes",
        "",
        "<!-- Made by `make docs` from tenancy/refusals.py and cli/: change those, not this page. -->",
        "",
        "A message names the object, the value, what was expected and what to do. Beside it stands a code, which stays the same:",
        "the exit code of `berth`, the type of a run's failure in Temporal, and the type of a step's.",
        "",
        "## What a run ends with",
        "",
        "| type of the failure | meaning | exit code |",
        "|---|---|---|",
        *(f"| `{kind}` | {meaning} | {int(code)} |" for kind, (meaning, code) in FAILURES.items()),
        f"| cancelled | undone, or stopped between two removals | {int(ExitCode.REFUSED)} |",
        f"| terminated, timed out | Temporal gave it no chance to undo anything | {int(ExitCode.NEEDS_OPERATOR)} |",
        "",
        "## What a step is tried again for",
        "",
        "`Unavailable`: worth another try, for ever, and the reason stands beside the step.",
        "`WorkerStopped`: another worker goes on.",
        "",
        "## What a step is refused with",
        "",
        "Trying again changes nothing: the run is undone, or, where it takes something away, it waits for an operator.",
    ]
    for title, part in (
        ("On the platform", PLATFORM),
        ("VLAN IDs and public addresses", ADDRESSES),
        ("On switches, routers and translators", DEVICES),
    ):
        lines += ["", f"### {title}", "", "| code | meaning | what to do |", "|---|---|---|", *_codes(part)]
    return "\n".join(lines) + "\n"


def _codes(part: Mapping[str, Refusal]) -> Iterator[str]:
    for code, refusal in part.items():
        yield f"| `{code}` | {refusal.meaning} | {refusal.remedy} |"


def _leaves(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, in the order of the help."""
    if not isinstance(command, TyperGroup):
        yield name, command
        return
    if command.invoke_without_command and name != "berth":
        yield name, command
    for below, inner in command.commands.items():
        yield from _leaves(inner, f"{name} {below}")


def _parameters(command: Any) -> Iterator[str]:
    shown = [one for one in command.params if not one.hidden]
    if shown:
        yield from ("", "| | default | meaning |", "|---|---|---|")
    context = typer.Context(command)
    for one in shown:
        yield f"| {_name(one, context)} | {_default(one)} | {_text(one.help)} |"


def _name(one: TyperArgument | TyperOption, context: typer.Context) -> str:
    value = _text(one.metavar or one.display_type(context))
    if isinstance(one, TyperArgument):
        return f"`{value}`" if one.metavar else f"`{str(one.name).upper()}` `{value}`"
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    return names if one.is_flag else f"{names} `{value}`"


def _default(one: TyperArgument | TyperOption) -> str:
    if one.required:
        return "needed"
    if isinstance(one.show_default, str):
        return one.show_default
    if isinstance(one, TyperOption) and one.is_flag:
        return f"`{one.opts[0]}`" if one.default is True else ""
    return "" if one.default is None or callable(one.default) else f"`{one.default}`"


def _text(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
