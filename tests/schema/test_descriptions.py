"""Everything in the schema says what it is: an editor shows it, and the documentation is made from it."""

from collections.abc import Iterator

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    is_specified_scalar_type,
)

from schema import schema

TYPES = {
    name: type_
    for name, type_ in schema._schema.type_map.items()
    if not name.startswith("__") and not is_specified_scalar_type(type_)
}


def described_parts(type_: GraphQLNamedType) -> Iterator[tuple[str, str | None]]:
    """Each part of a type that a reader meets, with its description."""
    yield type_.name, type_.description
    match type_:
        case GraphQLObjectType() | GraphQLInterfaceType():
            for name, field in type_.fields.items():
                yield f"{type_.name}.{name}", field.description
                for argument, given in field.args.items():
                    yield f"{type_.name}.{name}({argument})", given.description
        case GraphQLInputObjectType():
            for name, asked in type_.fields.items():
                yield f"{type_.name}.{name}", asked.description
        case GraphQLEnumType():
            for name, value in type_.values.items():
                yield f"{type_.name}.{name}", value.description


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_type_and_each_part_of_it_has_a_description(name: str) -> None:
    assert [part for part, description in described_parts(TYPES[name]) if not (description or "").strip()] == []


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_description_is_a_sentence(name: str) -> None:
    texts = {part: text for part, text in described_parts(TYPES[name]) if text}
    assert [part for part, text in texts.items() if not (text[0].isupper() or text[0] in "`0123456789")] == []
    assert [part for part, text in texts.items() if not text.rstrip().endswith((".", "…"))] == []
