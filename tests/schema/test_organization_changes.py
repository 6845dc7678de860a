"""Organisations by GraphQL: made, renamed, switched between, and never known to strangers."""

import asyncio
from dataclasses import replace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from maestro.access import Limits, Permission, SignInMethod
from maestro.access.keys import KeySpec
from maestro.access.sessions import Origin
from maestro.db.tables.enums import ActorKind, Role, SignInWay
from maestro.ids import Kind, encode, uuid_of
from maestro.runtime import Runtime
from tests.fixtures.access import new_session
from tests.fixtures.graphql import Api, api_key, browser, viewer_as
from tests.fixtures.members import new_account, new_member, new_membership, new_project

CREATE = """
mutation ($name: String!, $slug: String!) {
  createOrganization(input: {name: $name, slug: $slug}) {
    __typename
    ... on OrganizationCreated { organization { id slug name role isCurrent } }
    ... on NameTaken { field message }
  }
}"""
UPDATE = """
mutation ($input: UpdateOrganizationInput!, $version: Int) {
  updateOrganization(input: $input, expectedVersion: $version) {
    __typename
    ... on OrganizationSaved { organization { slug name settings version } }
    ... on NameTaken { field message }
    ... on StaleVersion { current { ... on Organization { name version } } }
  }
}"""
SWITCH = "mutation ($id: ID!) { switchOrganization(id: $id) { organizations { slug isCurrent } } }"
OWN = "{ viewer { organizations { id slug name role isCurrent } } }"
WHERE = {"query": "{ organization { slug } }"}


async def create(api: Api, slug: str = "second", name: str = "Second") -> str:
    made = (await api(CREATE, name=name, slug=slug))["createOrganization"]
    assert made["__typename"] == "OrganizationCreated"
    found: str = made["organization"]["id"]
    return found


async def assert_refused(api: Api, code: str, query: str, *, asking: Api | None = None, **variables: object) -> None:
    before = await api.state()
    (error,) = await (asking or api).errors(query, **variables)
    assert error["extensions"]["code"] == code
    assert await api.state() == before


async def session_of(api: Api) -> str:
    opened = await new_session(
        api.runtime, api.viewer.actor_id, Origin(SignInWay.LINK), organization_id=api.viewer.organization_id
    )
    api.viewer = replace(api.viewer, session_id=opened.id)
    return opened.token


def signed_in(token: str) -> dict[str, str]:
    return {"cookie": f"maestro_session={token}", "origin": "http://testserver"}


async def place(http: httpx.AsyncClient, **headers: str) -> Any:
    answer = await http.post("/graphql", json=WHERE, headers=headers)
    content = answer.json()
    return content["data"]["organization"]["slug"] if "data" in content else content["errors"][0]["extensions"]["code"]


async def test_who_makes_an_organization_owns_it(api: Api) -> None:
    made = (await api(CREATE, name="Second", slug="second"))["createOrganization"]["organization"]
    key = uuid_of(Kind.Organization, made.pop("id"))
    assert made == {"slug": "second", "name": "Second", "role": "OWNER", "isCurrent": False}
    there = Api(api.runtime, viewer_as(Role.OWNER, api.viewer.actor_id, key))
    listed = "{ organization { name members { nodes { role user { name } } } } }"
    assert (await there(listed))["organization"] == {
        "name": "Second",
        "members": {"nodes": [{"role": "OWNER", "user": {"name": "Owner"}}]},
    }


async def test_a_slug_of_ones_own_is_taken(api: Api) -> None:
    await create(api)
    before = await api.state()
    taken = (await api(CREATE, name="Again", slug="second"))["createOrganization"]
    assert (taken["__typename"], taken["field"]) == ("NameTaken", "slug")
    assert await api.state() == before


async def test_a_slug_of_strangers_is_free_and_nobody_learns_of_them(api: Api, foreign: Api) -> None:
    slug = (await foreign("{ organization { slug } }"))["organization"]["slug"]
    assert await create(api, slug)


async def test_the_same_organization_asked_for_twice_at_once_is_made_once(api: Api) -> None:
    answers = await asyncio.gather(*(api(CREATE, name="Second", slug="second") for _ in range(2)))
    outcomes = sorted(answer["createOrganization"]["__typename"] for answer in answers)
    assert outcomes == ["NameTaken", "OrganizationCreated"]


@pytest.mark.parametrize("given", [{"name": " ", "slug": "a"}, {"name": "A", "slug": "A b"}])
async def test_a_bad_name_or_slug_is_refused(api: Api, given: dict[str, Any]) -> None:
    await assert_refused(api, "BAD_USER_INPUT", CREATE, **given)


async def test_a_member_with_the_least_role_makes_organizations_too(api: Api) -> None:
    assert await create(await new_member(api, Role.VIEWER))


async def test_a_program_makes_no_organization(api: Api) -> None:
    account = await new_account(api, role=Role.OWNER)
    viewer = replace(api.viewer, actor_id=account, actor_kind=ActorKind.SERVICE_ACCOUNT, method=SignInMethod.API_KEY)
    await assert_refused(api, "FORBIDDEN", CREATE, asking=Api(api.runtime, viewer), name="A", slug="a")


@pytest.mark.parametrize("limits", [Limits(scopes=frozenset(Permission)), Limits(is_append_only=True)])
async def test_a_narrowed_key_makes_no_organization(api: Api, limits: Limits) -> None:
    keyed = await new_member(api, Role.OWNER, limits=limits)
    await assert_refused(api, "FORBIDDEN", CREATE, asking=keyed, name="A", slug="a")


async def test_a_key_without_limits_makes_organizations(api: Api) -> None:
    assert await create(await new_member(api, Role.OWNER, limits=Limits()))


async def test_where_the_settings_do_not_allow_it_nobody_makes_organizations(api: Api) -> None:
    closed = replace(api.runtime, settings=api.runtime.settings.model_copy(update={"organization_creation": False}))
    await assert_refused(api, "FORBIDDEN", CREATE, asking=Api(closed, api.viewer), name="A", slug="a")


async def test_the_log_of_the_new_organization_tells_of_it_and_no_other(api: Api) -> None:
    key = uuid_of(Kind.Organization, await create(api))
    rows = await api.runtime.db.fetch_sql("SELECT organization_id, operation, target_id, after FROM audit_entry")
    assert [(row.organization_id, row.operation, row.target_id, row.after) for row in rows] == [
        (key, "createOrganization", key, {"name": "Second", "slug": "second"})
    ]


async def test_an_organization_is_changed(api: Api) -> None:
    given = {"name": "Vision", "slug": "vision", "settings": {"theme": "dark"}}
    saved = (await api(UPDATE, input=given, version=1))["updateOrganization"]
    assert saved["organization"] == {**given, "version": 2}


async def test_an_outdated_change_of_an_organization_is_answered_with_what_it_is_now(api: Api) -> None:
    await api(UPDATE, input={"name": "Vision"})
    before = await api.state()
    stale = (await api(UPDATE, input={"name": "Audio"}, version=1))["updateOrganization"]
    assert stale == {"__typename": "StaleVersion", "current": {"name": "Vision", "version": 2}}
    assert await api.state() == before


async def test_the_slug_of_another_of_ones_own_is_taken(api: Api) -> None:
    await create(api)
    before = await api.state()
    assert (await api(UPDATE, input={"slug": "second"}))["updateOrganization"]["field"] == "slug"
    assert await api.state() == before


async def test_its_own_slug_is_not_taken(api: Api) -> None:
    own = (await api("{ organization { slug } }"))["organization"]["slug"]
    assert (await api(UPDATE, input={"slug": own}))["updateOrganization"]["__typename"] == "OrganizationSaved"


@pytest.mark.parametrize("given", [{"name": None}, {"settings": [1]}, {"slug": "A"}])
async def test_what_an_organization_cannot_be_is_refused(api: Api, given: dict[str, object]) -> None:
    await assert_refused(api, "BAD_USER_INPUT", UPDATE, input=given)


async def test_an_admin_does_not_change_the_organization(api: Api) -> None:
    await assert_refused(api, "FORBIDDEN", UPDATE, asking=await new_member(api, Role.ADMIN), input={"name": "A"})


async def test_the_viewers_organizations_are_theirs_alone_with_their_role_in_each(api: Api, foreign: Api) -> None:
    await create(api)
    await new_membership(foreign, Role.VIEWER, user=api.viewer.actor_id, project=await new_project(foreign))
    listed = (await api(OWN))["viewer"]["organizations"]
    assert api.statements == 1
    assert [(one["slug"], one["role"], one["isCurrent"]) for one in listed] == [
        ("default", "OWNER", True),
        ("other", None, False),
        ("second", "OWNER", False),
    ]
    assert [one["slug"] for one in (await foreign(OWN))["viewer"]["organizations"]] == ["other"]


async def test_an_organization_that_one_has_left_is_not_listed(api: Api, foreign: Api) -> None:
    member = await new_member(api, Role.VIEWER)
    await new_membership(foreign, Role.VIEWER, user=member.viewer.actor_id)
    await member("mutation { leaveOrganization { __typename } }")
    assert [one["slug"] for one in (await member(OWN))["viewer"]["organizations"]] == ["other"]


async def test_a_key_is_told_of_the_organization_alone_that_it_is_made_for(api: Api) -> None:
    await create(api)
    api.viewer = replace(api.viewer, method=SignInMethod.API_KEY)
    assert [one["slug"] for one in (await api(OWN))["viewer"]["organizations"]] == ["default"]


async def test_a_session_switches(app: Starlette, api: Api) -> None:
    second, token = await create(api), await session_of(api)
    async with browser(app, **signed_in(token)) as http:
        assert await place(http) == "default"
        switched = (await api(SWITCH, id=second))["switchOrganization"]["organizations"]
        assert switched == [{"slug": "default", "isCurrent": False}, {"slug": "second", "isCurrent": True}]
        assert await place(http) == "second"


@pytest.mark.parametrize("is_id", [False, True])
async def test_nobody_gets_what_is_meant_for_another_organization_by_taking_its_slug(
    app: Starlette, api: Api, foreign: Api, *, is_id: bool
) -> None:
    here = api.viewer.organization_id
    name = str(here) if is_id else "default"
    await new_membership(foreign, Role.VIEWER, user=api.viewer.actor_id)
    await foreign(UPDATE, input={"slug": name})
    api.viewer = replace(api.viewer, organization_id=foreign.viewer.organization_id)
    token = await session_of(api)
    for meant, found in ((name, "default" if is_id else "NOT_FOUND"), (encode(Kind.Organization, here), "default")):
        async with browser(app, **signed_in(token), **{"x-maestro-organization": meant}) as http:
            assert await place(http) == found


async def test_a_session_does_not_switch_to_strangers(api: Api, foreign: Api) -> None:
    await session_of(api)
    theirs = encode(Kind.Organization, foreign.viewer.organization_id)
    await assert_refused(api, "NOT_FOUND", SWITCH, id=theirs)


async def test_a_key_does_not_switch(api: Api) -> None:
    second = await create(api)
    api.viewer = replace(api.viewer, method=SignInMethod.API_KEY)
    await assert_refused(api, "FORBIDDEN", SWITCH, id=second)


async def test_a_request_names_an_organization_by_its_slug_or_id(app: Starlette, api: Api) -> None:
    second, token = await create(api), await session_of(api)
    async with browser(app, **signed_in(token)) as http:
        for name in ("second", second, str(uuid_of(Kind.Organization, second))):
            assert await place(http, **{"x-maestro-organization": name}) == "second"
        assert await place(http) == "default"


async def test_a_request_that_names_strangers_finds_nothing(app: Starlette, api: Api, foreign: Api) -> None:
    token = await session_of(api)
    async with browser(app, **signed_in(token)) as http:
        for name in ("other", "made-up", encode(Kind.Organization, foreign.viewer.organization_id)):
            assert await place(http, **{"x-maestro-organization": name}) == "NOT_FOUND"


async def test_a_key_acts_in_its_own_organization_alone(app: Starlette, runtime: Runtime, api: Api) -> None:
    second = await create(api)
    here = api.viewer.organization_id
    key = await api_key(runtime, KeySpec(organization_id=here, user_id=api.viewer.actor_id, name="k"))
    async with browser(app, authorization=f"Bearer {key}") as http:
        for name in ("default", encode(Kind.Organization, here)):
            assert await place(http, **{"x-maestro-organization": name}) == "default"
        for name in ("second", second):
            assert await place(http, **{"x-maestro-organization": name}) == "NOT_FOUND"


async def test_a_renamed_organization_is_known_by_its_new_slug_at_once(app: Starlette, api: Api) -> None:
    token = await session_of(api)
    async with browser(app, **signed_in(token)) as http:
        assert await place(http, **{"x-maestro-organization": "default"}) == "default"
        await api(UPDATE, input={"slug": "vision"})
        assert await place(http, **{"x-maestro-organization": "vision"}) == "vision"
        assert await place(http, **{"x-maestro-organization": "default"}) == "NOT_FOUND"
