"""Finds the command a line means, as Cisco-like switches do: word by word, abbreviated, with a mark where it went wrong."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Accepts = Callable[[str], bool]


class NoCommandError(Exception):
    """The line means no command; `offset` is that of the word that does not fit."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class IncompleteError(Exception):
    """The line could become a command with more words."""


class AmbiguousError(Exception):
    """A word of the line abbreviates several; `text` is the line up to it, `offset` is the word's."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text)
        self.text = text
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Command:
    """A command: `interface <port>` with what carries it out, which is given the arguments."""

    pattern: str
    run: Callable[..., Any]

    @property
    def words(self) -> tuple[str, ...]:
        """Keywords, and kinds of arguments in angle brackets."""
        return tuple(self.pattern.split())


@dataclass(frozen=True, slots=True)
class _Word:
    text: str
    offset: int


def parse(line: str, commands: Sequence[Command], kinds: Mapping[str, Accepts]) -> tuple[Command, list[str]]:
    """The command and its arguments. `kinds` says which words an argument may be; `<line>` is the rest of the line.

    Raises NoCommandError, IncompleteError or AmbiguousError.
    """
    words = [_Word(found.group(), found.start()) for found in re.finditer(r"\S+", line)]
    left = [(command, command.words) for command in commands]
    arguments: list[str] = []
    at = depth = 0
    while at < len(words):
        word = words[at]
        left = [(command, pattern) for command, pattern in left if len(pattern) > depth]
        keyword = _keyword(word, {pattern[depth] for _, pattern in left}, line)
        if keyword is not None:
            left = [one for one in left if one[1][depth] == keyword]
            at += 1
        elif any(pattern[depth] == "<line>" for _, pattern in left):
            left = [one for one in left if one[1][depth] == "<line>"]
            arguments.append(line[word.offset :].rstrip())
            at = len(words)
        else:
            kind, text, taken = _argument(words[at:], {pattern[depth] for _, pattern in left}, kinds)
            if kind is None:
                raise NoCommandError(word.offset)
            left = [one for one in left if one[1][depth] == kind]
            arguments.append(text)
            at += taken
        depth += 1
    for command, pattern in left:
        if len(pattern) == depth:
            return command, arguments
    raise IncompleteError


def following(line: str, commands: Sequence[Command], kinds: Mapping[str, Accepts]) -> list[str]:
    """The words that may stand where the line ends, for `?`; those of the last word's beginning unless a space ends it."""
    head, last = (line, "") if line.endswith(" ") or not line else (line[: -len(line.split()[-1])], line.split()[-1])
    found = set()
    for command in commands:
        depth = len(head.split())
        if len(command.words) < depth:
            continue
        try:
            parse(head, [Command(" ".join(command.words[:depth]), command.run)], kinds)
        except (NoCommandError, IncompleteError, AmbiguousError):
            continue
        following_word = command.words[depth] if len(command.words) > depth else "<cr>"
        if following_word.startswith(("<", last.lower())):
            found.add(following_word)
    return sorted(found)


def _keyword(word: _Word, choices: set[str], line: str) -> str | None:
    lower = word.text.lower()
    if lower in choices:
        return lower
    fitting = sorted(choice for choice in choices if not choice.startswith("<") and choice.startswith(lower))
    if len(fitting) > 1:
        raise AmbiguousError(line[: word.offset + len(word.text)], word.offset)
    return fitting[0] if fitting else None


def _argument(words: Sequence[_Word], choices: set[str], kinds: Mapping[str, Accepts]) -> tuple[str | None, str, int]:
    """The kind of argument the next words are, its text, and how many words it took."""
    for choice in sorted(choices):
        accepts = kinds.get(choice)
        if accepts is None:
            continue
        if accepts(words[0].text):
            return choice, words[0].text, 1
        # `interface gi 1/0/1` is `interface gi1/0/1`.
        if len(words) > 1 and words[0].text.isalpha() and accepts(words[0].text + words[1].text):
            return choice, words[0].text + words[1].text, 2
    return None, "", 0
