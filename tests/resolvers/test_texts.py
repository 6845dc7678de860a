"""No text that PostgreSQL cannot store reaches it, wherever a client can send one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import pytest
from graphql import GraphQLInputObjectType, GraphQLObjectType, get_named_type

from dataloaders.nodes import BY_KIND
from maestro.ids import Kind
from schema import schema
from tests.fixtures.graphql import Api
from tests.fixtures.operations import OF_ANY_KIND, ROOTS, WANTED, Caller, Filling, Operation, Place
from tests.fixtures.populating import populate

UNSTORABLE: Final[dict[str, list[Any]]] = {
    "String": ["a\0b", "a\ud800b", "\0"],
    "JSON": [{"a": "\0"}, {"\0": 1}, {"a": ["\ud800"]}, {"a": 2**64}, "\0", 2**200, float("nan")],
    "ID": ["run_\0", "\ud800"],
    "BigInt": [2**63 - 1, -(2**63 - 1), str(2**64)],
    "Int": [2**31 - 1, -(2**31)],
    "DateTime": ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+14:00"],
    "IntColumn": [[2**63], [-(2**63)], ["\0"], [None], [{}]],
    "FloatColumn": [["\0"], [10**400], [{}]],
}
"""What is sent in place of each scalar."""


@dataclass(frozen=True)
class Placed(Filling):
    """Arguments with one of those values in one place."""

    value: Any = None

    def _value(self, type_: Any, here: Place) -> Any:
        return self.value if here == self.place else super()._value(type_, here)


@dataclass(frozen=True)
class OnNode(Operation):
    """A field of a node, and the place of a scalar among its arguments."""

    kind: Kind = Kind.Run

    @property
    def field(self) -> Any:
        type_: Any = schema._schema.type_map[self.kind.name]
        return type_.fields[self.name]

    def text(self, arguments: Any) -> str:
        asked = Operation.text(self, arguments).partition("{")[2].rpartition("}")[0]
        declared = "".join(f", ${name}: {self.field.args[name].type}" for name in arguments)
        return f"query ($node: ID!{declared}) {{ node(id: $node) {{ ... on {self.kind.name} {{ {asked} }} }} }}"


def scalars(slots: dict[str, Any], path: Place = (), seen: tuple[str, ...] = ()) -> Iterator[tuple[Place, str]]:
    """Where scalars of each kind can stand."""
    for name, slot in slots.items():
        inside = get_named_type(slot.type)
        if inside.name in UNSTORABLE:
            yield (*path, name), inside.name
        elif isinstance(inside, GraphQLInputObjectType) and inside.name not in seen:
            yield from scalars(inside.fields, (*path, name), (*seen, inside.name))


def on_roots(root: str) -> Iterator[tuple[Operation, str]]:
    for name, field in ROOTS[root].fields.items():
        for place, scalar in scalars(field.args):
            yield Operation(root, name, place), scalar


def on_nodes() -> Iterator[tuple[Operation, str]]:
    for kind in BY_KIND:
        type_ = schema._schema.type_map[kind.name]
        assert isinstance(type_, GraphQLObjectType)
        for name, field in type_.fields.items():
            for place, scalar in scalars(field.args):
                yield OnNode("query", name, place, kind), scalar


OPERATIONS: Final = {"query": [*on_roots("query")], "mutation": [*on_roots("mutation")], "nodes": [*on_nodes()]}


async def answered(api: Api, caller: Caller, operation: Operation, *, value: Any) -> list[Any]:
    """The errors that a call ends with, once each id is of the kind that is wanted in its place."""
    kinds = {place: kind for (name, place), kind in OF_ANY_KIND.items() if name == operation.name}
    while True:
        unknown: dict[str, Place] = {}
        filling = Placed(caller, operation.place, kinds, unknown, value)
        arguments = filling.arguments(operation.field.args)
        node = {"node": caller.id_of(operation.kind, is_theirs=False)} if isinstance(operation, OnNode) else {}
        _, errors = await api.run(operation.text(arguments), **arguments, **node)
        wrong = WANTED.search(errors[0]["message"]) if errors else None
        if wrong is None or wrong["given"] not in unknown:
            return errors
        kinds[unknown[wrong["given"]]] = Kind[wrong["wanted"]]


@pytest.fixture
async def own(api: Api) -> dict[Kind, UUID]:
    """One object of each kind."""
    return await populate(api)


@pytest.mark.parametrize("where", OPERATIONS)
async def test_what_cannot_be_stored_is_refused_or_does_no_harm_wherever_it_is_sent(
    api: Api, own: dict[Kind, UUID], where: str
) -> None:
    caller = Caller(api, theirs=own, own=own)
    broken = {}
    for operation, scalar in OPERATIONS[where]:
        for value in UNSTORABLE[scalar]:
            errors = await answered(api, caller, operation, value=value)
            if any(error["extensions"]["code"] == "INTERNAL_SERVER_ERROR" for error in errors):
                broken[operation.name, operation.place, repr(value)] = errors
    assert broken == {}
