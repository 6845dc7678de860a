"""When everything above the database is wrong about whose a request is, the database still refuses.

Each operation is run as the owner of the first organisation, with ids of the first organisation, so that every filter
of a loader and every check of a resolver lets it pass; only the connection is bound to another organisation.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from dataloaders.base import Loaders
from dataloaders.nodes import BY_KIND
from maestro.db.engine import Scope
from resolvers.context import Context
from tests.fixtures.graphql import Api
from tests.fixtures.operations import ROOTS, Caller, Operation, places
from tests.fixtures.populating import populate

REFUSED = {"NOT_FOUND", "INTERNAL_SERVER_ERROR"}
"""What a mutation ends with: its audit entry, too, cannot be written for an organisation that is not the bound one."""
TOLD_OTHERWISE = {("setAlias", ("input", "expectedVersionId")), ("can", ("ids",))}
"""Ids that are only compared with the caller's own, or whose answer says that there is nothing: see the next test."""


PERSONAL = {"revokeSession"}
"""What is a person's, whatever organisation they act in; it is the owner who asks."""


@dataclass
class Deluded(Api):
    """Takes itself for the owner of the first organisation, on connections that are bound to another one."""

    scope: Scope | None = None

    def context(self) -> Context:
        ctx = super().context()
        assert self.scope is not None
        ctx.db = self.runtime.db.within(self.scope)
        ctx.loaders = Loaders(ctx.db, ctx.viewer)
        return ctx


@pytest.fixture
async def deluded(api: Api, foreign: Api) -> Caller:
    ids = await populate(api)
    await populate(foreign)
    return Caller(Deluded(api.runtime, api.viewer, foreign.viewer.scope), own=ids, theirs=ids)


@pytest.mark.parametrize("root", ROOTS)
async def test_without_the_filters_of_the_loaders_the_database_still_refuses(
    api: Api, deluded: Caller, root: str
) -> None:
    before = await api.state()
    answers = {
        (operation.name, operation.place): await deluded.codes(operation)
        for operation in places(root)
        if operation.name not in PERSONAL
    }
    allowed: set[Any] = REFUSED if root == "mutation" else {"NOT_FOUND"}
    let_through = {where: codes for where, codes in answers.items() if not codes or not set(codes) <= allowed}
    assert let_through.keys() - TOLD_OTHERWISE == set()
    assert await api.state() == before


async def test_without_the_filters_of_the_loaders_no_node_is_found(deluded: Caller) -> None:
    node = Operation("query", "node", ("id",))
    assert {kind: await deluded.codes(node, kind) for kind in BY_KIND} == {kind: ["NOT_FOUND"] for kind in BY_KIND}


async def test_without_the_filters_of_the_loaders_nothing_can_be_done_to_what_is_not_there(deluded: Caller) -> None:
    ids = [deluded.id_of(kind, is_theirs=True) for kind in BY_KIND]
    data = await deluded.api("query ($ids: [ID!]!) { can(actions: [RUN_WRITE], ids: $ids) { isFound } }", ids=ids)
    assert data["can"] == [{"isFound": False}] * len(ids)
