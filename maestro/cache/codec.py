"""Values as bytes and back with their types, for a store that others may have written to.

JSON, in which whatever JSON does not have is a list of a letter and its parts. A value made of classes names those of
our own packages that are dataclasses, enums or names of classes, and nothing else can be made from bytes.
"""

import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from math import isfinite
from typing import Any, Final, cast
from uuid import UUID

import numpy as np
import orjson

from maestro.cache.rows import KeptRow
from maestro.db.rows import Row

PACKAGES: Final = ("maestro.", "dataloaders.")
"""Whose classes values may be made of."""
LARGEST: Final = 2**63
"""Greater integers are no numbers to this form."""


class Undecodable(Exception):
    """Bytes that are no value of this form."""


def encode(value: Any) -> bytes:
    """Return the bytes of a value; TypeError for one that has none."""
    return orjson.dumps(_packed(value))


def decode(data: bytes) -> Any:
    """Return the value of bytes; Undecodable, whatever is wrong with them."""
    try:
        return _unpacked(orjson.loads(data))
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        InvalidOperation,
        RecursionError,
    ) as error:
        raise Undecodable(type(error).__name__) from error


def _packed(value: Any) -> Any:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value
    if kind is int:
        return value if -LARGEST <= value < LARGEST else ["i", str(value)]
    if kind is float:
        return value if isfinite(value) else ["f", repr(value)]
    pack = _PACKERS.get(kind)
    return pack(value) if pack is not None else _packed_other(value)


def _packed_other(value: Any) -> Any:
    if isinstance(value, Enum):
        return ["e", _named(type(value)), value.name]
    if isinstance(value, Row | KeptRow):
        return ["r", list(value.keys()), [_packed(one) for one in value.values()]]
    if isinstance(value, type):
        return ["C", _named(value)]
    # asyncpg's own UUID is a subclass.
    if isinstance(value, UUID):
        return ["u", value.hex]
    if is_dataclass(value):
        kept = [_packed(getattr(value, field.name)) for field in fields(value)]
        return ["c", _named(type(value)), kept]
    raise TypeError(f"{type(value).__name__} cannot be kept")


def _packed_list(rows: list[Any]) -> Any:
    """Pack a list; rows with the same columns name them once."""
    if rows and all(isinstance(row, Row | KeptRow) for row in rows):
        columns = list(rows[0].keys())
        if all(list(row.keys()) == columns for row in rows):
            return ["R", columns, [[_packed(one) for one in row.values()] for row in rows]]
    return ["l", [_packed(one) for one in rows]]


_PACKERS: Final[Mapping[type, Callable[[Any], Any]]] = {
    list: _packed_list,
    tuple: lambda value: ["t", [_packed(one) for one in value]],
    dict: lambda value: ["d", [[_packed(key), _packed(one)] for key, one in value.items()]],
    set: lambda value: ["s", [_packed(one) for one in value]],
    frozenset: lambda value: ["z", [_packed(one) for one in value]],
    UUID: lambda value: ["u", value.hex],
    datetime: lambda value: ["D", value.isoformat()],
    date: lambda value: ["a", value.isoformat()],
    timedelta: lambda value: ["T", value.days, value.seconds, value.microseconds],
    Decimal: lambda value: ["n", str(value)],
    bytes: lambda value: ["b", b64encode(value).decode()],
    np.ndarray: lambda value: ["N", value.dtype.str, list(value.shape), b64encode(value.tobytes()).decode()],
}


def _unpacked(value: Any) -> Any:
    if type(value) is not list:
        if type(value) is dict:
            raise TypeError("an object is no value")
        return value
    return _UNPACKERS[value[0]](*value[1:])


def _row(columns: list[str], values: list[Any]) -> KeptRow:
    if len(columns) != len(values):
        raise ValueError("a row has a value for each column")
    return KeptRow({name: place for place, name in enumerate(columns)}, tuple(map(_unpacked, values)))


def _rows(columns: list[str], rows: list[list[Any]]) -> list[KeptRow]:
    places = {name: place for place, name in enumerate(columns)}
    if any(len(values) != len(places) for values in rows):
        raise ValueError("a row has a value for each column")
    return [KeptRow(places, tuple(map(_unpacked, values))) for values in rows]


def _object(name: str, values: list[Any]) -> Any:
    known = _class(name)
    if not is_dataclass(known):
        raise TypeError("only dataclasses are made of their fields")
    made: Any = object.__new__(cast("type", known))
    # As it was, without what its constructor would check or compute anew.
    for field, one in zip(fields(known), values, strict=True):
        object.__setattr__(made, field.name, _unpacked(one))
    return made


def _member(name: str, member: str) -> Any:
    known = _class(name)
    if not issubclass(known, Enum):
        raise TypeError("only enums have members")
    return known[member]


def _numbers(kind: str) -> "np.dtype[Any]":
    found = np.dtype(kind)
    if found.hasobject:
        raise TypeError("an array of objects is none of numbers")
    return found


def _named(known: type) -> str:
    name = f"{known.__module__}.{known.__qualname__}"
    if not name.startswith(PACKAGES) or "." in known.__qualname__:
        raise TypeError(f"{name} cannot be kept")
    return name


def _class(name: str) -> Any:
    module, _, attribute = name.rpartition(".")
    # What was never imported is nothing that anybody here has kept.
    known = getattr(sys.modules[module], attribute)
    if not isinstance(known, type) or _named(known) != name:
        raise TypeError("not the name of a class")
    return known


_UNPACKERS: Final[Mapping[str, Callable[..., Any]]] = {
    "i": int,
    "f": float,
    "e": _member,
    "r": _row,
    "R": _rows,
    "C": _class,
    "c": _object,
    "l": lambda parts: list(map(_unpacked, parts)),
    "t": lambda parts: tuple(map(_unpacked, parts)),
    "d": lambda pairs: {_unpacked(key): _unpacked(one) for key, one in pairs},
    "s": lambda parts: set(map(_unpacked, parts)),
    "z": lambda parts: frozenset(map(_unpacked, parts)),
    "u": UUID,
    "D": datetime.fromisoformat,
    "a": date.fromisoformat,
    "T": timedelta,
    "n": Decimal,
    "b": lambda text: b64decode(text, validate=True),
    "N": lambda kind, shape, text: np.frombuffer(b64decode(text, validate=True), _numbers(kind)).reshape(shape),
}
