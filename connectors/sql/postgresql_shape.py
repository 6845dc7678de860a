"""What a statement of PostgreSQL will answer, known before it runs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from asyncpg.types import Attribute, Type

from connectors.sql.arrow import schema_of
from connectors.sql.capability import Column
from connectors.sql.postgresql_types import is_native, kind_of

_READS: Final = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(?:SELECT|VALUES|TABLE|WITH)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns of an answer, and the statement that gives them as types that are read as they are."""

    statement: str
    columns: tuple[Column, ...]
    schema: pa.Schema
    types: tuple[Type, ...]
    """Those that PostgreSQL sends."""
    is_query: bool
    """Whether it can stand within another statement, and be read piece by piece."""

    @property
    def is_copied(self) -> bool:
        """Say whether COPY can send it, and we can read that."""
        return self.is_query and all(is_native(one) and one.kind != "array" for one in self.types)

    @property
    def names(self) -> list[str]:
        """The names of the types that PostgreSQL sends."""
        return [one.name for one in self.types]


def bare(statement: str) -> str:
    """Return a statement as it can stand within another: without the sign at its end, and what it ends with ended."""
    return statement.rstrip().removesuffix(";") + "\n"


def shape_of(statement: str, attributes: Sequence[Attribute]) -> Shape:
    """Return what a statement will answer whose columns PostgreSQL has told."""
    is_query = bool(_READS.match(statement))
    kinds = [kind_of(one.type) for one in attributes]
    columns = tuple(Column(one.name, kind.type, one.type.name) for one, kind in zip(attributes, kinds, strict=True))
    wrapped, sent = _wrapped(statement, attributes) if is_query else (statement, [one.type for one in attributes])
    return Shape(wrapped, columns, schema_of(columns, [kind.arrow for kind in kinds]), tuple(sent), is_query)


def _wrapped(statement: str, attributes: Sequence[Attribute]) -> tuple[str, list[Type]]:
    """Return a statement that casts what is not read as it is to texts."""
    if all(is_native(one.type) for one in attributes):
        return bare(statement), [one.type for one in attributes]
    text = Type(25, "text", "scalar", "pg_catalog")
    names = [f"c{number}" for number in range(len(attributes))]
    cells = [
        name if is_native(one.type) else f"{name}::pg_catalog.text" for name, one in zip(names, attributes, strict=True)
    ]
    sent = [one.type if is_native(one.type) else text for one in attributes]
    wrapped = f"SELECT {', '.join(cells)} FROM (\n{bare(statement)}) AS q ({', '.join(names)})"  # noqa: S608 -- theirs
    return wrapped, sent
