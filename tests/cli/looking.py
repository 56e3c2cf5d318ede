"""Shows views as a terminal, a pipe or a file would get them."""

import io

from rich.console import Console, RenderableType


class Screen(io.TextIOWrapper):
    """A file that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def console(width: int = 80, *, encoding: str = "utf-8", height: int = 24, screen: bool = False) -> Console:
    """A console without colours: of a terminal, or of a pipe."""
    kind = Screen if screen else io.TextIOWrapper
    file = kind(io.BytesIO(), encoding=encoding, write_through=True)
    return Console(
        file=file, width=width, height=height, force_terminal=screen, color_system=None, highlight=False, _environ={}
    )


def shown(view: RenderableType, on: Console | None = None) -> list[str]:
    """The lines in which it is shown there."""
    on = on or console()
    on.print(view)
    return written(on)


def written(on: Console) -> list[str]:
    """All that was ever printed there."""
    file = on.file
    assert isinstance(file, io.TextIOWrapper)
    assert isinstance(file.buffer, io.BytesIO)
    return file.buffer.getvalue().decode(file.encoding).splitlines()
