"""Rotating, renaming and revoking API keys by GraphQL: effects at once, and only by whom they belong to."""

from datetime import UTC, datetime, timedelta

import pytest

from maestro.db.tables.enums import Role
from tests.fixtures.graphql import Api
from tests.fixtures.hearing import hearing
from tests.schema.api_key_texts import (
    RENAME,
    REVOKE,
    ROTATE,
    colleague,
    create,
    project,
    projects_of,
    service_account,
    through_key,
    works,
)

NOWHERE = "api_key_0199c2f4a7b87c3d9e1f2a3b4c5d6e7f"


async def refused(api: Api, text: str, code: str, **variables: object) -> None:
    """Assert that a change is refused with a code and that nothing changes."""
    before = await api.state()
    (error,) = await api.errors(text, **variables)
    assert error["extensions"]["code"] == code
    assert await api.state() == before


async def end(api: Api, key_id: str) -> datetime | None:
    found = (await api("query ($id: ID!) { node(id: $id) { ... on ApiKey { expiresAt } } }", id=key_id))["node"]
    return None if found["expiresAt"] is None else datetime.fromisoformat(found["expiresAt"])


async def test_a_rotated_key_has_the_limits_of_the_old_one(api: Api) -> None:
    vision = await project(api, "Vision")
    limits = {"scopes": ["RUN_WRITE"], "projectIds": [vision], "addresses": ["10.0.0.0/8"], "expiresInDays": 5}
    old = await create(api, **limits)
    new = (await api(ROTATE, id=old["apiKey"]["id"]))["rotateApiKey"]
    assert new["key"] != old["key"]
    assert new["apiKey"]["rotatedFrom"] == {"id": old["apiKey"]["id"]}
    assert await projects_of(api, new["apiKey"]["id"]) == ["Vision"]
    same = ("name", "scopes", "addresses", "appendOnly", "expiresAt", "user", "isActive")
    assert [new["apiKey"][name] for name in same] == [old["apiKey"][name] for name in same]


async def test_a_rotated_key_that_only_appends_still_does(api: Api) -> None:
    old = await create(api, appendOnly=True)
    assert (await api(ROTATE, id=old["apiKey"]["id"]))["rotateApiKey"]["apiKey"]["appendOnly"] is True


async def test_both_keys_work_until_the_overlap_is_over(api: Api) -> None:
    old = await create(api)
    new = (await api(ROTATE, id=old["apiKey"]["id"], minutes=30))["rotateApiKey"]
    assert (await works(api, old["key"]), await works(api, new["key"])) == (True, True)
    expires_at = await end(api, old["apiKey"]["id"])
    assert expires_at is not None
    assert timedelta(minutes=29) < expires_at - datetime.now(UTC) <= timedelta(minutes=30)


async def test_the_old_key_never_lives_longer_than_it_would_have(api: Api) -> None:
    old = await create(api, expiresAt=(datetime.now(UTC) + timedelta(minutes=5)).isoformat())
    await api(ROTATE, id=old["apiKey"]["id"], minutes=60)
    assert await end(api, old["apiKey"]["id"]) == datetime.fromisoformat(old["apiKey"]["expiresAt"])


async def test_without_an_overlap_the_old_key_ends_at_once(api: Api) -> None:
    old = await create(api)
    assert await works(api, old["key"])
    new = (await api(ROTATE, id=old["apiKey"]["id"], minutes=0))["rotateApiKey"]
    assert (await works(api, old["key"]), await works(api, new["key"])) == (False, True)


@pytest.mark.parametrize("minutes", [-1, 7 * 24 * 60 + 1])
async def test_an_overlap_out_of_bounds_is_refused(api: Api, minutes: int) -> None:
    old = await create(api)
    await refused(api, ROTATE, "BAD_USER_INPUT", id=old["apiKey"]["id"], minutes=minutes)


async def test_a_key_is_rotated_once(api: Api) -> None:
    old = await create(api)
    await api(ROTATE, id=old["apiKey"]["id"])
    await refused(api, ROTATE, "CONFLICT", id=old["apiKey"]["id"])


async def test_a_key_that_has_ended_cannot_be_rotated(api: Api) -> None:
    old = await create(api)
    await api(REVOKE, id=old["apiKey"]["id"])
    await refused(api, ROTATE, "CONFLICT", id=old["apiKey"]["id"])


async def test_a_key_can_rotate_itself(api: Api) -> None:
    narrow = await through_key(api, scopes=["RUN_WRITE"])
    own = (await narrow("{ viewer { apiKeys { nodes { id } } } }"))["viewer"]["apiKeys"]["nodes"][0]["id"]
    assert (await narrow(ROTATE, id=own))["rotateApiKey"]["apiKey"]["rotatedFrom"] == {"id": own}


@pytest.mark.parametrize("text", [ROTATE, REVOKE, RENAME])
async def test_a_narrow_key_does_nothing_to_one_that_reaches_further(api: Api, text: str) -> None:
    wide = await create(api)
    narrow = await through_key(api, scopes=["RUN_WRITE"])
    variables = {"name": "x"} if text is RENAME else {}
    await refused(narrow, text, "FORBIDDEN", id=wide["apiKey"]["id"], **variables)


async def test_nobody_rotates_the_key_of_another_person(api: Api) -> None:
    made = await create(api)
    await refused(await colleague(api, Role.OWNER), ROTATE, "FORBIDDEN", id=made["apiKey"]["id"])


async def test_a_revoked_key_ends_at_once_and_stays_as_it_is(api: Api) -> None:
    made = await create(api)
    assert await works(api, made["key"])
    first = (await api(REVOKE, id=made["apiKey"]["id"]))["revokeApiKey"]
    assert first["isActive"] is False
    assert not await works(api, made["key"])
    assert (await api(REVOKE, id=made["apiKey"]["id"]))["revokeApiKey"] == first


async def test_who_manages_keys_revokes_those_of_others(api: Api) -> None:
    made = await create(api)
    await (await colleague(api, Role.ADMIN))(REVOKE, id=made["apiKey"]["id"])
    assert not await works(api, made["key"])


async def test_a_key_gets_another_name(api: Api) -> None:
    made = await create(api)
    assert (await api(RENAME, id=made["apiKey"]["id"], name=" Nightly "))["updateApiKey"]["name"] == "Nightly"


async def test_an_empty_name_is_refused(api: Api) -> None:
    made = await create(api)
    await refused(api, RENAME, "BAD_USER_INPUT", id=made["apiKey"]["id"], name=" ")


@pytest.mark.parametrize("text", [ROTATE, REVOKE, RENAME])
async def test_keys_that_one_may_not_see_are_not_found(api: Api, foreign: Api, text: str) -> None:
    variables = {"name": "x"} if text is RENAME else {}
    owners = (await create(api))["apiKey"]["id"]
    member = await colleague(api, Role.MAINTAINER)
    await refused(member, text, "NOT_FOUND", id=owners, **variables)
    await refused(foreign, text, "NOT_FOUND", id=owners, **variables)
    await refused(api, text, "NOT_FOUND", id=NOWHERE, **variables)


async def test_every_change_is_audited_with_its_key(api: Api) -> None:
    made = await create(api)
    await api(RENAME, id=made["apiKey"]["id"], name="Nightly")
    await api(ROTATE, id=made["apiKey"]["id"])
    await api(REVOKE, id=made["apiKey"]["id"])
    rows = await api.runtime.db.fetch_sql(
        "SELECT operation, target_type, target_id, before FROM audit_entry ORDER BY seq"
    )
    assert [row.operation for row in rows] == ["createApiKey", "updateApiKey", "rotateApiKey", "revokeApiKey"]
    assert {(row.target_type, f"api_key_{row.target_id.hex}") for row in rows} == {("ApiKey", made["apiKey"]["id"])}
    assert [None if row.before is None else [*row.before] for row in rows] == [
        None,
        ["name"],
        ["expires_at"],
        ["revoked_at"],
    ]


async def test_a_change_is_told_to_every_process(api: Api) -> None:
    made = await create(api)
    async with hearing(api.runtime.events, api.runtime.db, "access") as heard:
        await api(REVOKE, id=made["apiKey"]["id"])
        assert (await anext(heard)).topic == "access"


async def test_the_account_that_a_key_is_for_can_rotate_it(api: Api) -> None:
    account = await service_account(api)
    program = await through_key(api, serviceAccountId=account)
    own = (await program("{ viewer { apiKeys { nodes { id } } } }"))["viewer"]["apiKeys"]["nodes"][0]["id"]
    new = (await program(ROTATE, id=own))["rotateApiKey"]
    assert new["apiKey"]["serviceAccount"] == {"name": "trainer"}
    assert new["apiKey"]["createdBy"] == {"name": "trainer"}
    assert await works(api, new["key"])
