"""Cut a filter text into tokens that know where they stand."""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from maestro.filters.checking import BareWord
from maestro.filters.errors import FilterError, MismatchError, shown


class Kind(Enum):
    """What a token is. PATH is a word, or words and quoted keys joined by dots."""

    PATH = auto()
    NUMBER = auto()
    STRING = auto()
    SYMBOL = auto()
    OPEN = auto()
    CLOSE = auto()
    COMMA = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a path."""

    text: str
    is_quoted: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A stretch of the text as it was written; `position` counts characters from 0."""

    kind: Kind
    text: str
    position: int

    @property
    def end(self) -> int:
        return self.position + len(self.text)

    def is_word(self, word: str) -> bool:
        """Whether this is the keyword, in any case."""
        return self.kind is Kind.PATH and self.text.upper() == word

    def segments(self) -> list[Segment]:
        """The parts of a path, without their quotes."""
        return [
            Segment(text=_unquoted(part[0]) if part["quoted"] else part[0], is_quoted=bool(part["quoted"]))
            for part in _SEGMENT.finditer(self.text)
        ]

    def literal(self) -> Any:
        """The value that is written here: text, a number, a boolean, None for null, or a BareWord."""
        if self.kind is Kind.STRING:
            return _unquoted(self.text)
        if _NUMBER.fullmatch(self.text):
            return _number(self.text)
        return _CONSTANTS.get(self.text.lower(), BareWord(self.text))


_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_LONGEST_INT: Final = len(str(-(2**63)))
# Possessive quantifiers: without them an unclosed quote would be cut at a doubled one.
_KEY: Final = r'"(?:[^"]|"")*+"|`(?:[^`]|``)*+`'
_NAME: Final = r"[\w/@:-]++"
_SEGMENT: Final = re.compile(rf"(?P<quoted>{_KEY})|{_NAME}")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_SPACE: Final = re.compile(r"\s*+")
_TOKEN: Final = re.compile(
    rf"""(?P<PATH>[^\W\d][\w/@:-]*+(?:\.(?:{_NAME}|{_KEY}))*+)
    |(?P<NUMBER>[+-]?\.?[0-9](?:[\w.:-]|(?<=[eE])\+)*+)
    |(?P<STRING>'(?:[^']|'')*+'|"(?:[^"]|"")*+")
    |(?P<SYMBOL>[=!<>~&|]++)
    |(?P<OPEN>\()
    |(?P<CLOSE>\))
    |(?P<COMMA>,)
    |(?P<END>\Z)""",
    re.VERBOSE,
)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens one by one, END last; raises FilterError at the first character that fits none."""
    position, kind = 0, None
    while kind is not Kind.END:
        blank = _SPACE.match(text, position)
        position = blank.end() if blank else position
        found = _TOKEN.match(text, position)
        if found is None:
            raise _stray(text, position)
        kind = Kind[str(found.lastgroup)]
        if kind is Kind.PATH and text.startswith(".", found.end()):
            raise _stray(text, found.end())
        yield Token(kind, found[0], position)
        position = found.end()


def _stray(text: str, position: int) -> FilterError:
    is_dot = text[position] == "."
    quote, quotes = (position + 1, '"`') if is_dot else (position, "'\"`")
    if text.startswith(tuple(quotes), quote) and not _SEGMENT.match(text, quote):
        problem = MismatchError("This quote is never closed", hint="Write a quote inside quotes twice.")
        return FilterError(problem, text=text, position=quote, length=len(text) - quote)
    if is_dot:
        problem = MismatchError("A dot is followed by a name, or by a key in quotes")
    else:
        problem = MismatchError(f"A filter has no use for the character {shown(text[position])}")
    return FilterError(problem, text=text, position=position, length=1)


def _unquoted(text: str) -> str:
    quote = text[0]
    return text[1:-1].replace(quote * 2, quote)


def _number(text: str) -> float:
    if not text.lstrip("+-").isdigit():
        return float(text)
    # Python refuses to read integers of thousands of digits; all that long are out of range
    return int(text) if len(text) <= _LONGEST_INT else math.inf
