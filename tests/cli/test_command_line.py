"""What holds for every command at the boundary of the process: exit codes, streams, JSON, and never a traceback."""

import json
import os
import pty
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from cli.exit_codes import ExitCode, worst
from cli.main import app
from cli.terminal import knows_unicode
from tests.cli.running import BERTH, EXAMPLES, PLATFORM, SECONDS, berth, complaint, environment, tenant

ESCAPE = "\x1b"


@pytest.fixture
def nobody() -> str:
    """An address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{taken.getsockname()[1]}"


def test_help_tells_every_exit_code(tmp_path: Path) -> None:
    done = berth("--help", folder=tmp_path)
    assert done.returncode == ExitCode.OK
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in lines


def test_numbers_of_exit_codes_stay_what_scripts_know() -> None:
    numbers = {code.name: code.value for code in ExitCode}
    assert numbers == {
        "OK": 0,
        "UNEXPECTED": 1,
        "USAGE": 2,
        "INVALID": 3,
        "REFUSED": 4,
        "NEEDS_OPERATOR": 5,
        "UNREACHABLE": 6,
        "CONFLICT": 7,
        "NOT_FOUND": 8,
        "DETACHED": 130,
    }


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], ExitCode.OK),
        ([ExitCode.OK, ExitCode.CONFLICT], ExitCode.CONFLICT),
        ([ExitCode.REFUSED, ExitCode.NEEDS_OPERATOR, ExitCode.OK], ExitCode.NEEDS_OPERATOR),
    ],
)
def test_the_most_urgent_code_of_several_tenants_wins(codes: list[ExitCode], expected: ExitCode) -> None:
    assert worst(codes) is expected


def test_every_code_has_its_place_in_the_order_of_urgency() -> None:
    for code in ExitCode:
        assert worst([code, ExitCode.OK]) is code


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nosuch"], "No such command 'nosuch'"),
        (["status"], "Missing argument"),
        (["onboard", "--nosuch", "x.yaml"], "No such option: --nosuch"),
        (["resolve", "acme", "perhaps"], "'perhaps'"),
        (["offboard", "Not A Name"], "neither a tenant's name nor a YAML file"),
        (["plan", "missing.yaml"], "cannot read 'missing.yaml'"),
        (["--platform", "missing.yaml", "plan", "tenant.yaml"], "cannot read 'missing.yaml'"),
        (["plan", "--offline", "tenant.yaml"], "no platform's document is known"),
        (["plan", "tenant.yaml"], "no platform's document is known"),
        (["lab", "fault", "add", "explode"], "no fault the lab knows"),
    ],
)
def test_a_wrong_command_line_is_told_in_one_line(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "tenant.yaml").write_text(tenant("acme"))
    done = berth(*arguments, folder=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert told in complaint(done)
    assert done.stdout == ""


def test_wrong_settings_are_told_in_one_line(tmp_path: Path) -> None:
    done = berth("list", folder=tmp_path, variables={"BERTH_LOG_FORMAT": "xml"})
    assert done.returncode == ExitCode.USAGE
    assert "BERTH_LOG_FORMAT" in complaint(done)


@pytest.mark.parametrize("command", [["list"], ["status", "acme"], ["resolve", "acme", "retry"], ["offboard", "acme"]])
def test_without_temporal_a_command_says_where_it_looked(tmp_path: Path, nobody: str, command: list[str]) -> None:
    done = berth("--temporal-address", nobody, *command, "--json", folder=tmp_path)
    assert done.returncode == ExitCode.UNREACHABLE
    assert nobody in complaint(done)
    told = json.loads(done.stdout)
    assert told["error"]["kind"] == "unreachable"
    assert told["error"]["exitCode"] == ExitCode.UNREACHABLE


def test_without_a_lab_its_commands_say_how_to_start_one(tmp_path: Path) -> None:
    done = berth("lab", "env", folder=tmp_path)
    assert done.returncode == ExitCode.UNREACHABLE
    assert "start one with `berth lab`" in complaint(done)


def test_something_unexpected_is_one_line_that_says_how_to_get_the_traceback(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = subprocess.run(
            [BERTH, "schema", "Platform"],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        traced = subprocess.run(
            [BERTH, "--debug", "schema", "Platform"],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    assert told.returncode == traced.returncode == ExitCode.UNEXPECTED
    assert told.stderr.count("\n") == 1
    assert "No space left" in told.stderr
    assert "berth --debug schema Platform" in told.stderr
    assert "Traceback" in traced.stderr


def test_a_reader_who_has_seen_enough_gets_no_traceback(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [BERTH, "schema", "Platform"],
            cwd=tmp_path,
            env=environment(),
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    finally:
        os.close(writing)
    assert done.stderr == ""


def test_json_on_stdout_is_one_document_and_all_else_is_on_stderr(tmp_path: Path) -> None:
    done = berth("--platform", PLATFORM, "plan", "--offline", "--json", EXAMPLES / "acme.yaml", folder=tmp_path)
    assert done.returncode == ExitCode.OK
    (plan,) = json.loads(done.stdout)["plans"]
    assert plan["tenant"] == "acme"
    assert len(plan["hash"]) == 64
    assert {thing["action"] for thing in plan["objects"]} == {"create"}


def test_a_refused_document_names_every_mistake_with_file_and_line(tmp_path: Path) -> None:
    mistakes = EXAMPLES / "mistakes.yaml"
    for_people = berth("--platform", PLATFORM, "onboard", mistakes, folder=tmp_path)
    for_scripts = berth("--platform", PLATFORM, "onboard", mistakes, "--json", folder=tmp_path)
    assert for_people.returncode == for_scripts.returncode == ExitCode.INVALID
    assert "nothing was started" in complaint(for_people)
    listed = json.loads(for_scripts.stdout)["error"]["mistakes"]
    assert len(listed) == 8
    for mistake in listed:
        assert f"{mistakes}:{mistake['line']}: {mistake['path']}" in for_people.stderr
        assert mistake["remedy"] in for_people.stderr
    assert for_people.stdout == ""


def test_documents_are_read_from_stdin(tmp_path: Path) -> None:
    both = tenant("one") + "---\n" + tenant("two")
    done = berth("--platform", PLATFORM, "plan", "--offline", "--json", "-", folder=tmp_path, stdin=both)
    assert [plan["tenant"] for plan in json.loads(done.stdout)["plans"]] == ["one", "two"]


def test_a_pipe_gets_no_colours(tmp_path: Path) -> None:
    done = berth("--platform", PLATFORM, "plan", "--offline", EXAMPLES / "acme.yaml", folder=tmp_path)
    assert "acme--prod" in done.stdout
    assert ESCAPE not in done.stdout + done.stderr


def _on_a_terminal(folder: Path, **variables: str) -> str:
    """What `berth plan` shows on a terminal of 80 columns."""
    ours, theirs = pty.openpty()
    command: list[str | Path] = [BERTH, "--platform", PLATFORM, "plan", "--offline", EXAMPLES / "acme.yaml"]
    variables = {"TERM": "xterm-256color", "COLUMNS": "80", **variables}
    try:
        process = subprocess.Popen(command, cwd=folder, env=environment(**variables), stdout=theirs, stderr=theirs)
    finally:
        os.close(theirs)
    shown = b""
    with process:
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # EIO is how a terminal says that nobody writes to it any more
                break
            if not part:
                break
            shown += part
    os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_a_terminal_gets_colours_unless_no_color_is_set(tmp_path: Path) -> None:
    assert f"{ESCAPE}[32m" in _on_a_terminal(tmp_path)
    plain = _on_a_terminal(tmp_path, NO_COLOR="1")
    assert f"{ESCAPE}[32m" not in plain
    assert "acme--prod" in plain


def test_a_terminal_that_lacks_a_sign_gets_the_result_all_the_same(tmp_path: Path) -> None:
    variables = {"PYTHONIOENCODING": "ascii", "COLUMNS": "24"}
    document = tenant("acme").replace("name: acme", "name: acme\n  description: Jürgen's")
    done = berth(
        *("--platform", PLATFORM, "plan", "--offline", "-"), folder=tmp_path, variables=variables, stdin=document
    )
    assert done.returncode == ExitCode.OK, done.stderr
    assert "~" in done.stdout  # in place of an ellipsis, and as wide
    assert done.stdout.isascii()


@pytest.mark.parametrize(
    ("variables", "knows"),
    [
        ({}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, False),
        ({"LC_ALL": "", "LANG": "de_DE.UTF-8"}, True),
        ({"LC_CTYPE": "C.UTF-8", "LANG": "C"}, False),  # what Python makes of LANG=C
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({"LC_CTYPE": "de_DE.UTF-8", "LANG": "C"}, True),
        ({"LC_CTYPE": "C", "LANG": "de_DE.UTF-8"}, False),
    ],
    ids=str,
)
def test_only_a_locale_that_says_so_knows_no_unicode(variables: dict[str, str], knows: bool) -> None:
    assert knows_unicode(variables) is knows


def test_a_terminal_of_the_c_locale_gets_ascii_only(tmp_path: Path) -> None:
    plain = _on_a_terminal(tmp_path, LC_ALL="C", COLUMNS="24")
    assert plain.isascii()
    assert "~" in plain


def test_a_pipe_gets_no_box_around_the_help_and_colours_only_where_they_are_forced(tmp_path: Path) -> None:
    shown = berth("status", "--help", folder=tmp_path)
    assert "--tree" in shown.stdout
    assert not [letter for letter in shown.stdout if "\u2500" <= letter <= "\u257f"]
    assert ESCAPE not in shown.stdout
    plan = ("--platform", PLATFORM, "plan", "--offline", EXAMPLES / "acme.yaml")
    forced = berth(*plan, folder=tmp_path, variables={"FORCE_COLOR": "1", "TERM": "xterm"})
    assert f"{ESCAPE}[32m" in forced.stdout


def test_the_shell_completes_commands(tmp_path: Path) -> None:
    variables = {"_BERTH_COMPLETE": "complete_bash", "COMP_WORDS": "berth on", "COMP_CWORD": "1"}
    done = berth(folder=tmp_path, variables=variables)
    assert done.stdout.split() == ["onboard"]


def test_schema_prints_the_schema_of_both_kinds(tmp_path: Path) -> None:
    for kind in ("TenantNetwork", "Platform"):
        printed = json.loads(berth("schema", kind, folder=tmp_path).stdout)
        assert printed["properties"]["kind"]["const"] == kind


def test_every_command_with_a_result_takes_json() -> None:
    def commands(group: Any, path: str) -> Iterator[tuple[str, Any]]:
        for name, command in group.commands.items():
            yield f"{path} {name}".strip(), command
            if hasattr(command, "commands"):
                yield from commands(command, f"{path} {name}".strip())

    found = dict(commands(typer.main.get_command(app), ""))
    without = {
        name for name, command in found.items() if "--json" not in {text for one in command.params for text in one.opts}
    }
    # A worker, a demo and the lab's platform run and have no result; `lab fault` and `lab device` are groups.
    assert without == {"worker", "demo", "lab platform", "lab fault", "lab device"}
    assert "lab fault clear" in found
