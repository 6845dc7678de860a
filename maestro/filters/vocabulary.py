"""What a list may be filtered by: its fields, its spaces of keys, and the operators that fit each type."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from maestro.filters.errors import MismatchError, shown
from maestro.filters.render import target_text
from maestro.filters.tree import Aggregate, Operator, Space, Target

_LONGEST_TYPO: Final = 100


class ValueType(StrEnum):
    """What a target holds. DURATION is in milliseconds; ANY is decided value by value, as params are."""

    STRING = "STRING"
    TEXT = "TEXT"
    NUMBER = "NUMBER"
    INTEGER = "INTEGER"
    DATETIME = "DATETIME"
    DURATION = "DURATION"
    BOOLEAN = "BOOLEAN"
    ENUM = "ENUM"
    ID = "ID"
    ANY = "ANY"


PATTERN: Final = frozenset({Operator.LIKE, Operator.NOT_LIKE, Operator.ILIKE, Operator.NOT_ILIKE})
RANGE: Final = frozenset({Operator.BETWEEN, Operator.NOT_BETWEEN})
ORDER: Final = frozenset({Operator.LT, Operator.LE, Operator.GT, Operator.GE}) | RANGE
LIST: Final = frozenset({Operator.IN, Operator.NOT_IN})
_EQUALITY: Final = frozenset({Operator.EQ, Operator.NE, Operator.EXISTS}) | LIST

OPERATORS: Final = {
    ValueType.STRING: _EQUALITY | ORDER | PATTERN,
    ValueType.TEXT: frozenset({Operator.MATCHES}),
    ValueType.NUMBER: _EQUALITY | ORDER,
    ValueType.INTEGER: _EQUALITY | ORDER,
    ValueType.DATETIME: _EQUALITY | ORDER,
    ValueType.DURATION: _EQUALITY | ORDER,
    ValueType.BOOLEAN: _EQUALITY - LIST,
    ValueType.ENUM: _EQUALITY,
    ValueType.ID: _EQUALITY,
    ValueType.ANY: _EQUALITY | ORDER | PATTERN,
}


@dataclass(frozen=True, slots=True)
class Field:
    """A named thing to filter by; `values` are those of an ENUM."""

    name: str
    type: ValueType
    description: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeySpace:
    """An open set of keys, `metrics.<key>` say. Known keys are suggested, unknown ones are no error."""

    space: Space
    type: ValueType
    description: str
    known_keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A target together with what the vocabulary knows of it."""

    target: Target
    type: ValueType
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return shown(target_text(self.target))

    @property
    def operators(self) -> tuple[Operator, ...]:
        """Those that fit the type, in the order of the language."""
        return tuple(operator for operator in Operator if operator in OPERATORS[self.type])


class Vocabulary:
    """The names that a filter may use; one for each list that can be filtered."""

    def __init__(self, fields: Iterable[Field], spaces: Iterable[KeySpace] = ()) -> None:
        self.fields = {field.name: field for field in fields}
        self.spaces = {space.space: space for space in spaces}

    def space(self, name: str) -> Space | None:
        """The space of that name, if this list has it."""
        return next((space for space in self.spaces if space.value == name), None)

    def field(self, name: str) -> Subject:
        """The field of that name; raises MismatchError with the nearest name there is."""
        if name not in self.fields:
            raise MismatchError(
                f"There is no field {shown(name)}",
                suggestion=self._nearest(name),
                hint=f"Filter by {', '.join([*self.fields, *(f'{space}.<key>' for space in self.spaces)])}.",
            )
        field = self.fields[name]
        return Subject(Target(Space.FIELD, name), field.type, field.values)

    def key(self, space: Space, key: str, aggregate: Aggregate = Aggregate.LAST) -> Subject:
        """The key of a space that this list has; raises MismatchError when the key is empty."""
        if not key:
            raise MismatchError("A key cannot be empty")
        return Subject(Target(space, key, aggregate), self.spaces[space].type)

    def _nearest(self, name: str) -> str | None:
        head, dot, rest = name.partition(".")
        if dot and (space := nearest(head, self.spaces)):
            return f"{space}.{rest}"
        for space, keys in self.spaces.items():
            if name in keys.known_keys:
                return target_text(Target(space, name))
        return nearest(name, self.fields)


def nearest(word: str, candidates: Iterable[str]) -> str | None:
    """The candidate that the word is most probably a misspelling of, whatever its case."""
    by_fold = {str(candidate).casefold(): str(candidate) for candidate in candidates}
    # the measure of likeness costs more than linear time, and no name is that long
    found = get_close_matches(word.casefold(), by_fold, n=1) if len(word) <= _LONGEST_TYPO else []
    return by_fold[found[0]] if found else None
