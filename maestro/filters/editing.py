"""What an editor of filter texts asks: is it right, and what may come next."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from maestro.filters.errors import FilterError
from maestro.filters.parser import Expectation, Expected, Parser, parse
from maestro.filters.render import target_text
from maestro.filters.tree import Operator, Target
from maestro.filters.vocabulary import Subject, ValueType, Vocabulary

_MOST: Final = 50
# What stands before the cursor and belongs to the word being written: quoted keys of a path count as part of it.
_WORD: Final = re.compile(r"[^\s()'<>=!,]*\Z")

_MEANINGS: Final = {
    Operator.EQ: "is",
    Operator.NE: "is another than",
    Operator.LT: "is less than",
    Operator.LE: "is at most",
    Operator.GT: "is more than",
    Operator.GE: "is at least",
    Operator.IN: "is one of a list",
    Operator.NOT_IN: "is none of a list",
    Operator.LIKE: "is like a pattern: % stands for any text, _ for one character",
    Operator.NOT_LIKE: "is not like a pattern",
    Operator.ILIKE: "is like a pattern, upper and lower case alike",
    Operator.NOT_ILIKE: "is not like a pattern, upper and lower case alike",
    Operator.MATCHES: "contains the words",
    Operator.EXISTS: "has a value",
    Operator.BETWEEN: "lies between two values, both included",
    Operator.NOT_BETWEEN: "lies outside two values",
}


class SuggestionKind(StrEnum):
    """What a suggestion is, for an icon beside it."""

    FIELD = "FIELD"
    KEY = "KEY"
    OPERATOR = "OPERATOR"
    VALUE = "VALUE"
    KEYWORD = "KEYWORD"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What can stand in place of the word before the cursor."""

    text: str
    kind: SuggestionKind
    description: str


_CONNECTIVES: Final = (
    Suggestion("AND", SuggestionKind.KEYWORD, "both hold"),
    Suggestion("OR", SuggestionKind.KEYWORD, "one of the two holds, or both"),
)


def validate(text: str, vocabulary: Vocabulary) -> list[FilterError]:
    """Tell what is wrong with a filter text: the first error, or nothing."""
    try:
        parse(text, vocabulary)
    except FilterError as error:
        return [error]
    return []


def complete(text: str, position: int, vocabulary: Vocabulary) -> list[Suggestion]:
    """Suggest what the word before `position` may become, at most 50; nothing where what stands before it is wrong."""
    before = text[:position]
    found = _WORD.search(before)
    word = found[0] if found else ""
    parser = Parser(before[: len(before) - len(word)], vocabulary)
    with suppress(FilterError):
        parser.parse()
    if not parser.is_at_end():
        return []
    fitting = (one for one in _candidates(parser, vocabulary) if one.text.casefold().startswith(word.casefold()))
    return list(islice(fitting, _MOST))


def _candidates(parser: Parser, vocabulary: Vocabulary) -> Iterator[Suggestion]:
    match parser.expectation:
        case Expectation(Expected.SUBJECT):
            return _subjects(vocabulary)
        case Expectation(Expected.OPERATOR, Subject() as subject):
            return _operators(subject)
        case Expectation(Expected.VALUE, Subject() as subject):
            return _values(subject)
        case Expectation(Expected.CONNECTIVE):
            return iter(_CONNECTIVES)
        case _:
            return iter(())


def _subjects(vocabulary: Vocabulary) -> Iterator[Suggestion]:
    for field in vocabulary.fields.values():
        yield Suggestion(field.name, SuggestionKind.FIELD, field.description)
    for space, keys in vocabulary.spaces.items():
        for key in keys.known_keys:
            yield Suggestion(target_text(Target(space, key)), SuggestionKind.KEY, keys.description)
        if not keys.known_keys:
            yield Suggestion(f"{space}.", SuggestionKind.KEY, keys.description)
    yield Suggestion("NOT", SuggestionKind.KEYWORD, "everything that what follows does not hold for")


def _operators(subject: Subject) -> Iterator[Suggestion]:
    for operator in subject.operators:
        yield Suggestion(operator.value, SuggestionKind.OPERATOR, _MEANINGS[operator])


def _values(subject: Subject) -> Iterator[Suggestion]:
    words = ("true", "false") if subject.type is ValueType.BOOLEAN else subject.values
    for word in words:
        yield Suggestion(word, SuggestionKind.VALUE, f"a value of {target_text(subject.target)}")
