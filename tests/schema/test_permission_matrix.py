"""Every operation, as each role, as a member of one project and by narrowed keys: refused where it has to be."""

from collections.abc import Callable, Mapping
from typing import Final

import pytest
from uuid_utils.compat import uuid7

from maestro.access import Limits, Permission, Viewer
from maestro.access.permissions import APPENDING
from maestro.db.tables.enums import Role
from maestro.ids import Kind
from tests.fixtures.graphql import Api, viewer_as
from tests.fixtures.operations import ROOTS, TOLD_OTHERWISE, Caller, Ids, Operation, operations, places
from tests.fixtures.populating import populate

READS: Final = frozenset(one for one in Permission if one.endswith(":read"))
REFUSED: Final = ["FORBIDDEN"]
EVERYTHING: Final = [operation for root in ROOTS for operation in operations(root)]

Answers = Mapping[str, list[str]]


@pytest.fixture
async def home(api: Api) -> Ids:
    """One of everything, in a project."""
    return await populate(api)


@pytest.fixture
async def away(api: Api) -> Ids:
    """One of everything in another project of the same organisation."""
    return await populate(api, "q")


def is_refused(operation: Operation, viewer: Viewer) -> bool:
    """Whether a viewer holds the permission of a root field nowhere."""
    guard = operation.guard
    if viewer.grants.is_append_only and not guard.appends:
        return True
    return guard.needs is not None and not viewer.grants.allow_somewhere(guard.needs)


async def answers(api: Api, viewer: Viewer, ids: Ids, *, which: Callable[[Operation], bool]) -> Answers:
    """The codes of the errors with which operations end."""
    caller = Caller(Api(api.runtime, viewer), ids)
    return {one.name: await caller.codes(one) for one in EVERYTHING if which(one)}


async def assert_refused_by_the_book(api: Api, viewer: Viewer, ids: Ids, *, finer: frozenset[str]) -> None:
    """Assert that FORBIDDEN comes where a permission is missing, changing nothing, and nowhere else.

    `finer` are the operations in which it depends on more than one permission, and their sample asks for too much.
    Where no permission is named, the operation decides by itself.
    """
    before = await api.state()
    refused = await answers(api, viewer, ids, which=lambda one: is_refused(one, viewer))
    assert {name: codes for name, codes in refused.items() if codes != REFUSED} == {}
    assert await api.state() == before
    allowed = await answers(api, viewer, ids, which=lambda one: not is_refused(one, viewer))
    decided = {one.name for one in EVERYTHING if one.guard.needs is not None}
    assert {name for name, codes in allowed.items() if codes == REFUSED and name in decided} == finer
    assert {name for name, codes in allowed.items() if "INTERNAL_SERVER_ERROR" in codes} == set()


@pytest.mark.parametrize("role", Role)
async def test_a_role_is_refused_what_it_does_not_hold_and_nothing_else(api: Api, home: Ids, role: Role) -> None:
    viewer = viewer_as(role, api.viewer.actor_id, api.viewer.organization_id)
    await assert_refused_by_the_book(api, viewer, home, finer=frozenset())


@pytest.mark.parametrize(
    ("scopes", "finer"),
    [
        (READS, set()),
        ({Permission.RUN_WRITE, Permission.EXPERIMENT_READ}, {"useArtifact"}),
        ({Permission.MODEL_WRITE, Permission.CONNECTOR_MANAGE, Permission.JOB_READ}, set()),
        (set(), set()),
    ],
    ids=["reads", "runs", "others", "nothing"],
)
async def test_a_key_is_refused_what_is_not_in_its_scopes_and_nothing_else(
    api: Api, home: Ids, *, scopes: set[Permission], finer: set[str]
) -> None:
    limits = Limits(scopes=frozenset(scopes))
    viewer = viewer_as(Role.OWNER, api.viewer.actor_id, api.viewer.organization_id, limits=limits)
    await assert_refused_by_the_book(api, viewer, home, finer=frozenset(finer))


async def test_a_key_that_only_logs_is_refused_everything_else(api: Api, home: Ids) -> None:
    limits = Limits(is_append_only=True)
    viewer = viewer_as(Role.OWNER, api.viewer.actor_id, api.viewer.organization_id, limits=limits)
    assert viewer.grants.everywhere == APPENDING
    await assert_refused_by_the_book(api, viewer, home, finer=frozenset())


IN_ORGANIZATION: Final = {"createConnector", "importProject"}
"""What takes a permission in a project, and is done in the whole organisation unless a project is named, if at all."""
OF_MEMBERS: Final = {"inviteMember", "updateMembership", "removeMembership"}
"""What is about the whole organisation unless a project is named, or takes SERVICE_ACCOUNT_MANAGE there."""
OUTSIDE: Final = {Kind.Organization, Kind.User, Kind.ServiceAccount, Kind.ApiKey, Kind.Session, Kind.Invitation}
"""What lies in no project, or need not."""


async def new_member(api: Api, ids: Ids) -> Viewer:
    """Somebody who maintains one project and nothing besides."""
    user = uuid7()
    async with api.runtime.db.transaction() as tx:
        await tx.fetch_sql("INSERT INTO \"user\" (id, email, name) VALUES ($1, 'm@example.org', 'M')", user)
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, user_id, project_id, role) "
            "VALUES ($1, $2, $3, $4, 'MAINTAINER')",
            uuid7(),
            api.viewer.organization_id,
            user,
            ids[Kind.Project],
        )
    return viewer_as(None, user, api.viewer.organization_id, in_projects={ids[Kind.Project]: Role.MAINTAINER})


def key_of(api: Api, ids: Ids) -> Viewer:
    """The owner with a key for one project."""
    limits = Limits(projects=frozenset({ids[Kind.Project]}))
    return viewer_as(Role.OWNER, api.viewer.actor_id, api.viewer.organization_id, limits=limits)


async def test_a_member_of_a_project_is_refused_there_what_they_do_not_hold_and_nothing_else(
    api: Api, home: Ids
) -> None:
    await assert_refused_by_the_book(api, await new_member(api, home), home, finer=frozenset(IN_ORGANIZATION))


async def test_a_key_for_a_project_is_refused_there_what_it_does_not_hold_and_nothing_else(api: Api, home: Ids) -> None:
    await assert_refused_by_the_book(api, key_of(api, home), home, finer=frozenset(IN_ORGANIZATION | OF_MEMBERS))


async def assert_nothing_is_there(api: Api, viewer: Viewer, *, home: Ids, away: Ids) -> None:
    """Assert that what lies in another project is neither found nor changed, wherever its id can stand."""
    caller = Caller(Api(api.runtime, viewer), home, away)
    codes = {one: await caller.codes(one) for root in ROOTS for one in places(root)}
    inside = [one for one in codes if caller.wanted.get((one.name, one.place)) not in OUTSIDE]
    told = {(one.name, one.place): codes[one] for one in inside if codes[one] not in (REFUSED, ["NOT_FOUND"])}
    assert told == {place: codes for place, codes in TOLD_OTHERWISE.items() if codes != REFUSED}
    assert sum(codes[one] == ["NOT_FOUND"] for one in inside) > 50
    before = await api.state()
    for one in inside:
        await caller.codes(one)
    assert await api.state() == before


async def test_a_member_of_a_project_finds_nothing_of_another_and_changes_nothing_there(
    api: Api, home: Ids, away: Ids
) -> None:
    await assert_nothing_is_there(api, await new_member(api, home), home=home, away=away)


async def test_a_key_for_a_project_finds_nothing_of_another_and_changes_nothing_there(
    api: Api, home: Ids, away: Ids
) -> None:
    await assert_nothing_is_there(api, key_of(api, home), home=home, away=away)
