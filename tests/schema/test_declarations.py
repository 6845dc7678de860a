"""What the types declare is there: the columns of the leaves, the keys of the edges, a cap on each list."""

import inspect
from collections import defaultdict
from dataclasses import fields
from typing import Any, Final, get_args, get_origin

import pytest
from graphql import GraphQLList, get_nullable_type
from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField

from dataloaders.base import Loader
from dataloaders.lists import ListLoader
from dataloaders.nodes import BY_KIND
from execution.declare import DECLARATION, Column, Computed, Edge, Shape, declarations, object_type
from maestro.db import tables
from maestro.db.engine import Database
from maestro.db.rows import Row
from maestro.ids import Kind
from resolvers.caching import AnswerStanding, DocumentStanding, FieldStanding
from schema import schema

ROOTS: Final = {"Query", "Mutation", "Subscription"}
ASYNC: Final = {
    "Node.viewer_permissions": "which column leads to its project depends on the kind, and mostly its row tells",
    "AuditEntry.target": "two columns lead to it, one of them says to which table",
    "Viewer.organizations": "the database shows a request one organisation, the door knows all of the viewer's",
    "Viewer.sessions": "the database shows sessions to the door alone",
}
"""Resolvers below the root that await something by themselves, each with the reason why it cannot be an edge."""

COMPOSED: Final = {
    "AliasesByModel": "asks one table for now and another one for a moment in the past",
    "BestRunByExperiment": "sorts by the metric that is asked for",
    "LatestVersionByModel": "takes the first of a lateral join",
    "MovesByAlias": "takes as many of a lateral join as are asked for",
    "RunGroups": "groups by what is asked for",
}
"""Loaders with SQL of their own that is no prepared statement; tests of their nouns read all that their types have."""

MADE_BY_HAND: Final = {
    "AnswerCacheStats": {field.name for field in fields(AnswerStanding)} | {"hit_rate"},
    "DocumentCacheStats": {field.name for field in fields(DocumentStanding)} | {"hit_rate"},
    "FieldCacheStats": {field.name for field in fields(FieldStanding)} | {"hit_rate"},
    "LineageEdge": set(tables.LineageEdge.__table__.c.keys()),
    "MetricAggregates": {"n", "least", "mean", "greatest"},
    "Session": {"id", "way", "address", "user_agent", "created_at", "last_seen_at", "expires_at", "is_current"},
    "ViewerOrganization": {"id", "slug", "name", "role", "is_current"},
}
"""What the rows of the database have that another object hands on to such a type."""

CAPPED: Final[dict[str, str]] = {
    "Query.nodes": "as many as the ids that were given, at most 200",
    "Query.processes": "the processes of an installation",
    "RunComparison.runs": "as many as the ids that were given",
    "ComparedParam.values": "one a run that is compared",
    "ComparedMetric.context": "the pairs in a name",
    "ComparedMetric.last": "one a run that is compared",
    "ComparedMetric.min": "one a run that is compared",
    "ComparedMetric.max": "one a run that is compared",
    "SearchResult.hits": "at most 100",
    "FilterVocabulary.fields": "the fields of a list",
    "FilterVocabulary.spaces": "three at most",
    "FilterVocabulary.completions": "at most 50",
    "OperationExplanation.errors": "five at most",
    "OperationExplanation.measures": "there are six",
    "OperationExplanation.rootFields": "as many as an operation may have",
    "OperationExplanation.charges": "there are three buckets",
    "FilterField.operators": "the operators of the language",
    "FilterField.values": "the members of an enum",
    "FilterSpace.operators": "the operators of the language",
    "FilterSpace.knownKeys": "at most 500",
    "LineageGraph.nodes": "capped by the walk",
    "LineageGraph.edges": "capped by the walk",
    "MetricAppended.series": "the series of one batch",
    "AccessPolicy.grants": "the roles of a bucket",
    "ContainerSettings.storedPolicies": "five at most",
    "ConnectorObjectPage.nodes": "at most 1,000",
    "ConnectorTablePage.nodes": "at most 1,000",
    "Mutation.cancelQuery": "as many as one person runs under one key",
    "Preview.columns": "the columns of a table, or the fields of documents that are read",
    "Preview.rows": "at most 1,000",
    "QueryResult.columns": "the columns of a statement",
    "QueryResult.rows": "as many as a setting allows",
    "JobUpdate.events": "at most 500",
    "JobSchedule.nextRuns": "at most 100",
    "SyncOptions.include": "at most 100",
    "SyncOptions.exclude": "at most 100",
    "SyncShare.samples": "at most 10",
    "SyncVerification.samples": "at most 10",
    "Node.viewerPermissions": "there are 42",
    "RoleInfo.permissions": "there are 42",
    "PersistedDocument.problems": "five of one document are told",
    "DocumentsRegistered.documents": "at most 2,000",
    "Query.roles": "there are five",
    "Query.can": "at most 200 ids with 42 actions",
    "Viewer.organizations": "at most 200",
    "Viewer.sessions": "at most 200",
    "CacheStats.fields": "the fields that are declared to be kept by themselves",
    "CacheCleared.tags": "there are thirteen",
    "Mutation.requestUploads": "as many as the files that were given, at most 1,000",
    "Mutation.completeUploads": "as many as the paths that were given, at most 1,000",
    "SignedUpload.headers": "those of one request",
    "Mutation.revokeOtherSessions": "as many as the person has opened and not ended",
    "DatabaseHealth.findings": "a few for each table and index of the schema",
    "DatabaseHealth.tables": "the tables of the schema",
    "DatabaseHealth.indexes": "the indexes of the schema",
    "SlowStatements.statements": "at most 200",
    "OrganizationLeft.organizations": "at most 200",
    "OrganizationSwitched.organizations": "at most 200",
}
"""Lists that are neither a connection's, nor an edge's, nor part of one row; each with what keeps it short."""

DEFINITIONS: Final[dict[str, StrawberryObjectDefinition]] = {
    name: found
    for name, type_ in schema._schema.type_map.items()
    if isinstance(found := type_.extensions.get("strawberry-definition"), StrawberryObjectDefinition)
    and not found.is_input
}
CONNECTIONS: Final = {name for name in DEFINITIONS if name.endswith("Connection")}
INTERFACES: Final = {name for name, definition in DEFINITIONS.items() if definition.is_interface}


def needed(name: str) -> set[str]:
    """The columns that the declarations of a type read."""
    columns: set[str] = set()
    for field, declared in declarations(DEFINITIONS[name].fields).items():
        match declared:
            case Column():
                columns.add(field)
            case Computed(read):
                columns |= set(read)
            case Edge(key=str(key)):
                columns.add(key)
    return columns


def made_by() -> dict[str, set[type[Loader[Any, Any]]]]:
    """The loaders whose rows become objects of each type."""
    found: dict[str, set[Any]] = defaultdict(set)
    for definition in DEFINITIONS.values():
        for field in definition.fields:
            edge = field.metadata.get(DECLARATION)
            if not isinstance(edge, Edge) or edge.shape is Shape.VALUE:
                continue
            target: Any = object_type(field.type)
            if edge.shape is Shape.PAGE:
                target = object_type(next(iter(target.__strawberry_definition__.type_var_map.values())))
            found[target.__strawberry_definition__.name].add(edge.loader)
    return found


MADE_BY: Final = made_by()
PAIRS: Final = [(name, one) for name, made in MADE_BY.items() for one in sorted(made, key=lambda one: one.__name__)]


def answer(loader: type[Loader[Any, Any]]) -> Any:
    """The type of a loader's answers, without the list or the null around it."""
    bases = loader.__orig_bases__  # type: ignore[attr-defined] # set by typing
    declared = get_args(next(base for base in bases if issubclass(get_origin(base) or object, Loader)))[-1]
    return next((one for one in get_args(declared) if one is not type(None)), declared)


async def columns(db: Database, loader: type[Loader[Any, Any]]) -> set[str] | None:
    """What a loader's rows have; None where the loader has no prepared statement."""
    if issubclass(loader, ListLoader):
        return set(loader.catalogue.columns.keys())
    if hasattr(loader, "statement"):
        async with db.driver() as connection:
            return {column.name for column in (await connection.prepare(loader.statement.sql)).get_attributes()}
    made = answer(loader)
    return None if made is Row else {*dir(made), *(field.name for field in fields(made))}


@pytest.mark.parametrize(("name", "loader"), PAIRS, ids=[f"{name}-{loader.__name__}" for name, loader in PAIRS])
async def test_the_rows_of_a_loader_have_what_the_type_reads(
    db: Database, name: str, loader: type[Loader[Any, Any]]
) -> None:
    found = await columns(db, loader)
    if found is None:
        assert loader.__name__ in COMPOSED
    else:
        assert needed(name) - found == set()


@pytest.mark.parametrize("name", sorted({name for name in DEFINITIONS if needed(name)} - set(MADE_BY) - INTERFACES))
def test_a_row_that_another_object_hands_on_has_what_the_type_reads(name: str) -> None:
    if name in MADE_BY_HAND:
        assert needed(name) - MADE_BY_HAND[name] == set()
        return
    (made,) = (field.type for field in fields(DEFINITIONS[name].origin) if field.name == "row")
    assert needed(name) - {*dir(get_args(made)[0]), *(field.name for field in fields(get_args(made)[0]))} == set()


def is_inherited(name: str, field: StrawberryField) -> bool:
    """Whether a field is that of every node, looked at once."""
    return name != "Node" and field.python_name == "viewer_permissions"


def test_nothing_below_the_root_awaits_by_itself() -> None:
    awaiting = {
        f"{name}.{field.python_name}"
        for name, definition in DEFINITIONS.items()
        if name not in ROOTS
        for field in definition.fields
        if not is_inherited(name, field)
        and field.base_resolver
        and inspect.iscoroutinefunction(field.base_resolver.wrapped_func)
    }
    assert awaiting == set(ASYNC)


def test_every_list_is_a_connection_an_edge_part_of_a_row_or_capped() -> None:
    name_of = schema.config.name_converter.get_graphql_name
    types: Any = schema._schema.type_map
    bare = {
        f"{name}.{name_of(field)}"
        for name, definition in DEFINITIONS.items()
        if name not in CONNECTIONS
        for field in definition.fields
        if DECLARATION not in field.metadata
        and not is_inherited(name, field)
        and isinstance(get_nullable_type(types[name].fields[name_of(field)].type), GraphQLList)
    }
    assert bare == set(CAPPED)


@pytest.mark.parametrize("kind", BY_KIND)
def test_what_can_be_found_by_id_is_a_node(kind: Kind) -> None:
    assert DEFINITIONS[kind.name].origin.kind is kind
