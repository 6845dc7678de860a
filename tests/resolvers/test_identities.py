"""People by the word of a provider: which account is theirs, and which role their groups give them."""

import asyncio
import logging
from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from maestro.access.door import Credentials
from maestro.access.keys import KeySpec
from maestro.access.sessions import NewSession, Origin
from maestro.claims import Claims
from maestro.db.tables.enums import Role, SignInWay
from maestro.errors import SignInRefused
from maestro.runtime import Runtime
from resolvers import identities
from resolvers.identities import Rules
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.graphql import Api

ISSUER = "https://provider.example.org"
ORIGIN = Origin(SignInWay.OIDC, "192.0.2.7", "a browser")
RULES = Rules({"owners": Role.OWNER, "admins": Role.ADMIN, "readers": Role.VIEWER})
ADA = Claims(ISSUER, "ada-1", "Ada", "ada@example.org")


@pytest.fixture(autouse=True)
async def owner(runtime: Runtime) -> Owner:
    return await ensure_owner(runtime.db)


async def come(runtime: Runtime, *groups: str, rules: Rules = RULES, claims: Claims = ADA) -> NewSession:
    """Let somebody sign in who is in some groups."""
    return await identities.sign_in(runtime, replace(claims, groups=frozenset(groups)), rules=rules, origin=ORIGIN)


async def roles(runtime: Runtime, user_id: UUID) -> list[tuple[str, str]]:
    """The roles that somebody has now, with where they come from."""
    rows = await runtime.db.fetch_sql(
        "SELECT role, source FROM membership WHERE user_id = $1 AND removed_at IS NULL ORDER BY role", user_id
    )
    return [(row.role, row.source) for row in rows]


async def told(runtime: Runtime) -> list[tuple[object, ...]]:
    """What the audit log of the first organisation knows, without times."""
    rows = await runtime.db.fetch_sql(
        "SELECT e.operation, e.actor_label, e.is_allowed, e.code, e.before, e.after FROM audit_entry e ORDER BY e.seq"
    )
    return [tuple(row) for row in rows]


@pytest.mark.parametrize(
    ("groups", "default", "role"),
    [
        (["readers"], None, Role.VIEWER),
        (["readers", "admins", "others"], None, Role.ADMIN),
        (["admins", "owners"], Role.VIEWER, Role.OWNER),
        (["others"], Role.CONTRIBUTOR, Role.CONTRIBUTOR),
        ([], None, None),
        (["Admins", "admins "], None, None),
    ],
)
def test_the_highest_role_of_somebodys_groups_counts(
    groups: Iterable[str], default: Role | None, role: Role | None
) -> None:
    assert replace(RULES, default_role=default).role_of(groups) == role


async def test_a_role_changes_with_the_groups_at_the_next_sign_in(runtime: Runtime) -> None:
    session = await come(runtime, "readers")
    assert await roles(runtime, session.user_id) == [("VIEWER", "OIDC")]
    await come(runtime, "admins")
    assert await roles(runtime, session.user_id) == [("ADMIN", "OIDC")]
    await come(runtime, "readers")
    assert await roles(runtime, session.user_id) == [("VIEWER", "OIDC")]


async def test_a_change_of_role_counts_at_once_in_the_sessions_that_are_open(runtime: Runtime) -> None:
    shown = Credentials(session=(await come(runtime, "readers")).token)
    before = await runtime.access.viewer(shown)
    await come(runtime, "owners")
    after = await runtime.access.viewer(shown)
    assert before is not None
    assert after is not None
    assert len(before.grants.at()) < len(after.grants.at())


async def test_a_role_ends_with_the_group_and_so_does_what_it_opened(runtime: Runtime) -> None:
    session = await come(runtime, "readers")
    with pytest.raises(SignInRefused):
        await come(runtime)
    assert await roles(runtime, session.user_id) == []
    assert await runtime.access.viewer(Credentials(session=session.token)) is None


async def test_the_keys_of_who_lost_their_group_end_for_good(runtime: Runtime, owner: Owner) -> None:
    session = await come(runtime, "readers")
    spec = KeySpec(organization_id=owner.organization_id, user_id=session.user_id, name="k")
    key = (await runtime.access.create_key(spec)).row.id
    with pytest.raises(SignInRefused):
        await come(runtime)
    await come(runtime, "readers")
    (row,) = await runtime.db.fetch_sql("SELECT revoked_at FROM api_key")
    assert row.revoked_at is not None
    taken = [after for operation, *_, after in await told(runtime) if operation == "assignRole"][1]
    assert taken == {"way": "OIDC", "role": None, "revoked_keys": [str(key)]}


async def test_who_comes_back_to_a_group_has_their_account_again(runtime: Runtime) -> None:
    first = await come(runtime, "readers")
    with pytest.raises(SignInRefused):
        await come(runtime)
    again = await come(runtime, "admins")
    assert again.user_id == first.user_id
    assert await roles(runtime, first.user_id) == [("ADMIN", "OIDC")]


async def test_a_role_that_somebody_has_given_stays_whatever_the_groups_say(runtime: Runtime) -> None:
    session = await come(runtime, "readers")
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE membership SET role = 'MAINTAINER', source = 'MANUAL' WHERE source = 'OIDC'")
    await come(runtime, "owners")
    await come(runtime)
    assert await roles(runtime, session.user_id) == [("MAINTAINER", "MANUAL")]


async def test_a_role_in_a_single_project_lets_somebody_in_without_a_group(runtime: Runtime, owner: Owner) -> None:
    session = await come(runtime, "readers")
    async with runtime.db.transaction() as tx:
        project = uuid4()
        await tx.fetch_sql(
            "INSERT INTO project (id, organization_id, slug, name) VALUES ($1, $2, 'p', 'P')",
            project,
            owner.organization_id,
        )
        await tx.fetch_sql(
            "INSERT INTO membership (id, organization_id, user_id, project_id, role) VALUES ($1, $2, $3, $4, 'VIEWER')",
            uuid4(),
            owner.organization_id,
            session.user_id,
            project,
        )
    await come(runtime)
    assert await roles(runtime, session.user_id) == [("VIEWER", "MANUAL")]


async def test_the_last_owner_stays_one_and_the_log_says_so(runtime: Runtime, caplog: pytest.LogCaptureFixture) -> None:
    session = await come(runtime, "owners")
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE membership SET removed_at = now() WHERE source = 'MANUAL'")
    with caplog.at_level(logging.WARNING):
        await come(runtime)
        await come(runtime, "readers")
    assert await roles(runtime, session.user_id) == [("OWNER", "OIDC")]
    assert caplog.text.count("they stay the last owner") == 2


async def test_an_owner_who_is_not_the_last_one_becomes_what_the_groups_say(runtime: Runtime) -> None:
    session = await come(runtime, "owners")
    await come(runtime, "readers")
    assert await roles(runtime, session.user_id) == [("VIEWER", "OIDC")]


async def test_of_two_owners_who_lose_their_groups_at_once_one_stays(runtime: Runtime) -> None:
    bob = Claims(ISSUER, "bob-1", "Bob")
    await come(runtime, "owners")
    await come(runtime, "owners", claims=bob)
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE membership SET removed_at = now() WHERE source = 'MANUAL'")
    await asyncio.gather(come(runtime, "readers"), come(runtime, "readers", claims=bob))
    rows = await runtime.db.fetch_sql("SELECT role FROM membership WHERE source = 'OIDC' ORDER BY role")
    assert [row.role for row in rows] == ["OWNER", "VIEWER"]


async def test_who_comes_for_the_first_time_in_two_tabs_gets_one_account(runtime: Runtime) -> None:
    first, second = await asyncio.gather(come(runtime, "readers"), come(runtime, "readers"))
    assert first.user_id == second.user_id
    assert first.token != second.token


async def test_the_same_subject_of_another_issuer_is_somebody_else(runtime: Runtime) -> None:
    here = await come(runtime, "readers")
    elsewhere = await come(runtime, "readers", claims=replace(ADA, issuer="https://other.example.org"))
    assert here.user_id != elsewhere.user_id


async def test_a_stranger_without_a_group_is_refused_and_nothing_is_kept_of_them(runtime: Runtime, api: Api) -> None:
    before = await api.state()
    with pytest.raises(SignInRefused):
        await come(runtime, "others")
    assert await api.state() == before


async def test_groups_give_roles_in_the_organisation_that_is_named(runtime: Runtime, foreign: Api) -> None:
    session = await come(runtime, "readers", rules=replace(RULES, organization="other"))
    viewer = await runtime.access.viewer(Credentials(session=session.token))
    assert viewer is not None
    assert viewer.organization_id == foreign.viewer.organization_id


async def test_an_organisation_that_does_not_exist_lets_nobody_in(
    runtime: Runtime, api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    before = await api.state()
    with pytest.raises(SignInRefused):
        await come(runtime, "readers", rules=replace(RULES, organization="nowhere"))
    assert await api.state() == before
    assert "MAESTRO_OIDC_ORGANIZATION names no organization: nowhere" in caplog.text


async def test_a_slug_that_several_organisations_have_lets_nobody_in(
    runtime: Runtime, foreign: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await runtime.db.fetch_sql("UPDATE organization SET slug = 'other'")
    before = await foreign.state()
    with pytest.raises(SignInRefused):
        await come(runtime, "readers", rules=replace(RULES, organization="other"))
    assert await foreign.state() == before
    assert "MAESTRO_OIDC_ORGANIZATION names several organizations, give an id: other" in caplog.text


async def test_an_organisation_is_named_by_its_id_whoever_has_that_as_a_slug(
    runtime: Runtime, foreign: Api, owner: Owner
) -> None:
    named = str(foreign.viewer.organization_id)
    await runtime.db.fetch_sql("UPDATE organization SET slug = $1 WHERE id = $2", named, owner.organization_id)
    session = await come(runtime, "readers", rules=replace(RULES, organization=named))
    viewer = await runtime.access.viewer(Credentials(session=session.token))
    assert viewer is not None
    assert viewer.organization_id == foreign.viewer.organization_id


async def test_the_audit_log_tells_of_sign_ins_and_of_roles(runtime: Runtime) -> None:
    await come(runtime, "readers")
    await come(runtime, "readers")
    with pytest.raises(SignInRefused):
        await come(runtime)
    way, label = {"way": "OIDC"}, "ada@example.org"
    assert await told(runtime) == [
        ("assignRole", label, True, None, {"role": None}, {"role": "VIEWER", **way}),
        ("signIn", label, True, None, None, way),
        ("signIn", label, True, None, None, way),
        ("assignRole", label, True, None, {"role": "VIEWER"}, {"role": None, **way}),
        ("signIn", label, False, "SIGN_IN_REFUSED", None, way),
    ]


async def test_the_audit_log_tells_of_a_stranger_who_was_refused(runtime: Runtime) -> None:
    with pytest.raises(SignInRefused):
        await come(runtime)
    rows = await runtime.db.fetch_sql("SELECT actor_id, actor_kind, actor_label, address, code FROM audit_entry")
    assert [tuple(row) for row in rows] == [(None, None, "ada@example.org", "192.0.2.7", "SIGN_IN_REFUSED")]


async def test_a_sign_in_is_told_to_every_organisation_of_a_person(
    runtime: Runtime, foreign: Api, owner: Owner
) -> None:
    session = await come(runtime, "readers")
    await come(runtime, "admins", rules=replace(RULES, organization="other"))
    rows = await runtime.db.fetch_sql(
        "SELECT organization_id, operation, actor_id FROM audit_entry "
        "WHERE operation = 'assignRole' OR session_id IS NOT NULL"
    )
    here, there = owner.organization_id, foreign.viewer.organization_id
    assert sorted(tuple(row) for row in rows) == sorted(
        (place, operation, session.user_id)
        for place, operation in [
            (here, "assignRole"),
            (here, "signIn"),
            (there, "assignRole"),
            (there, "signIn"),
            (here, "signIn"),
        ]
    )
