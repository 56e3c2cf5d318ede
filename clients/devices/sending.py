"""The one place every line passes right before it is sent: what a person or a template could not have meant is refused."""

from clients.errors import RefusedError
from tenancy.mistakes import shown

LONGEST_LINE = 200
"""Characters. IOS takes 254; Berth's longest line has about a hundred."""


def sendable(line: str) -> str:
    """The line as it is. Raises RefusedError for one that a switch would read as something else.

    A line end begins a second command, a question mark asks for help in the middle of the line, and a tab completes a word.
    """
    if not line.isascii() or not line.isprintable() or "?" in line:
        problem = "holds a character that no switch should be sent"
    elif len(line) > LONGEST_LINE:
        problem = f"has {len(line)} characters, the limit is {LONGEST_LINE}"
    elif not line.strip():
        problem = "is empty"
    else:
        return line
    raise RefusedError(
        f"line {shown(line)}: {problem}; nothing of it was sent: report this as a bug", reason="rejected"
    )
