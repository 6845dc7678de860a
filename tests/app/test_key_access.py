"""API keys at the door: what ends them, from where they are good, and how soon changes of their bearer count."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from maestro.access import Permission
from maestro.access.door import Credentials
from maestro.clock import now
from maestro.db.tables.enums import Role
from maestro.runtime import Runtime
from resolvers.setup import Owner
from tests.fixtures.access import ask, assert_nobody, change, make_key, service_account

PROJECTS = {"query": "{ projects { totalCount } }"}
CREATE = {"query": 'mutation { createProject(input: {name: "x"}) { __typename } }'}


async def is_good(runtime: Runtime, key: str, address: str | None = None) -> bool:
    return await runtime.access.viewer(Credentials(key=key, address=address)) is not None


@pytest.mark.parametrize("column", ["revoked_at", "expires_at"])
async def test_a_key_that_has_ended_is_refused(
    runtime: Runtime, anonymous: httpx.AsyncClient, *, fresh_key: str, column: str
) -> None:
    assert await is_good(runtime, fresh_key)
    await change(runtime, f"UPDATE api_key SET {column} = now()")
    assert not await is_good(runtime, fresh_key)
    assert_nobody(await ask(anonymous, authorization=f"Bearer {fresh_key}"))


async def test_a_key_that_expires_is_refused_though_it_was_just_good(runtime: Runtime, owner: Owner) -> None:
    key = await make_key(runtime, owner, expires_at=now() + timedelta(seconds=0.5))
    assert await is_good(runtime, key)
    await asyncio.sleep(0.6)
    assert not await is_good(runtime, key)


async def test_a_key_that_was_good_is_not_looked_up_again_at_once(runtime: Runtime, fresh_key: str) -> None:
    await is_good(runtime, fresh_key)
    before = runtime.db.statements_run
    assert await is_good(runtime, fresh_key)
    assert runtime.db.statements_run == before


async def test_a_lookup_that_began_before_a_change_is_not_trusted_after_it(runtime: Runtime, fresh_key: str) -> None:
    before = runtime.db.statements_run
    lookup = asyncio.create_task(runtime.access.viewer(Credentials(key=fresh_key)))
    for _ in range(20):
        if runtime.db.statements_run == before:
            await asyncio.sleep(0)
    assert runtime.db.statements_run > before
    assert not lookup.done()
    runtime.access.forget()
    assert await lookup is not None
    before = runtime.db.statements_run
    assert await is_good(runtime, fresh_key)
    assert runtime.db.statements_run > before


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("10.1.2.3", True),
        ("::ffff:10.1.2.3", True),
        ("192.0.2.7", True),
        ("2001:db8::1", True),
        ("11.0.0.1", False),
        ("192.0.2.8", False),
        ("::ffff:11.0.0.1", False),
        ("2001:db9::1", False),
        ("", False),
        ("somewhere", False),
        (None, False),
    ],
)
async def test_a_key_is_good_from_its_addresses_alone(
    runtime: Runtime, owner: Owner, address: str | None, *, good: bool
) -> None:
    key = await make_key(runtime, owner, addresses=("10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32"))
    assert await is_good(runtime, key, address) is good


async def test_a_key_that_was_good_from_one_address_is_refused_from_another(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    key = await make_key(runtime, owner, addresses=("10.0.0.0/8",))
    assert await is_good(runtime, key, "10.1.2.3")
    assert not await is_good(runtime, key, "11.1.2.3")
    assert_nobody(await ask(anonymous, authorization=f"Bearer {key}"))


async def test_from_another_address_a_key_is_like_one_that_does_not_exist_in_any_organisation(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    key = await make_key(runtime, owner, addresses=("10.0.0.0/8",))
    assert_nobody(await ask(anonymous, authorization=f"Bearer {key}", **{"x-maestro-organization": "nobodys"}))


async def test_the_use_of_a_key_is_noted_once_a_minute(runtime: Runtime, fresh_key: str) -> None:
    noted = "SELECT now() - last_used_at < interval '10 seconds' AS noted FROM api_key"
    assert await is_good(runtime, fresh_key)
    assert (await runtime.db.fetch_sql(noted))[0].noted
    for seconds, is_noted in ((50, False), (70, True)):
        await change(runtime, "UPDATE api_key SET last_used_at = now() - make_interval(secs => $1)", float(seconds))
        assert await is_good(runtime, fresh_key)
        assert (await runtime.db.fetch_sql(noted))[0].noted is is_noted


async def test_the_use_of_a_key_that_is_refused_is_not_noted(runtime: Runtime, owner: Owner) -> None:
    key = await make_key(runtime, owner, addresses=("10.0.0.0/8",))
    assert not await is_good(runtime, key, "11.1.2.3")
    assert (await runtime.db.fetch_sql("SELECT last_used_at FROM api_key"))[0].last_used_at is None


async def test_the_key_itself_is_not_stored(runtime: Runtime, fresh_key: str) -> None:
    rows = await runtime.db.fetch_sql("SELECT k::text AS row FROM api_key k")
    assert len(rows) == 1
    assert fresh_key not in rows[0].row
    assert fresh_key.encode().hex() not in rows[0].row


async def test_a_service_account_acts_in_its_own_name(runtime: Runtime, owner: Owner) -> None:
    account = await service_account(runtime, owner)
    key = await make_key(runtime, owner, service_account_id=account)
    viewer = await runtime.access.viewer(Credentials(key=key))
    assert viewer is not None
    assert (viewer.user_id, viewer.service_account_id, viewer.name) == (None, account, "trainer")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE service_account SET disabled_at = now()",
        "UPDATE membership SET removed_at = now() WHERE service_account_id IS NOT NULL",
    ],
)
async def test_the_key_of_an_account_that_is_switched_off_or_has_no_role_is_refused(
    runtime: Runtime, owner: Owner, sql: str
) -> None:
    key = await make_key(runtime, owner, service_account_id=await service_account(runtime, owner))
    assert await is_good(runtime, key)
    await change(runtime, sql)
    assert not await is_good(runtime, key)


async def test_the_key_of_a_person_who_left_the_organisation_is_refused(runtime: Runtime, fresh_key: str) -> None:
    assert await is_good(runtime, fresh_key)
    await change(runtime, "UPDATE membership SET removed_at = now()")
    assert not await is_good(runtime, fresh_key)


async def test_a_key_is_narrowed_with_the_role_of_its_bearer(
    runtime: Runtime, anonymous: httpx.AsyncClient, fresh_key: str
) -> None:
    headers = {"authorization": f"Bearer {fresh_key}"}
    assert (await anonymous.post("/graphql", json=CREATE, headers=headers)).json()["data"] is not None
    await change(runtime, "UPDATE membership SET role = $1", Role.VIEWER)
    answer = (await anonymous.post("/graphql", json=CREATE, headers=headers)).json()
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert (await anonymous.post("/graphql", json=PROJECTS, headers=headers)).json()["data"] == {
        "projects": {"totalCount": 1}
    }


async def test_a_key_never_has_more_than_its_scopes(runtime: Runtime, owner: Owner) -> None:
    key = await make_key(runtime, owner, scopes=("run:write", "project:read", "no:longer-known"))
    viewer = await runtime.access.viewer(Credentials(key=key))
    assert viewer is not None
    assert viewer.grants.everywhere == {Permission.RUN_WRITE, Permission.PROJECT_READ}


async def test_a_key_that_only_appends_reads_nothing(
    runtime: Runtime, owner: Owner, anonymous: httpx.AsyncClient
) -> None:
    headers = {"authorization": f"Bearer {await make_key(runtime, owner, is_append_only=True)}"}
    for query in (PROJECTS, CREATE, {"query": "{ organization { name } }"}):
        answer = (await anonymous.post("/graphql", json=query, headers=headers)).json()
        assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    viewer = await runtime.access.viewer(Credentials(key=headers["authorization"].removeprefix("Bearer ")))
    assert viewer is not None
    assert viewer.grants.everywhere == {
        Permission.RUN_WRITE,
        Permission.EXPERIMENT_WRITE,
        Permission.ARTIFACT_WRITE,
    }
