"""Making API keys by GraphQL: what a key is made of, and that nobody grants what they do not hold."""

from datetime import UTC, datetime, timedelta

import pytest

from maestro.access.door import Credentials
from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.schema.api_key_texts import (
    CREATE,
    by_key,
    colleague,
    create,
    project,
    projects_of,
    service_account,
    through_key,
)

CREATE_PROJECT = 'mutation { createProject(input: {name: "New"}) { __typename } }'
PROJECTS = "{ projects { nodes { name } } }"


async def refused(api: Api, **given: object) -> dict[str, object]:
    """Assert that a key is not made and that nothing changes; return the error's extensions."""
    before = await api.state()
    (error,) = await api.errors(CREATE, input={"name": "test", **given})
    assert await api.state() == before
    extensions: dict[str, object] = error["extensions"]
    return extensions


async def test_a_key_without_limits_holds_all_that_its_bearer_does(api: Api) -> None:
    made = await create(api, name=" nightly ")
    assert made["key"].startswith("mst_")
    assert len(made["key"]) == 47
    assert made["apiKey"] == {
        "id": made["apiKey"]["id"],
        "name": "nightly",
        "prefix": made["key"][:12],
        "scopes": None,
        "addresses": None,
        "appendOnly": False,
        "expiresAt": None,
        "revokedAt": None,
        "isActive": True,
        "user": {"email": "owner@localhost"},
        "serviceAccount": None,
        "createdBy": {"name": "Owner"},
        "rotatedFrom": None,
    }
    assert await projects_of(api, made["apiKey"]["id"]) is None
    assert (await by_key(api, made["key"])).viewer.grants == api.viewer.grants


async def test_the_key_is_shown_once_and_neither_stored_nor_audited(api: Api) -> None:
    key = (await create(api))["key"]
    for table in ("api_key", "audit_entry"):
        rows = await api.runtime.db.fetch_sql(f"SELECT t::text AS row FROM {table} t")
        assert len(rows) == 1
        assert key not in rows[0].row


async def test_a_key_has_the_limits_that_are_given(api: Api) -> None:
    vision = await project(api, "Vision")
    await project(api, "Speech")
    end = datetime.now(UTC) + timedelta(days=2)
    made = await create(
        api,
        scopes=["RUN_WRITE", "PROJECT_READ", "RUN_WRITE"],
        projectIds=[vision, vision],
        addresses=["192.0.2.7", "10.0.0.0/8", "::ffff:203.0.113.0/120", "2001:db8::/32"],
        expiresAt=end.isoformat(),
    )
    shown = made["apiKey"]
    assert shown["scopes"] == ["PROJECT_READ", "RUN_WRITE"]
    assert await projects_of(api, shown["id"]) == ["Vision"]
    assert shown["addresses"] == ["192.0.2.7/32", "10.0.0.0/8", "203.0.113.0/24", "2001:db8::/32"]
    assert datetime.fromisoformat(shown["expiresAt"]) == end


async def test_a_key_sees_its_projects_and_does_what_its_scopes_say(api: Api) -> None:
    vision = await project(api, "Vision")
    await project(api, "Speech")
    narrow = await through_key(api, scopes=["PROJECT_READ"], projectIds=[vision])
    assert await narrow(PROJECTS) == {"projects": {"nodes": [{"name": "Vision"}]}}
    before = await api.state()
    (error,) = await narrow.errors(CREATE_PROJECT)
    assert error["extensions"]["code"] == "FORBIDDEN"
    assert await api.state() == before


async def test_a_key_expires_in_days(api: Api) -> None:
    made = await create(api, expiresInDays=90)
    rest = datetime.fromisoformat(made["apiKey"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23, minutes=59) < rest <= timedelta(days=90)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"scopes": []}, "scopes"),
        ({"projectIds": []}, "projectIds"),
        ({"addresses": []}, "addresses"),
        ({"addresses": ["somewhere"]}, "addresses"),
        ({"addresses": ["10.0.0.1/8"]}, "addresses"),
        ({"addresses": ["300.0.0.1"]}, "addresses"),
        ({"addresses": ["10.0.0.1"] * 101}, "addresses"),
        ({"expiresInDays": 0}, "expiresInDays"),
        ({"expiresInDays": 3651}, "expiresInDays"),
        ({"expiresInDays": 1, "expiresAt": "2100-01-01T00:00:00Z"}, "expiresInDays"),
        ({"expiresAt": "2020-01-01T00:00:00Z"}, "expiresAt"),
        ({"appendOnly": True, "scopes": ["RUN_WRITE", "EXPERIMENT_READ"]}, "scopes"),
        ({"serviceAccountId": "project_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f"}, "serviceAccountId"),
        ({"projectIds": ["nonsense"]}, "projectIds"),
    ],
)
async def test_bad_input_names_its_field_and_makes_no_key(api: Api, given: dict[str, object], field: str) -> None:
    extensions = await refused(api, **given)
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", field)


async def test_a_network_with_bits_behind_its_mask_is_refused_with_the_right_one(api: Api) -> None:
    assert "10.0.0.0/8" in str((await refused(api, addresses=["10.0.0.1/8"]))["hint"])


async def test_a_scope_of_the_organization_does_not_go_with_projects(api: Api) -> None:
    vision = await project(api, "Vision")
    extensions = await refused(api, scopes=["AUDIT_READ"], projectIds=[vision])
    assert (extensions["code"], extensions["field"]) == ("BAD_USER_INPUT", "scopes")


async def test_a_project_that_is_not_there_is_not_found(api: Api) -> None:
    nowhere = "project_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f"
    assert (await refused(api, projectIds=[nowhere]))["code"] == "NOT_FOUND"


async def test_a_project_in_the_trash_is_refused(api: Api) -> None:
    vision = await project(api, "Vision")
    await api("mutation ($id: ID!) { deleteProject(id: $id) { id } }", id=vision)
    assert (await refused(api, projectIds=[vision]))["code"] == "CONFLICT"


async def test_projects_and_service_accounts_of_others_are_not_found(api: Api, foreign: Api) -> None:
    vision, account = await project(api, "Vision"), await service_account(api)
    assert (await refused(foreign, projectIds=[vision]))["code"] == "NOT_FOUND"
    assert (await refused(foreign, serviceAccountId=account))["code"] == "NOT_FOUND"


async def test_nobody_names_a_scope_that_they_do_not_hold(api: Api) -> None:
    reader = await colleague(api, Role.VIEWER)
    extensions = await refused(reader, scopes=["PROJECT_READ", "RUN_WRITE"])
    assert (extensions["code"], extensions["permission"]) == ("FORBIDDEN", "run:write")


async def test_nobody_names_a_project_in_which_they_do_not_hold_the_scope(api: Api) -> None:
    vision, speech = await project(api, "Vision"), await project(api, "Speech")
    member = await colleague(api, None, in_projects={vision: Role.CONTRIBUTOR, speech: Role.VIEWER})
    await create(member, scopes=["RUN_WRITE"], projectIds=[vision])
    extensions = await refused(member, scopes=["RUN_WRITE"], projectIds=[vision, speech])
    assert (extensions["code"], extensions["permission"]) == ("FORBIDDEN", "run:write")


async def test_a_project_that_its_maker_cannot_see_is_not_found(api: Api) -> None:
    vision, speech = await project(api, "Vision"), await project(api, "Speech")
    member = await colleague(api, None, in_projects={vision: Role.CONTRIBUTOR})
    assert (await refused(member, projectIds=[speech]))["code"] == "NOT_FOUND"


async def test_a_key_made_through_a_key_has_the_limits_of_that_one(api: Api) -> None:
    vision = await project(api, "Vision")
    limits = {
        "scopes": ["PROJECT_READ", "RUN_WRITE"],
        "projectIds": [vision],
        "addresses": ["10.0.0.0/8"],
        "expiresInDays": 5,
    }
    first = await create(api, **limits)
    viewer = await api.runtime.access.viewer(Credentials(key=first["key"], address="10.1.2.3"))
    assert viewer is not None
    made = await create(Api(api.runtime, viewer))
    assert await projects_of(api, made["apiKey"]["id"]) == ["Vision"]
    inherited = ("scopes", "addresses", "expiresAt")
    assert [made["apiKey"][name] for name in inherited] == [first["apiKey"][name] for name in inherited]


@pytest.mark.parametrize(
    ("held", "wider", "field"),
    [
        ({"scopes": ["RUN_WRITE"]}, {"scopes": ["RUN_WRITE", "RUN_DELETE"]}, "scopes"),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["10.0.0.0/8", "192.0.2.1"]}, "addresses"),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["0.0.0.0/0"]}, "addresses"),
        ({"addresses": ["10.0.0.0/8"]}, {"addresses": ["::/0"]}, "addresses"),
        ({"expiresInDays": 5}, {"expiresInDays": 6}, "expiresAt"),
    ],
)
async def test_a_key_made_through_a_key_reaches_no_further(
    api: Api, *, held: dict[str, object], wider: dict[str, object], field: str
) -> None:
    viewer = await api.runtime.access.viewer(Credentials(key=(await create(api, **held))["key"], address="10.1.2.3"))
    assert viewer is not None
    extensions = await refused(Api(api.runtime, viewer), **wider)
    assert (extensions["code"], extensions["field"]) == ("FORBIDDEN", field)


async def test_a_key_made_through_a_key_can_be_narrower(api: Api) -> None:
    first = await through_key(api, scopes=["RUN_WRITE", "RUN_DELETE"], expiresInDays=5)
    made = (await create(first, scopes=["RUN_DELETE"], expiresInDays=4, addresses=["192.0.2.1"]))["apiKey"]
    assert (made["scopes"], made["addresses"]) == (["RUN_DELETE"], ["192.0.2.1/32"])


async def test_a_key_of_some_projects_makes_none_for_another(api: Api) -> None:
    vision, speech = await project(api, "Vision"), await project(api, "Speech")
    first = await through_key(api, projectIds=[vision])
    assert (await refused(first, projectIds=[speech]))["code"] == "NOT_FOUND"


async def test_a_key_that_only_appends_makes_no_keys(api: Api) -> None:
    first = await through_key(api, appendOnly=True)
    assert (await refused(first, appendOnly=True))["code"] == "FORBIDDEN"
