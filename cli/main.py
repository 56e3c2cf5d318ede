"""The `berth` command: its commands, its global options, and the boundary no exception crosses as a traceback."""

import functools
import os
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.box import Box
from rich.panel import Panel

from cli import (
    commands_approve,
    commands_audit,
    commands_change,
    commands_deployments,
    commands_devices,
    commands_doctor,
    commands_documents,
    commands_health,
    commands_lab,
    commands_lab_platform,
    commands_look,
    commands_watch,
    demo,
)
from cli.errors import CommandError
from cli.exit_codes import ExitCode, epilog
from cli.report import complain
from cli.session import Session
from cli.terminal import say, set_up_streams, show_json

app = typer.Typer(
    name="berth",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=epilog(),
    context_settings={"help_option_names": ["-h", "--help"]},
)
TENANTS, APPROVALS, DOCUMENTS, SERVICES = "Tenants", "Approvals", "Documents", "Services"
app.command("onboard", rich_help_panel=TENANTS)(commands_change.onboard)
app.command("status", rich_help_panel=TENANTS)(commands_look.status)
app.command("list", rich_help_panel=TENANTS)(commands_look.list_tenants)
app.command("watch", rich_help_panel=TENANTS)(commands_watch.watch)
app.command("resolve", rich_help_panel=TENANTS)(commands_change.resolve)
app.command("offboard", rich_help_panel=TENANTS)(commands_change.offboard)
app.command("approvals", rich_help_panel=APPROVALS)(commands_approve.approvals)
app.command("approve", rich_help_panel=APPROVALS)(commands_approve.approve)
app.command("reject", rich_help_panel=APPROVALS)(commands_approve.reject)
app.command("plan", rich_help_panel=DOCUMENTS)(commands_documents.plan_tenants)
app.command("schema", rich_help_panel=DOCUMENTS)(commands_documents.schema)
app.command("setup", rich_help_panel=SERVICES)(commands_audit.setup)
app.command("audit", rich_help_panel=SERVICES)(commands_audit.audit)
app.command("doctor", rich_help_panel=SERVICES)(commands_doctor.doctor)
app.command("worker", rich_help_panel=SERVICES)(commands_lab.worker)
app.command("health", rich_help_panel=SERVICES)(commands_health.health)
app.add_typer(commands_deployments.app, name="deployments", rich_help_panel=SERVICES)
app.add_typer(commands_lab.app, name="lab", rich_help_panel=SERVICES)
commands_lab.app.command("platform")(commands_lab_platform.platform)
commands_lab.app.add_typer(commands_devices.app, name="device")
app.command("demo", rich_help_panel=SERVICES)(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"berth {version('berth')}")
        raise typer.Exit


@app.callback()
def berth(
    context: typer.Context,
    temporal_address: Annotated[str | None, typer.Option(help="host:port of Temporal.")] = None,
    temporal_namespace: Annotated[str | None, typer.Option(help="Temporal's namespace.")] = None,
    temporal_profile: Annotated[str | None, typer.Option(help="A profile of Temporal's own configuration.")] = None,
    kubeconfig: Annotated[Path | None, typer.Option(help="How to reach the Kubernetes API.")] = None,
    platform: Annotated[Path | None, typer.Option(help="The platform's document.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of what went wrong.")] = False,
    _: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version.")] = False,
) -> None:
    """Give a tenant its place on the network of a shared Kubernetes platform, and take it back, durably."""
    said: dict[str, Any] = {
        "temporal_address": temporal_address,
        "temporal_namespace": temporal_namespace,
        "temporal_profile": temporal_profile,
        "kubeconfig": kubeconfig,
        "platform": platform,
    }
    context.obj = Session({name: value for name, value in said.items() if value is not None})


def main() -> NoReturn:
    """Entry point."""
    # A stream the shell closed (`>&-`) is None, which nothing below reckons with.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115  # open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    set_up_streams()
    arguments = sys.argv[1:]
    if not sys.stdout.isatty() and (not arguments or {"-h", "--help"} & set(arguments)):
        _help_without_boxes()
    code = run(arguments)
    if _flush() is not None:
        code = code or ExitCode.UNEXPECTED
    sys.stderr.flush()
    # Threads of Temporal's SDK outlive its client, and may touch the interpreter while it is taken down: of one in four
    # commands the end was SIGABRT. All is written and closed here, so the process can leave without being taken down.
    os._exit(code)


def _help_without_boxes() -> None:
    """Has Typer draw no lines around its help, which a pipe is not to get."""
    # It takes a twentieth of a second to load, which only help has to spend.
    from typer import rich_utils

    nothing = Box("    \n" * 8)
    vars(rich_utils)["Panel"] = functools.partial(Panel, box=nothing)  # it has no setting for it


def run(arguments: Sequence[str]) -> int:
    """Runs one command; returns its exit code. Whatever goes wrong is told in one line on stderr.

    With --json a command that cannot do what it was asked prints `{"error": ...}` on stdout, where scripts look.
    """
    debug = "--debug" in arguments or os.environ.get("BERTH_DEBUG", "") not in ("", "0")
    try:
        answer = app(arguments, prog_name="berth", standalone_mode=False)
        if (failed := _flush()) is not None:
            raise failed
    except CommandError as error:
        if debug:
            traceback.print_exc()
        complain(error)
        if "--json" in arguments:
            show_json(error.plain())
        return error.code
    except typer.TyperException as error:
        return _usage(error, json="--json" in arguments)
    except BrokenPipeError:
        return ExitCode.OK  # whoever read it has seen enough
    except Exception as error:
        if debug:
            traceback.print_exc()
        again = "" if debug else f"; for the traceback: berth --debug {' '.join(arguments)}"
        defect = CommandError(ExitCode.UNEXPECTED, f"unexpected {type(error).__name__}: {error}{again}")
        complain(defect)
        if "--json" in arguments:
            show_json(defect.plain())
        return ExitCode.UNEXPECTED
    return answer if isinstance(answer, int) else ExitCode.OK


def _flush() -> OSError | None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return None  # whoever read it has seen enough
    except OSError as error:
        return error
    return None


def _usage(error: typer.TyperException, *, json: bool) -> int:
    context: typer.Context | None = getattr(error, "ctx", None)
    message = error.format_message()
    if message:  # empty where the help was printed already
        told = f"{message.rstrip('.')}: see `{context.command_path if context else 'berth'} --help`"
        say(f"berth: {told}")
        if json:
            show_json(CommandError(ExitCode.USAGE, told).plain())
    return error.exit_code


if __name__ == "__main__":
    main()
