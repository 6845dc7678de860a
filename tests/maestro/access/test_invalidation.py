"""Two servers on one database: what one of them takes away, the other refuses at once."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.server import opened
from maestro.access.door import KNOWN_FOR_S, TOPIC, Credentials
from maestro.access.keys import KeySpec
from maestro.access.sessions import Origin
from maestro.db.tables.enums import SignInWay
from maestro.events import Event, publish
from maestro.runtime import Runtime
from maestro.settings import Settings
from resolvers.setup import Owner, ensure_owner
from tests.fixtures.access import new_session

AT_ONCE_S = 1.0


@pytest.fixture
async def other(settings: Settings, server_url: str) -> AsyncIterator[Runtime]:
    """A second server process's view of the database."""
    async with opened(settings, server_url) as runtime:
        yield runtime


@pytest.fixture
async def owner(runtime: Runtime) -> Owner:
    return await ensure_owner(runtime.db)


@pytest.fixture
async def shown(runtime: Runtime, owner: Owner) -> Credentials:
    """A good key."""
    made = await runtime.access.create_key(
        KeySpec(organization_id=owner.organization_id, user_id=owner.user_id, name="test")
    )
    return Credentials(key=made.key)


async def changed(runtime: Runtime, sql: str, *, is_told: bool = True) -> None:
    """Change the database as a mutation does, in one transaction with the event."""
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql(sql)
        if is_told:
            await publish(tx, [Event(TOPIC)])


async def refused_after_s(runtime: Runtime, shown: Credentials) -> float:
    """How long a credential that has just lost its right is still taken."""
    started = time.monotonic()
    while await runtime.access.viewer(shown) is not None:
        assert time.monotonic() - started < KNOWN_FOR_S / 2
        await asyncio.sleep(0.01)
    return time.monotonic() - started


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE api_key SET revoked_at = now()",
        "UPDATE api_key SET expires_at = now()",
        "UPDATE membership SET removed_at = now()",
    ],
)
async def test_a_key_that_lost_its_right_is_refused_by_the_other_server_at_once(
    runtime: Runtime, other: Runtime, *, shown: Credentials, sql: str
) -> None:
    assert await other.access.viewer(shown) is not None
    await changed(runtime, sql)
    assert await refused_after_s(other, shown) < AT_ONCE_S


async def test_without_being_told_a_server_trusts_what_it_knows_for_a_while(
    runtime: Runtime, other: Runtime, shown: Credentials
) -> None:
    assert await other.access.viewer(shown) is not None
    await changed(runtime, "UPDATE api_key SET revoked_at = now()", is_told=False)
    assert await other.access.viewer(shown) is not None


async def test_a_browser_signed_out_at_one_server_is_refused_by_the_other_at_once(
    runtime: Runtime, other: Runtime, owner: Owner
) -> None:
    session = await new_session(runtime, owner.user_id, Origin(SignInWay.LINK))
    shown = Credentials(session=session.token)
    viewer = await other.access.viewer(shown)
    assert viewer is not None
    await runtime.access.end_session(viewer)
    assert await refused_after_s(other, shown) < AT_ONCE_S


async def test_a_change_of_role_is_known_to_the_other_server_at_once(
    runtime: Runtime, other: Runtime, shown: Credentials
) -> None:
    before = await other.access.viewer(shown)
    await changed(runtime, "UPDATE membership SET role = 'VIEWER'")
    await asyncio.sleep(AT_ONCE_S)
    after = await other.access.viewer(shown)
    assert before is not None
    assert after is not None
    assert after.grants.everywhere < before.grants.everywhere


async def test_a_server_that_was_deaf_for_a_while_forgets_what_it_knows(
    runtime: Runtime, other: Runtime, shown: Credentials
) -> None:
    assert await other.access.viewer(shown) is not None
    other.events._tell_gap()
    await changed(runtime, "UPDATE api_key SET revoked_at = now()", is_told=False)
    assert await refused_after_s(other, shown) < AT_ONCE_S


async def test_a_look_that_a_change_has_overtaken_is_not_remembered(runtime: Runtime, shown: Credentials) -> None:
    async with runtime.db.transaction() as tx:
        await tx.fetch_sql("UPDATE api_key SET name = 'locked'")
        look = asyncio.create_task(runtime.access.viewer(shown))
        await asyncio.sleep(0.1)
        runtime.access.forget()
    assert await look is not None
    await changed(runtime, "UPDATE api_key SET revoked_at = now()", is_told=False)
    assert await runtime.access.viewer(shown) is None


async def test_a_session_is_looked_at_again_without_its_token(runtime: Runtime, owner: Owner) -> None:
    session = await new_session(runtime, owner.user_id, Origin(SignInWay.LINK))
    shown = Credentials(session=session.token)
    viewer = await runtime.access.viewer(shown)
    assert viewer is not None
    lasting = shown.lasting(viewer)
    await changed(runtime, "UPDATE session SET token_hash = ''")
    await asyncio.sleep(0.2)
    assert await runtime.access.viewer(shown) is None
    assert await runtime.access.viewer(lasting) == viewer
    await changed(runtime, "UPDATE session SET revoked_at = now()")
    assert await refused_after_s(runtime, lasting) < AT_ONCE_S


def test_credentials_do_not_show_what_is_secret() -> None:
    assert "s3cret" not in repr(Credentials(key="mst_s3cret", session="s3cret"))
