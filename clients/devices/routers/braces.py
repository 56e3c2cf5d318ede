"""What a diff of a configuration in braces is about, as Junos prints it: a place in brackets, then signed lines."""

from collections.abc import Iterator

from tenancy.mistakes import shown


def changed_paths(diff: str) -> Iterator[tuple[str, ...]]:
    """The path of every changed line, from the top: `("protocols", "static", "route", "198.51.100.7/32", "next-hop", ...)`.

    A line that closes a brace is that of the one which opened it.
    """
    above: list[tuple[str, ...]] = []
    for line in diff.replace("\r", "").split("\n"):
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            above = [tuple(text.strip("[]").removeprefix("edit").split())]
            continue
        signed = text.startswith(("+", "-"))
        text = text.lstrip("+-").strip() if signed else text
        here = tuple(word for words in above for word in words)
        if text == "}":
            here = here[: -len(above.pop())] if above else here
        elif text.endswith("{"):
            above.append(tuple(text[:-1].split()))
            here = (*here, *above[-1])
        else:
            here = (*here, *text.rstrip(";").split())
        if signed:
            yield here


def told(path: tuple[str, ...]) -> str:
    """A path for people."""
    return shown(" ".join(path))
