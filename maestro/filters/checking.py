"""Bring an operand to the type of what it is compared with, or say why it cannot be."""

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from maestro.filters.errors import MismatchError, shown
from maestro.filters.limits import MAX_ITEMS, MAX_TEXT
from maestro.filters.render import scalar_text
from maestro.filters.tree import Comparison, Filter, Not, Operator, Scalar
from maestro.filters.vocabulary import LIST, OPERATORS, ORDER, PATTERN, RANGE, Subject, ValueType, nearest
from maestro.storable import UNSTORABLE

_INT64: Final = 2**63
_DURATION: Final = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(ms|s|m|h|d)")
_UNIT_MS: Final = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_NUMERAL: Final = re.compile(r"[+-]?[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?")
_PAIR: Final = 2
_NONFINITE: Final = frozenset({"nan", "inf", "infinity"})

_NOUNS: Final = {
    ValueType.STRING: "text",
    ValueType.TEXT: "text",
    ValueType.NUMBER: "a number",
    ValueType.INTEGER: "a whole number",
    ValueType.DATETIME: "a date such as '2026-01-31' or '2026-01-31T12:00:00Z'",
    ValueType.DURATION: "milliseconds, or text such as '90s', '15m', '1.5h'",
    ValueType.BOOLEAN: "true or false",
    ValueType.ENUM: "one of its values",
    ValueType.ID: "an id as text",
    ValueType.ANY: "a number, text, true or false",
}


class BareWord(str):
    """A word of a filter text that stands without quotes."""

    __slots__ = ()


def compare(subject: Subject, operator: Operator, operand: Any) -> Filter:
    """Make the comparison, with `operand` in the form that Comparison describes; raises MismatchError.

    `= null` asks for objects without the target, `!= null` for those with it.
    """
    check_operator(subject, operator)
    if operator is Operator.EXISTS or (operand is None and operator in (Operator.EQ, Operator.NE)):
        exists = Comparison(subject.target, Operator.EXISTS)
        return Not(exists) if operator is Operator.EQ else exists
    if operator in LIST | RANGE:
        return Comparison(subject.target, operator, _several(subject, operator, operand))
    return Comparison(subject.target, operator, _one(subject, operator, operand))


def check_operator(subject: Subject, operator: Operator) -> None:
    """Raise MismatchError for an operator that does not fit the type of the subject."""
    if operator not in OPERATORS[subject.type]:
        raise MismatchError(
            f"{subject} takes {_NOUNS[subject.type]} and has no operator {operator}",
            hint=f"It has {', '.join(subject.operators)}.",
        )


def storable(text: str) -> str:
    """Pass text on that PostgreSQL can hold; raises MismatchError."""
    if unstorable := UNSTORABLE.search(text):
        raise MismatchError(f"The character U+{ord(unstorable[0]):04X} cannot be part of a filter")
    if len(text) > MAX_TEXT:
        raise MismatchError(f"Text is at most {MAX_TEXT:,} characters long")
    return text


def _several(subject: Subject, operator: Operator, operands: Any) -> tuple[Scalar, ...]:
    if isinstance(operands, str) or not isinstance(operands, Sequence):
        raise MismatchError(f"{operator} takes a list of values")
    if operator in RANGE and len(operands) != _PAIR:
        raise MismatchError(f"{operator} takes two values, the low end and the high end")
    if not 1 <= len(operands) <= MAX_ITEMS:
        raise MismatchError(f"{operator} takes 1 to {MAX_ITEMS:,} values, not {len(operands):,}")
    values: list[Scalar] = []
    for index, operand in enumerate(operands):
        try:
            values.append(_one(subject, operator, operand))
            _check_alike(values[0], values[index])
        except MismatchError as problem:
            problem.index = index
            raise
    if operator in RANGE:
        _check_range(*values)
    return tuple(values)


def _check_alike(first: Scalar, other: Scalar) -> None:
    if _kind(first) != _kind(other):
        raise MismatchError(f"The values differ in type: {_said(first)} and {_said(other)}")


def _check_range(low: Any, high: Any) -> None:
    # the order of texts is the database's to know
    if not isinstance(low, str) and low > high:
        raise MismatchError(f"The range is empty: {_said(low)} is above {_said(high)}")


def _one(subject: Subject, operator: Operator, operand: Any) -> Scalar:
    if operand is None:
        raise MismatchError(f"{operator} cannot compare with null", hint="Use EXISTS, = null or != null.")
    if isinstance(operand, BareWord) and operand.lower() in _NONFINITE:
        raise MismatchError("NaN and infinities cannot be compared with")
    if subject.type is ValueType.ENUM:
        return _member(subject, operand)
    value_type = ValueType.STRING if operator in PATTERN else subject.type
    value = _READERS[value_type](operand)
    if isinstance(value, bool) and operator in ORDER:
        raise MismatchError(f"true and false have no order to compare by {operator}")
    if value is None:
        raise MismatchError(
            f"{subject} {operator} takes {_NOUNS[value_type]}, not {_said(operand)}",
            suggestion=_respelled(value_type, operand),
        )
    return value


def _member(subject: Subject, operand: Any) -> str:
    by_fold = {value.casefold(): value for value in subject.values}
    word = operand if isinstance(operand, str) else ""
    if (member := by_fold.get(word.casefold())) is None:
        raise MismatchError(
            f"{subject} has no value {shown(operand) if word else _said(operand)}",
            suggestion=nearest(word, subject.values),
            hint=f"Its values are {', '.join(subject.values)}.",
        )
    return member


def _text(operand: Any) -> str | None:
    return storable(operand) if isinstance(operand, str) and not isinstance(operand, BareWord) else None


def _number(operand: Any) -> float | None:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        return None
    if isinstance(operand, float) and math.isnan(operand):
        raise MismatchError("NaN and infinities cannot be compared with")
    if not (-_INT64 <= operand < _INT64 if isinstance(operand, int) else math.isfinite(operand)):
        raise MismatchError("The number is too large", hint="Whole numbers fit 64 bits; write larger ones as 1e30.")
    return operand


def _integer(operand: Any) -> int | None:
    whole = int(operand) if isinstance(operand, float) and operand.is_integer() else operand
    return whole if _number(whole) is not None and isinstance(whole, int) else None


def _datetime(operand: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(operand) if _text(operand) is not None else operand
        if not isinstance(moment, datetime):
            return None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _duration(operand: Any) -> float | None:
    if isinstance(operand, str):
        span = _DURATION.fullmatch(operand)
        return round(float(span[1]) * _UNIT_MS[span[2]]) if span else None
    return _number(operand)


def _boolean(operand: Any) -> bool | None:
    return operand if isinstance(operand, bool) else None


def _any(operand: Any) -> Scalar | None:
    value = _text(operand)
    return value if value is not None else operand if isinstance(operand, bool) else _number(operand)


_READERS: Final[dict[ValueType, Callable[[Any], Scalar | None]]] = {
    ValueType.STRING: _text,
    ValueType.TEXT: _text,
    ValueType.NUMBER: _number,
    ValueType.INTEGER: _integer,
    ValueType.DATETIME: _datetime,
    ValueType.DURATION: _duration,
    ValueType.BOOLEAN: _boolean,
    ValueType.ID: _text,
    ValueType.ANY: _any,
}


def _kind(value: Scalar) -> type:
    return float if type(value) is int else type(value)


def _said(value: Any) -> str:
    match value:
        case BareWord():
            return f"the word {shown(value)}"
        case str():
            return f"the text {shown(value)}"
        case bool() | float() | datetime():
            return scalar_text(value)
        case int() if abs(value) < _INT64:
            return scalar_text(value)
        case _:
            return f"a value of type {type(value).__name__}"


def _respelled(value_type: ValueType, operand: Any) -> str | None:
    """The operand as it was probably meant: with quotes, or without them."""
    read = _READERS[value_type]
    if isinstance(operand, BareWord):
        return scalar_text(str(operand)) if read(str(operand)) is not None else None
    if isinstance(operand, str) and value_type is ValueType.BOOLEAN:
        return nearest(operand, ("true", "false"))
    if isinstance(operand, str) and _NUMERAL.fullmatch(operand):
        return operand if read(float(operand)) is not None else None
    if isinstance(operand, int | float) and read is _text and _any(operand) is not None:
        return scalar_text(scalar_text(operand))
    return None
