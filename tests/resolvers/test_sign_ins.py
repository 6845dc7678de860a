"""Signing in by a link, as the audit log tells of it."""

import logging

import pytest

from maestro.access.sessions import Origin
from maestro.db.tables.enums import SignInWay
from maestro.runtime import Runtime
from resolvers.setup import Owner, ensure_owner
from resolvers.sign_ins import by_link

ORIGIN = Origin(SignInWay.LINK, "192.0.2.7", "a browser")
TOLD = """
    SELECT operation, actor_id, actor_label, address, session_id, is_allowed, code, after FROM audit_entry ORDER BY seq
"""


@pytest.fixture
async def owner(runtime: Runtime) -> Owner:
    return await ensure_owner(runtime.db)


async def test_a_sign_in_by_a_link_is_told_with_its_session(runtime: Runtime, owner: Owner) -> None:
    session = await by_link(runtime, await runtime.access.create_link_token(owner.user_id), ORIGIN)
    assert session is not None
    assert [tuple(row) for row in await runtime.db.fetch_sql(TOLD)] == [
        ("signIn", owner.user_id, "owner@localhost", "192.0.2.7", session.id, True, None, {"way": "LINK"})
    ]


@pytest.mark.parametrize("change", ["used_at = now()", "expires_at = now()"])
async def test_a_link_that_is_used_or_old_is_told_as_refused(runtime: Runtime, owner: Owner, change: str) -> None:
    token = await runtime.access.create_link_token(owner.user_id)
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql(f"UPDATE sign_in_link SET {change}")
    assert await by_link(runtime, token, ORIGIN) is None
    refused = ("signIn", owner.user_id, "owner@localhost", "192.0.2.7", None, False, "SIGN_IN_REFUSED", {"way": "LINK"})
    assert [tuple(row) for row in await runtime.db.fetch_sql(TOLD)] == [refused]
    assert await runtime.db.fetch_sql("SELECT 1 FROM session") == []


async def test_a_link_that_nobody_was_given_is_logged_and_told_to_no_organisation(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await by_link(runtime, "made-up", ORIGIN) is None
    assert "A sign-in link that does not exist was opened from 192.0.2.7" in caplog.text
    assert "made-up" not in caplog.text
    assert await runtime.db.fetch_sql(TOLD) == []
