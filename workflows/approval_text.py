"""What people read in the Temporal UI of an approval that waits: who must act, how, and the exact lines."""

from collections.abc import Iterator, Sequence

from tenancy.approval import AnyPreview, Preview, subject
from tenancy.mistakes import shown
from workflows.board import cell
from workflows.face import ApprovalStatus, RefusedDecision

MOST_LINES = 200
"""Configuration lines in the details: more are no longer read there, and each change of a step sends them anew."""


def details(status: ApprovalStatus) -> list[str]:
    """Markdown for the board. Empty where nothing waits and nothing was refused."""
    return [*(_waits(status, status.preview) if status.preview else ()), *map(_refused, status.refused)]


def _waits(status: ApprovalStatus, preview: AnyPreview) -> Iterator[str]:
    if status.state != "waiting" or status.since is None or status.expires is None:
        return
    who = ", ".join(cell(name) for name in status.approvers)
    by_hand = isinstance(preview, Preview) and preview.by_hand
    vlan, key = " --vlan ID" if by_hand else "", " --key FILE" if status.signed else ""
    withdrawal = not isinstance(preview, Preview) and preview.document.action == "withdraw"
    then = "left to an operator" if withdrawal else "undone"
    yield ""
    yield f"**WAITS FOR APPROVAL** of {subject(preview)} by one of: {who}"
    yield f"Since {status.since:%Y-%m-%d %H:%M} UTC, {then} at {status.expires:%Y-%m-%d %H:%M} UTC unless decided"
    if status.notice:
        yield f"Not everybody could be notified: {cell(status.notice)}"
    yield ""
    yield f"`berth approve {preview.tenant} --plan {status.plan}{vlan}{key}`"
    yield ""
    yield f"`berth reject {preview.tenant} --plan {status.plan}{key} --reason ...`"
    left = MOST_LINES
    blocks = list(_blocks(preview))
    for title, lines in blocks:
        yield from ("", title, "", "```")
        yield from (_verbatim(line) for line in lines[:left])
        yield "```"
        left = max(0, left - len(lines))
    if (more := sum(len(lines) for _, lines in blocks) - MOST_LINES) > 0:
        yield f"and {more} lines more: `berth approve {preview.tenant}` shows all of them"


def _blocks(preview: AnyPreview) -> Iterator[tuple[str, Sequence[str]]]:
    """What is to be read line by line, each part with its title."""
    if isinstance(preview, Preview):
        sends = "by hand" if preview.by_hand else "by Berth"
        for switch in preview.switches:
            yield f"Switch {cell(switch.switch)}, {len(switch.lines)} lines, sent {sends}:", switch.lines
        return
    done = "there" if preview.document.action == "announce" else "gone"
    yield (
        f"The edge team does it by hand, and approves once this is {done} on every edge router:",
        (preview.document.as_json().splitlines()),
    )
    for one in preview.platforms:
        yield f"On {one.platform}, {len(one.lines)} lines:", one.lines


def _refused(one: RefusedDecision) -> str:
    return f"\nRefused: {one.word} by {cell(one.by)} at {one.at:%H:%M:%S}: {cell(one.reason)}"


def _verbatim(line: str) -> str:
    """A line inside a block of code, which no text from outside may end."""
    printable = line if line.isprintable() else shown(line)
    return printable.replace("`", "'")
