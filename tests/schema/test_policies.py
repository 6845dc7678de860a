"""What may be kept of whole operations, and that every table that one reads makes its answer stale."""

import asyncio
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from graphql import parse

from execution.policies import policy_of
from execution.policy import NOT_CACHEABLE, Policy, Scope
from maestro.cache import TAGS, CacheTag
from maestro.db.tables import Base
from maestro.ids import Kind
from maestro.settings import Settings
from schema import schema
from tests.fixtures.filling import Filled, fill
from tests.fixtures.generated_operations import Document, Material, Values, Writer
from tests.fixtures.graphql import Api
from tests.fixtures.operations import ROOTS

READ: Final = re.compile(r'\b(?:FROM|JOIN)\s+(?:public\.)?"?([a-z_]+)"?')
POINTS: Final = dict.fromkeys(("metric_hot", "metric_block"), CacheTag.METRICS)
"""Whoever writes points writes to their series too; packing them changes none."""
TAG_OF: Final = {table.__tablename__: tag for table, tag in TAGS.items()} | POINTS
DOCUMENTS: Final = 40
"""So many documents are generated for each root field."""

CACHEABLE = {
    "{ roles { role } }": (Scope.PUBLIC, set()),
    "{ projects { nodes { id name } } }": (Scope.ORGANIZATION, {"projects"}),
    "{ projects { totalCount nodes { id createdBy { name } } } }": (Scope.ORGANIZATION, {"projects", "members"}),
    "{ runs { nodes { name number } } }": (Scope.ORGANIZATION, {"runs"}),
    "{ runs(filterText: \"status = 'RUNNING'\") { nodes { name } } }": (
        Scope.ORGANIZATION,
        {"runs", "params", "metrics", "metric_keys"},
    ),
    "{ viewer { method role } }": (Scope.VIEWER, {"members"}),
    "{ organization { name } __typename }": (Scope.ORGANIZATION, {"organization"}),
    "query { ...Q } fragment Q on Query { models { nodes { ...N } } } fragment N on Node { id }": (
        Scope.ORGANIZATION,
        {"models"},
    ),
    '{ search(text: "x") { hits { node { ... on Run { params { key } } } } } }': (
        Scope.ORGANIZATION,
        {"projects", "experiments", "runs", "models", "artifacts", "connectors", "params"},
    ),
}
NEVER = [
    "{ __typename }",
    "{ __schema { queryType { name } } }",
    '{ node(id: "x") { id } }',
    "{ viewer { apiKeyName } }",
    "{ organization { usage { runs } } }",
    "{ projects { nodes { viewerPermissions } } }",
    "{ projects { nodes { name } } auditLog { nodes { id } } }",
    "{ nonsense }",
    'mutation { createProject(input: {name: "x"}) { __typename } }',
    'subscription { runEvents(id: "x") { __typename } }',
    "query A { roles { role } } query B { roles { role } }",
]


def policy(query: str) -> Policy:
    return policy_of(schema._schema, parse(query), None)


@pytest.mark.parametrize("query", CACHEABLE)
def test_an_operation_has_the_strictest_scope_and_all_tags_of_its_fields(query: str) -> None:
    found = policy(query)
    assert (found.is_cacheable, found.scope, {str(tag) for tag in found.tags}) == (True, *CACHEABLE[query])


@pytest.mark.parametrize("query", NEVER)
def test_an_operation_with_a_field_without_a_policy_is_not_kept(query: str) -> None:
    assert policy(query) == NOT_CACHEABLE


def test_the_shortest_time_counts() -> None:
    assert policy('{ projects { nodes { id } } search(text: "x") { hits { title } } }').max_age == 60


def test_a_fragment_that_is_spread_again_and_again_is_looked_at_once() -> None:
    levels = 25
    fragments = " ".join(
        f"fragment F{i} on Experiment {{ a: project {{ ...P{i + 1} }} b: project {{ ...P{i + 1} }} }} "
        f"fragment P{i + 1} on Project {{ a: experiments {{ nodes {{ ...F{i + 1} }} }} "
        f"b: experiments {{ nodes {{ ...F{i + 1} }} }} }}"
        for i in range(levels)
    )
    query = f"{{ experiments {{ nodes {{ ...F0 }} }} }} {fragments} fragment F{levels} on Experiment {{ id }}"
    assert policy(query).tags == ("experiments", "projects")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with one connection, on which all that is read is seen."""
    unlimited = {f"rate_limit_{name}": "off" for name in ("requests", "cost", "ingest")}
    return Settings(data_dir=tmp_path / "data", pool_size=1, cache=False, _env_file=None, **unlimited)  # type: ignore[arg-type,call-arg] # as pydantic reads them


def documents(random: Random) -> Iterator[Document]:
    for name in ROOTS["query"].fields:
        yield from (Writer(random, "query", name).write() for _ in range(DOCUMENTS))


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
async def test_every_table_that_a_generated_operation_reads_makes_its_answer_stale(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("CRITICAL", logger="strawberry.execution")
    random, filled = Random(20261129), await fill(api, "word", 4_111_222_000)
    values, seen = values_of(filled, random), list[str]()
    async with api.runtime.db.driver() as connection:
        connection.add_query_logger(lambda logged: seen.append(logged.query))
    kept: dict[str, int] = defaultdict(int)
    missing: dict[str, set[str]] = defaultdict(set)
    for document in documents(random):
        found = policy(document.text)
        if not found.is_cacheable:
            continue
        seen.clear()
        data, errors = await api.run(document.text, **values.of(document))
        kept[document.name] += data is not None
        if errors:
            # What a sibling of the field that has failed still asks for is not the next operation's.
            await asyncio.sleep(0.05)
        tables = {name for sql in seen for name in READ.findall(sql)} & Base.metadata.tables.keys()
        missing[document.name] |= {name for name in tables if TAG_OF.get(name) not in found.tags}
    assert {name: tables for name, tables in missing.items() if tables} == {}
    assert sum(kept.values()) > 100
    assert len(kept) > 20


def values_of(filled: Filled, random: Random) -> Values:
    nothing: dict[Kind, Any] = {}
    texts = [*filled.texts, "x"]
    values = Values(random, Material(filled.ids, texts, nothing, texts, filled.number, [], {}))
    values.material = replace(values.material, theirs=filled.ids)
    return values
