"""No root field that takes an id answers with, or changes, what belongs to another organisation."""

import json
from dataclasses import replace

import pytest
from uuid_utils.compat import uuid7

from dataloaders.nodes import BY_KIND
from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.operations import ROOTS, TOLD_OTHERWISE, Caller, Operation, places
from tests.fixtures.populating import populate


@pytest.fixture
async def stranger(api: Api, foreign: Api) -> Caller:
    """Somebody of another organisation that has the same things as the first one."""
    return Caller(foreign, own=await populate(foreign), theirs=await populate(api))


@pytest.mark.parametrize("root", ROOTS)
async def test_a_strangers_id_is_not_found_wherever_it_can_stand_and_changes_nothing(
    api: Api, stranger: Caller, root: str
) -> None:
    before = await api.state()
    answers = {(one.name, one.place): await stranger.codes(one) for one in places(root)}
    expected = {place: codes for place, codes in TOLD_OTHERWISE.items() if place in answers}
    assert {place: codes for place, codes in answers.items() if codes != ["NOT_FOUND"]} == expected
    assert await api.state() == before


async def test_no_node_of_another_organization_is_found(stranger: Caller) -> None:
    node = Operation("query", "node", ("id",))
    assert {kind: await stranger.codes(node, kind) for kind in BY_KIND} == dict.fromkeys(BY_KIND, ["NOT_FOUND"])  # noqa: RUF024 -- only compared


@pytest.mark.parametrize("root", ROOTS)
async def test_a_strangers_viewer_is_told_the_same_of_an_id_whether_or_not_anybody_has_it(
    api: Api, stranger: Caller, root: str
) -> None:
    actor, organization = stranger.api.viewer.actor_id, stranger.api.viewer.organization_id
    viewer = Api(api.runtime, viewer_as(Role.VIEWER, actor, organization, name="Stranger"))
    theirs = replace(stranger, api=viewer)
    nobodys = replace(theirs, theirs={kind: uuid7() for kind in stranger.theirs})
    before = await api.state()
    for one in places(root):
        kind = await stranger.kind(one)
        told, known = await theirs.told(one, kind), await nobodys.told(one, kind)
        sent, made = theirs.id_of(kind, is_theirs=True), nobodys.id_of(kind, is_theirs=True)
        assert [json.dumps(error).replace(sent, made) for error in told] == [json.dumps(error) for error in known]
        codes = [error["extensions"]["code"] for error in told]
        assert codes in (["NOT_FOUND"], ["FORBIDDEN"], TOLD_OTHERWISE.get((one.name, one.place)))
    assert await api.state() == before
