"""What people read in the Temporal UI of an approval that waits: who must act, how, and the exact lines."""

from collections.abc import Iterator

from tenancy.approval import Preview
from tenancy.mistakes import shown
from workflows.board import cell
from workflows.face import ApprovalStatus, RefusedDecision

MOST_LINES = 200
"""Configuration lines in the details: more are no longer read there, and each change of a step sends them anew."""


def details(status: ApprovalStatus) -> list[str]:
    """Markdown for the board. Empty where nothing waits and nothing was refused."""
    return [*(_waits(status, status.preview) if status.preview else ()), *map(_refused, status.refused)]


def _waits(status: ApprovalStatus, preview: Preview) -> Iterator[str]:
    if status.state != "waiting" or status.since is None or status.expires is None:
        return
    who = ", ".join(cell(name) for name in status.approvers)
    vlan, key = " --vlan ID" if preview.by_hand else "", " --key FILE" if status.signed else ""
    yield ""
    yield f"**WAITS FOR APPROVAL** of VLAN {preview.vlan} by one of: {who}"
    yield f"Since {status.since:%Y-%m-%d %H:%M} UTC, undone at {status.expires:%Y-%m-%d %H:%M} UTC unless decided"
    if status.notice:
        yield f"Not everybody could be notified: {cell(status.notice)}"
    yield ""
    yield f"`berth approve {preview.tenant} --plan {status.plan}{vlan}{key}`"
    yield ""
    yield f"`berth reject {preview.tenant} --plan {status.plan}{key} --reason ...`"
    left = MOST_LINES
    sends = "by hand" if preview.by_hand else "by Berth"
    for switch in preview.switches:
        yield from ("", f"Switch {cell(switch.switch)}, {len(switch.lines)} lines, sent {sends}:", "", "```")
        yield from (_verbatim(line) for line in switch.lines[:left])
        yield "```"
        left = max(0, left - len(switch.lines))
    if (more := sum(len(switch.lines) for switch in preview.switches) - MOST_LINES) > 0:
        yield f"and {more} lines more: `berth approve {preview.tenant}` shows all of them"


def _refused(one: RefusedDecision) -> str:
    return f"\nRefused: {one.word} by {cell(one.by)} at {one.at:%H:%M:%S}: {cell(one.reason)}"


def _verbatim(line: str) -> str:
    """A line inside a block of code, which no text from outside may end."""
    printable = line if line.isprintable() else shown(line)
    return printable.replace("`", "'")
