"""Browsers that are signed in: opened by a link or a provider, named by a cookie, ended one by one."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access.secrets import hash_of, new_token
from maestro.clock import now
from maestro.db.engine import Database, Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import SignInWay

LINK_TTL: Final = timedelta(hours=24)
ROTATE_AFTER: Final = timedelta(hours=1)
GRACE: Final = timedelta(minutes=2)
"""Requests that were under way when the token changed still come with the one before."""
LONGEST_AGENT: Final = 200

_OPEN: Final = """
    INSERT INTO session (id, user_id, organization_id, token_hash, way, address, user_agent, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_ROTATE: Final = """
    UPDATE session SET previous_hash = token_hash, token_hash = $2, rotated_at = now()
    WHERE id = $1 AND token_hash = $3 AND rotated_at < now() - $4::interval AND revoked_at IS NULL
        AND expires_at > now()
    RETURNING id
"""
_REVOKE: Final = """
    UPDATE session SET revoked_at = now()
    WHERE user_id = $1 AND ($2::uuid[] IS NULL OR id = ANY($2)) AND id IS DISTINCT FROM $3::uuid
        AND revoked_at IS NULL AND expires_at > now()
    RETURNING id
"""
_SHOWN: Final = """
    SELECT id, way, address, user_agent, created_at, last_seen_at, expires_at, coalesce(id = $2, false) AS is_current
    FROM session
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() ORDER BY last_seen_at DESC, id LIMIT 200
"""

_PERSON: Final = """
    SELECT u.id, u.name, u.email, s.id AS session_id FROM session s JOIN "user" u ON u.id = s.user_id
    WHERE (s.token_hash = $1 OR (s.previous_hash = $1 AND s.rotated_at > now() - $2::interval))
        AND s.revoked_at IS NULL AND s.expires_at > now()
"""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a session is opened from."""

    way: SignInWay
    address: str | None = None
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that has just been opened; the token goes into a cookie and is kept nowhere else."""

    id: UUID
    user_id: UUID
    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewLink:
    """A link that has just been made; its token is kept nowhere else."""

    token: str = field(repr=False)
    expires_at: datetime


async def open_session(
    tx: Transaction, user_id: UUID, origin: Origin, *, ttl: timedelta, organization_id: UUID | None = None
) -> NewSession:
    """Open a session for a person, in one of their organisations or, with None, in the first of them."""
    opened = NewSession(uuid7(), user_id, new_token())
    await tx.fetch_sql(
        _OPEN,
        opened.id,
        user_id,
        organization_id,
        hash_of(opened.token),
        origin.way,
        origin.address,
        origin.user_agent[:LONGEST_AGENT],
        now() + ttl,
    )
    return opened


async def create_link(tx: Transaction, user_id: UUID) -> NewLink:
    """Make a link that signs its bearer in once, within a day."""
    link = NewLink(new_token(), now() + LINK_TTL)
    await tx.fetch_sql(
        "INSERT INTO sign_in_link (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
        hash_of(link.token),
        user_id,
        link.expires_at,
    )
    return link


async def use_link(tx: Transaction, token: str) -> UUID | None:
    """Use up a link's token and return whom it signs in, None when it is used, old or made up."""
    rows = await tx.fetch_sql(
        "UPDATE sign_in_link SET used_at = now() "
        "WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING user_id",
        hash_of(token),
    )
    return rows[0].user_id if rows else None


async def end_links(tx: Transaction, user_id: UUID) -> None:
    """End a person's links that nobody has used."""
    await tx.fetch_sql(
        "UPDATE sign_in_link SET expires_at = now() WHERE user_id = $1 AND used_at IS NULL AND expires_at > now()",
        user_id,
    )


async def rotate(tx: Transaction, session_id: UUID, token: str) -> str | None:
    """Give a session that is due another token; the old one is good for a while.

    None when the token is no longer the session's own, since somebody was faster, or the session has ended.
    """
    fresh = new_token()
    rotated = await tx.fetch_sql(_ROTATE, session_id, hash_of(fresh), hash_of(token), ROTATE_AFTER)
    return fresh if rotated else None


async def revoke(
    tx: Transaction, user_id: UUID, session_ids: list[UUID] | None = None, *, but: UUID | None = None
) -> list[UUID]:
    """End some sessions of a person, or all of them but one, and return those that were ended."""
    return [row.id for row in await tx.fetch_sql(_REVOKE, user_id, session_ids, but)]


async def shown(db: Database, user_id: UUID, *, current: UUID | None) -> list[Row]:
    """Return the sessions of a person that have not ended, at most 200, the last used first."""
    return await db.fetch_sql(_SHOWN, user_id, current)


async def person_of(db: Database, token: str) -> Row | None:
    """Return `id`, `name`, `email` and `session_id` of the person of a session, perhaps of no organisation any more."""
    rows = await db.fetch_sql(_PERSON, hash_of(token), GRACE)
    return rows[0] if rows else None
