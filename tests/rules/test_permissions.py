"""Whatever can be asked for says which permission it needs, and the roles are what the catalogue says."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from strawberry.types.field import StrawberryField

from dataloaders.base import Loader
from execution.declare import Edge, declarations
from maestro.access import ROLES, Permission
from maestro.access.permissions import APPENDING, lowest_role
from maestro.db.tables.enums import Role
from schema import schema
from schema.guards import AuditedGuard, guard_of
from tests.fixtures.operations import ROOTS, Operation, operations

ALL = [operation for root in ROOTS for operation in operations(root)]


def loaders(base: type[Loader[Any, Any]] = Loader) -> Iterator[type[Loader[Any, Any]]]:
    for kind in base.__subclasses__():
        yield kind
        yield from loaders(kind)


def is_abstract(loader: type[Loader[Any, Any]]) -> bool:
    return bool(getattr(loader, "__abstractmethods__", None)) or bool(loader.__subclasses__())


def edges() -> Iterator[tuple[str, Edge]]:
    for type_ in schema._schema.type_map.values():
        definition = (type_.extensions or {}).get("strawberry-definition")
        for name, declared in declarations(getattr(definition, "fields", [])).items():
            if isinstance(declared, Edge):
                yield f"{type_.name}.{name}", declared


@pytest.mark.parametrize("operation", ALL, ids=lambda one: f"{one.root} {one.name}")
def test_a_root_field_says_which_permission_it_needs(operation: Operation) -> None:
    needs = operation.guard.needs
    assert needs is None or needs in Permission


def test_a_field_that_says_nothing_of_permissions_is_noticed() -> None:
    silent = StrawberryField(python_name="silent")
    with pytest.raises(LookupError, match="silent does not say"):
        guard_of(silent)


@pytest.mark.parametrize("operation", operations("mutation"), ids=lambda one: one.name)
def test_a_mutation_is_audited(operation: Operation) -> None:
    assert isinstance(operation.guard, AuditedGuard)


def test_a_mutation_of_keys_that_only_log_needs_what_they_can_hold() -> None:
    opened = {one.name: one.guard.needs for one in operations("mutation") if one.guard.appends}
    assert len(opened) >= 9
    assert {name for name, needs in opened.items() if needs not in APPENDING} == set()


def test_keys_that_only_log_may_ask_who_they_are_and_follow_nothing() -> None:
    assert [one.name for root in ("query", "subscription") for one in operations(root) if one.guard.appends] == [
        "viewer"
    ]


@pytest.mark.parametrize("loader", [one for one in loaders() if not is_abstract(one)], ids=lambda one: one.__name__)
def test_a_loader_says_which_permission_it_needs(loader: type[Loader[Any, Any]]) -> None:
    assert loader.needs is None or loader.needs in Permission


def test_an_edge_of_the_schema_ends_at_a_loader() -> None:
    found = dict(edges())
    assert len(found) > 50
    assert [name for name, edge in found.items() if not issubclass(edge.loader, Loader)] == []


def test_there_are_42_permissions_and_5_roles() -> None:
    assert len(Permission) == 42
    assert {role: len(held) for role, held in ROLES.items()} == {
        Role.OWNER: 42,
        Role.ADMIN: 38,
        Role.MAINTAINER: 26,
        Role.CONTRIBUTOR: 13,
        Role.VIEWER: 9,
    }


def test_each_role_holds_more_than_the_next_one() -> None:
    assert [greater > less for greater, less in pairwise(ROLES.values())] == [True] * 4


@pytest.mark.parametrize("permission", Permission)
def test_the_nearest_role_of_a_permission_is_the_least_that_holds_it(permission: Permission) -> None:
    holding = [role for role, held in ROLES.items() if permission in held]
    assert lowest_role(permission) == holding[-1]
