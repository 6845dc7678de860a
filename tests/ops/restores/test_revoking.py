"""Nobody regains access by a restore: what was revoked, lowered or removed since the backup stays so."""

from uuid import UUID

from uuid_utils.compat import uuid7

from tests.fixtures.installation import HASH, Installation


async def test_keys_that_were_revoked_since_stay_revoked_and_the_others_go_on(place: Installation) -> None:
    good, revoked, deleted = [await place.key_of(place.owner) for _ in range(3)]
    await place.back_up()
    at = await place.one("UPDATE api_key SET revoked_at = now() WHERE id = $1 RETURNING revoked_at", revoked)
    await place.sql("DELETE FROM api_key WHERE id = $1", deleted)
    later = await place.key_of(place.owner)

    await place.restore()

    sql = "SELECT revoked_at FROM api_key WHERE id = $1"
    assert await place.one(sql, good) is None
    assert await place.one(sql, revoked) >= at
    assert await place.one(sql, deleted) is not None
    assert await place.one("SELECT count(*) FROM api_key WHERE id = $1", later) == 0


async def test_nobody_has_a_role_again_or_a_higher_one(place: Installation) -> None:
    project = uuid7()
    await place.sql(
        "INSERT INTO project (id, organization_id, slug, name) VALUES ($1, $2, 'p', 'p')",
        *(project, place.organization),
    )
    removed = await place.person("ADMIN")
    lowered, raised = await place.person("ADMIN"), await place.person("VIEWER")
    wide = await place.person("CONTRIBUTOR", project)
    gone = await place.person("MAINTAINER", project)
    keys = [await place.key_of(one) for one in (removed, lowered)]
    await place.back_up()
    await place.sql("UPDATE membership SET removed_at = now(), updated_at = now() WHERE user_id = $1", removed)
    await place.sql("UPDATE membership SET role = 'VIEWER', updated_at = now() WHERE user_id = $1", lowered)
    await place.sql("UPDATE membership SET role = 'ADMIN', updated_at = now() WHERE user_id = $1", raised)
    # In the whole organisation instead of in one project: no less there.
    await place.sql("UPDATE membership SET removed_at = now() WHERE user_id = $1", wide)
    await place.person("MAINTAINER", user=wide)
    await place.sql("DELETE FROM membership WHERE user_id = $1", gone)
    added = await place.person("OWNER")

    await place.restore()

    assert await place.role_of(removed) is None
    assert await place.role_of(lowered) == "VIEWER"
    assert await place.role_of(raised) == "VIEWER"
    assert (await place.role_of(wide), await place.role_of(wide, project)) == (None, "CONTRIBUTOR")
    assert await place.role_of(gone, project) is None
    assert await place.role_of(added) is None
    assert await place.role_of(place.owner) == "OWNER"
    revoked = "SELECT revoked_at IS NOT NULL FROM api_key WHERE id = $1"
    assert [await place.one(revoked, key) for key in keys] == [True, False]


async def test_an_organisation_is_never_left_without_an_owner(place: Installation) -> None:
    helper = await place.person("VIEWER")
    await place.back_up()
    heir = await place.person("OWNER")
    await place.sql("UPDATE membership SET removed_at = now() WHERE user_id = $1", place.owner)
    await place.sql("UPDATE membership SET role = 'OWNER' WHERE user_id = $1", helper)

    await place.restore()

    assert await place.role_of(place.owner) is None
    assert (await place.role_of(heir), await place.role_of(helper)) == ("OWNER", "OWNER")


async def test_accounts_identities_invitations_and_documents_that_are_out_stay_out(place: Installation) -> None:
    own = place.organization
    accounts = [uuid7() for _ in range(2)]
    for number, account in enumerate(accounts):
        await place.sql(
            "INSERT INTO service_account (id, organization_id, name) VALUES ($1, $2, $3)", *(account, own, str(number))
        )
    for subject in ("kept", "gone"):
        await place.sql("INSERT INTO identity (issuer, subject, user_id) VALUES ('i', $1, $2)", subject, place.owner)
    invitations = [uuid7() for _ in range(2)]
    for invitation in invitations:
        await place.sql(
            "INSERT INTO invitation (id, organization_id, token_hash, email, name, role, expires_at) "
            f"VALUES ($1, $2, {HASH}, 'e', 'n', 'ADMIN', 'infinity')",
            *(invitation, own),
        )
    for text in ("a", "b"):
        await place.sql(
            "INSERT INTO document (id, organization_id, sha256, text, kind, schema_sha256) "
            "VALUES ($1, $2, $3, $3, 'QUERY', 's')",
            *(uuid7(), own, text),
        )
    await place.back_up()
    await place.sql("UPDATE service_account SET disabled_at = now() WHERE id = $1", accounts[0])
    await place.sql("DELETE FROM identity WHERE subject = 'gone'")
    await place.sql("UPDATE invitation SET accepted_at = now() WHERE id = $1", invitations[0])
    await place.sql("UPDATE document SET retired_at = now() WHERE sha256 = 'a'")

    await place.restore()

    disabled = await place.one("SELECT array_agg(id) FROM service_account WHERE disabled_at IS NOT NULL")
    assert disabled == [accounts[0]]
    assert await place.one("SELECT array_agg(subject) FROM identity") == ["kept"]
    revoked = await place.one("SELECT array_agg(id) FROM invitation WHERE revoked_at IS NOT NULL")
    assert revoked == [invitations[0]]
    assert await place.one("SELECT array_agg(sha256) FROM document WHERE retired_at IS NOT NULL") == ["a"]


async def test_sessions_and_links_of_the_backup_end_and_who_is_signed_in_now_stays_so(place: Installation) -> None:
    async def signed_in(user: UUID) -> UUID:
        session = uuid7()
        await place.sql(
            "INSERT INTO session (id, user_id, token_hash, way, expires_at) "
            f"VALUES ($1, $2, {HASH}, 'LINK', 'infinity')",
            *(session, user),
        )
        return session

    old, ended = await signed_in(place.owner), await signed_in(place.owner)
    await place.sql(
        f"INSERT INTO sign_in_link (token_hash, user_id, expires_at) VALUES ({HASH}, $1, 'infinity')", place.owner
    )
    await place.back_up()
    await place.sql("DELETE FROM session WHERE id = $1", old)
    await place.sql("UPDATE session SET revoked_at = now() WHERE id = $1", ended)
    current = await signed_in(place.owner)
    stranger = await signed_in(await place.person())

    await place.restore()

    live = await place.one("SELECT array_agg(id) FROM session WHERE revoked_at IS NULL")
    assert live == [current]
    assert stranger not in live
    assert await place.one("SELECT count(*) FROM sign_in_link WHERE expires_at > now()") == 0
