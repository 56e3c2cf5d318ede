"""The doctor's findings for people: grouped by area, one line each, and in the end how many there are of each kind."""

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.terminal import clean, show, stdout
from workers.doctor.findings import Finding, State

STYLES: Mapping[State, str] = {"passed": "green", "warned": "yellow", "failed": "bold red", "skipped": "dim"}


def counts(found: Sequence[Finding]) -> dict[State, int]:
    """How many findings there are of each state, the states without any included."""
    seen = Counter(finding.state for finding in found)
    return {state: seen[state] for state in STYLES}


def show_findings(found: Sequence[Finding]) -> None:
    """On stdout. A line is folded in a terminal only: a log, and grep, want it whole."""
    for area in dict.fromkeys(finding.area for finding in found):
        show(Text(area.capitalize(), style="bold"))
        here = [finding for finding in found if finding.area is area]
        if stdout().is_terminal:
            show(Padding(_table(here), (0, 0, 1, 2)))
        else:
            for finding in here:
                stdout().print(_line(finding), soft_wrap=True)
    show(Text(", ".join(f"{number} {state}" for state, number in counts(found).items() if number)))


def _table(found: Sequence[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in found:
        table.add_row(Text(finding.state, style=STYLES[finding.state]), clean(_said(finding)))
    return table


def _line(finding: Finding) -> Text:
    return clean(f"{finding.state}  {_said(finding)}", STYLES[finding.state])


def _said(finding: Finding) -> str:
    # Errors of the devices begin with what the finding is about: once is enough.
    if finding.message.startswith(finding.subject):
        return finding.message
    return f"{finding.subject}: {finding.message}"
