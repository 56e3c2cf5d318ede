"""A tree on a terminal: lines drawn where there is a screen that can show them, plain indentation in a pipe."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style

from cli.terminal import is_screen

FANCY, ASCII, PIPE = ("├─ ", "└─ ", "│  ", "   "), ("|- ", "`- ", "|  ", "   "), ("   ", "   ", "   ", "   ")
"""What stands before a branch, before the last one, before what hangs on a branch, and before what hangs on the last."""
DIM = Style(dim=True)


@dataclass
class Branch:
    """Something, and what belongs to it. A label may take several lines."""

    label: RenderableType
    children: list["Branch"] = field(default_factory=list)

    def add(self, label: RenderableType, *leaves: RenderableType) -> "Branch":
        """One more branch, with leaves of its own."""
        branch = Branch(label, [Branch(leaf) for leaf in leaves])
        self.children.append(branch)
        return branch

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        signs = PIPE if not is_screen(console) else ASCII if options.ascii_only else FANCY
        for line in self._lines(console, options, signs):
            yield from line
            yield Segment.line()

    def _lines(
        self, console: Console, options: ConsoleOptions, signs: tuple[str, str, str, str]
    ) -> Iterable[list[Segment]]:
        yield from console.render_lines(self.label, options, pad=False)
        inner = options.update(width=max(1, options.max_width - len(signs[0])))
        for child in self.children:
            is_last = child is self.children[-1]
            first, rest = (signs[1], signs[3]) if is_last else (signs[0], signs[2])
            for number, line in enumerate(child._lines(console, inner, signs)):
                yield [Segment(rest if number else first, DIM), *line]
