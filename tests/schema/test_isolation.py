"""No root field that takes an id answers with, or changes, what belongs to another organisation."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import pytest
from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from uuid_utils.compat import uuid7

from dataloaders.nodes import BY_KIND
from maestro.db import tables
from maestro.ids import Kind, encode
from schema import schema
from tests.fixtures.graphql import Api

ROOTS: Final[dict[str, Any]] = {"query": schema._schema.query_type, "mutation": schema._schema.mutation_type}
WANTED: Final = re.compile(r"'(?P<given>\w+)' is the id of an? \w+; the id of an? (?P<wanted>\w+) is wanted here")
Place = tuple[str, ...]
SAMPLES: Final[dict[str, Any]] = {
    "String": "sample",
    "Int": 1,
    "Float": 1.0,
    "Boolean": False,
    "BigInt": 1,
    "JSON": {},
    "DateTime": "2026-01-31T12:00:00Z",
    "FloatColumn": [1.0],
    "IntColumn": [1],
}
GIVEN: Final[dict[Place, Any]] = {("status",): "FINISHED"}
"""Arguments for which a sample by their type is refused before anything is looked for."""
COMPARED: Final = {("setAlias", ("input", "expectedVersionId")): ["CONFLICT"]}
"""Ids that are only compared with the caller's own, never looked up: another one is as wrong as any."""
OF_ANY_KIND: Final = {"node": Kind.Run, "nodes": Kind.Run, "lineage": Kind.Run}
"""Fields that find more than one kind, and the kind to try them with."""

Slot = GraphQLArgument | GraphQLInputField


@dataclass(frozen=True)
class Operation:
    """A root field, and the place of an id among its arguments."""

    root: str
    name: str
    place: Place

    @property
    def field(self) -> GraphQLField:
        found: GraphQLField = ROOTS[self.root].fields[self.name]
        return found

    def text(self, arguments: Iterable[str]) -> str:
        declared = ", ".join(f"${name}: {self.field.args[name].type}" for name in arguments)
        passed = ", ".join(f"{name}: ${name}" for name in arguments)
        selected = "" if is_leaf_type(get_named_type(self.field.type)) else "{ __typename }"
        return f"{self.root} ({declared}) {{ {self.name}({passed}) {selected} }}"


def is_id(type_: GraphQLInputType) -> bool:
    return get_named_type(type_).name == "ID"


def is_one_of(type_: GraphQLInputObjectType) -> bool:
    return bool(type_.extensions["strawberry-definition"].is_one_of)


def is_required(slot: Slot) -> bool:
    return is_required_argument(slot) if isinstance(slot, GraphQLArgument) else is_required_input_field(slot)


def places(slots: dict[str, Any], path: Place = (), seen: tuple[str, ...] = ()) -> Iterator[Place]:
    """Where ids can stand, filters left out: they narrow a list that is the viewer's own."""
    for name, slot in slots.items():
        inside = get_named_type(slot.type)
        if is_id(slot.type):
            yield (*path, name)
        elif isinstance(inside, GraphQLInputObjectType) and inside.name not in seen and name != "filter":
            yield from places(inside.fields, (*path, name), (*seen, inside.name))


def operations(root: str) -> list[Operation]:
    return [Operation(root, name, place) for name, field in ROOTS[root].fields.items() for place in places(field.args)]


class Caller:
    """Calls an operation as a stranger, with one id of the first organisation and else the stranger's own."""

    def __init__(self, stranger: Api, *, theirs: dict[Kind, UUID], own: dict[Kind, UUID]) -> None:
        self._stranger = stranger
        self._theirs = theirs
        self._own = own

    async def codes(self, operation: Operation, kind: Kind | None = None) -> list[str]:
        """The codes of the errors that the call ends with, once each id is of the kind that is wanted in its place."""
        kinds = {} if kind is None else {operation.place: kind}
        unknown: dict[str, Place] = {}
        while True:
            arguments = Filling(self, operation.place, kinds, unknown).arguments(operation.field.args)
            _, errors = await self._stranger.run(operation.text(arguments), **arguments)
            wrong = WANTED.search(errors[0]["message"]) if errors else None
            if wrong is None:
                return [error["extensions"]["code"] for error in errors]
            kinds[unknown[wrong["given"]]] = Kind[wrong["wanted"]]

    def id_of(self, kind: Kind, *, is_theirs: bool) -> str:
        return encode(kind, (self._theirs if is_theirs else self._own)[kind])


@dataclass(frozen=True)
class Filling:
    """Makes the arguments of one call; a place whose kind is not known yet gets an id that is wanted nowhere."""

    caller: Caller
    place: Place
    kinds: dict[Place, Kind]
    unknown: dict[str, Place]

    def arguments(self, slots: dict[str, Any], path: Place = (), *, all_of_them: bool = False) -> dict[str, Any]:
        filled = {}
        for name, slot in slots.items():
            here = (*path, name)
            if all_of_them or is_required(slot) or here == self.place[: len(here)]:
                value = self._value(slot.type, here)
                is_list = isinstance(get_nullable_type(slot.type), GraphQLList)
                filled[name] = [value] if is_list and not isinstance(value, list) else value
        return filled

    def _value(self, type_: GraphQLInputType, here: Place) -> Any:
        inside: Any = get_named_type(type_)
        if is_id(type_):
            return self._id(here)
        if here in GIVEN:
            return GIVEN[here]
        if inside.name in SAMPLES:
            return SAMPLES[inside.name]
        if isinstance(inside, GraphQLEnumType):
            return next(iter(inside.values))
        slots = dict(list(inside.fields.items())[:1]) if is_one_of(inside) else inside.fields
        return self.arguments(slots, here, all_of_them=is_one_of(inside))

    def _id(self, here: Place) -> str:
        if here in self.kinds:
            return self.caller.id_of(self.kinds[here], is_theirs=here == self.place)
        made = encode(Kind.ApiKey, uuid7())
        self.unknown[made] = here
        return made


async def populate(api: Api) -> dict[Kind, UUID]:
    """Make one row of each kind that can be found by its id, and return their ids."""
    made = {Kind.Organization: api.viewer.organization_id, Kind.User: api.viewer.user_id}

    async def insert(kind: Kind, /, **values: Any) -> None:
        row = {"id": uuid7(), "organization_id": api.viewer.organization_id, **values}
        places = ", ".join(f"${i + 1}" for i in range(len(row)))
        table = getattr(tables, kind.name).__tablename__
        async with api.runtime.db.transaction() as tx:
            await tx.fetch_sql(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", *row.values())
        made[kind] = row["id"]

    await insert(Kind.Project, name="P", slug="p")
    project = {"project_id": made[Kind.Project]}
    await insert(Kind.Experiment, **project, name="e")
    await insert(Kind.Run, **project, experiment_id=made[Kind.Experiment], name="r", number=1)
    run = made[Kind.Run]
    await insert(Kind.MetricKey, **project, name="loss")
    counts = {"n": 0, "nonfinite": 0, "step_first": 0, "step_last": 0, "v_sum": 0.0}
    await insert(Kind.MetricSeries, **project, run_id=run, key_id=made[Kind.MetricKey], **counts)
    await insert(Kind.RegisteredModel, **project, name="m")
    model = {"model_id": made[Kind.RegisteredModel]}
    await insert(Kind.ModelVersion, **model, number=1)
    await insert(Kind.ModelAlias, **model, version_id=made[Kind.ModelVersion], name="champion")
    await insert(Kind.Artifact, **project, name="a")
    await insert(Kind.ArtifactVersion, artifact_id=made[Kind.Artifact], number=1, run_id=run)
    await insert(Kind.Connector, kind="LOCAL", name="c", config={"folder": "/data"})
    await insert(Kind.Job, kind="STORAGE_SYNC")
    await insert(Kind.SyncRun, connector_id=made[Kind.Connector], trigger="MANUAL", status="QUEUED")
    await insert(Kind.Backup, kind="full", state="SUCCEEDED")
    await insert(Kind.ServiceAccount, name="s")
    await insert(Kind.Membership, service_account_id=made[Kind.ServiceAccount], role="VIEWER")
    return made


@pytest.fixture
async def stranger(api: Api, foreign: Api) -> Caller:
    """Somebody of another organisation that has the same things as the first one."""
    return Caller(foreign, theirs=await populate(api), own=await populate(foreign))


@pytest.mark.parametrize("root", ROOTS)
async def test_a_strangers_id_is_not_found_wherever_it_can_stand_and_changes_nothing(
    api: Api, stranger: Caller, root: str
) -> None:
    expected = COMPARED if root == "mutation" else {}
    before = await api.state()
    answers = {
        (operation.name, operation.place): await stranger.codes(operation, OF_ANY_KIND.get(operation.name))
        for operation in operations(root)
    }
    assert {where: codes for where, codes in answers.items() if codes != ["NOT_FOUND"]} == expected
    assert await api.state() == before


async def test_no_node_of_another_organization_is_found(stranger: Caller) -> None:
    node = Operation("query", "node", ("id",))
    assert {kind: await stranger.codes(node, kind) for kind in BY_KIND} == dict.fromkeys(BY_KIND, ["NOT_FOUND"])  # noqa: RUF024 -- only compared
