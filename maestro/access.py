"""Who is asking: sign-in links, browser sessions and API keys, resolved to a viewer.

The only door to the data. There is no anonymous access; what a viewer may do is everything for now, within one
organisation.
"""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from itsdangerous import BadData, URLSafeTimedSerializer
from uuid_utils.compat import uuid7

from maestro.clock import now
from maestro.db.engine import Database

LINK_TTL = timedelta(hours=24)
KEY_PREFIX = "mst_"
KNOWN_FOR_S = 5.0
MOST_KNOWN = 10_000


@dataclass(frozen=True, slots=True)
class Viewer:
    """Somebody who is signed in: the user, the organisation in which the request acts, and how they signed in."""

    user_id: UUID
    organization_id: UUID
    name: str
    email: str
    method: Literal["SESSION", "API_KEY"]
    api_key_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key that has just been made: the only time that it can be read."""

    id: UUID
    key: str


class Access:
    """Resolves credentials to viewers and makes new credentials.

    A credential that was good is trusted for a few seconds without asking the database again: a client that logs
    sends many requests a second, and none of them should pay for who it is.
    """

    def __init__(self, db: Database, *, secret: bytes, session_ttl: timedelta) -> None:
        self._db = db
        self._session_ttl = session_ttl
        self._known: dict[tuple[str | None, str | None], tuple[Viewer, float]] = {}
        self._sessions = URLSafeTimedSerializer(secret, salt="maestro.session")

    async def create_link_token(self, user_id: UUID) -> str:
        """Make a token that signs its bearer in once, within a day."""
        token = secrets.token_urlsafe(24)
        async with self._db.transaction() as tx:
            await tx.fetch_sql(
                "INSERT INTO sign_in_link (token_hash, user_id, expires_at) VALUES ($1, $2, $3)",
                _hash(token),
                user_id,
                now() + LINK_TTL,
            )
        return token

    async def redeem(self, token: str) -> str | None:
        """Use up a link's token and return the session that it opens, None when it is used, old or made up."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch_sql(
                "UPDATE sign_in_link SET used_at = now() "
                "WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now() RETURNING user_id",
                _hash(token),
            )
        return str(self._sessions.dumps({"user": rows[0].user_id.hex})) if rows else None

    async def viewer(self, *, session: str | None, key: str | None) -> Viewer | None:
        """Return who is asking, by a key where there is one, else by a session."""
        if not key and not session:
            return None
        credential = (None, key) if key else (session, None)
        known = self._known.get(credential)
        if known is not None and known[1] > time.monotonic():
            return known[0]
        self._known.pop(credential, None)
        viewer = await (self._viewer_of_key(key) if key else self._viewer_of_session(session or ""))
        if viewer is not None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[credential] = viewer, time.monotonic() + KNOWN_FOR_S
        return viewer

    async def _viewer_of_session(self, session: str) -> Viewer | None:
        try:
            content = self._sessions.loads(session, max_age=int(self._session_ttl.total_seconds()))
        except BadData:
            return None
        rows = await self._db.fetch_sql(
            'SELECT u.id, u.name, u.email, m.organization_id FROM "user" u JOIN membership m ON m.user_id = u.id '
            "WHERE u.id = $1 AND m.project_id IS NULL ORDER BY m.created_at LIMIT 1",
            UUID(hex=content["user"]),
        )
        if not rows:
            return None
        row = rows[0]
        return Viewer(row.id, row.organization_id, row.name, row.email, "SESSION")

    async def create_api_key(self, user_id: UUID, organization_id: UUID, name: str) -> NewApiKey:
        """Make a key with the rights of a user; only its hash is kept."""
        key, key_id = KEY_PREFIX + secrets.token_urlsafe(32), uuid7()
        async with self._db.transaction() as tx:
            await tx.fetch_sql(
                "INSERT INTO api_key (id, organization_id, user_id, name, prefix, secret_hash) "
                "VALUES ($1, $2, $3, $4, $5, $6)",
                key_id,
                organization_id,
                user_id,
                name,
                key[:12],
                _hash(key),
            )
        return NewApiKey(key_id, key)

    async def _viewer_of_key(self, key: str) -> Viewer | None:
        if not key.startswith(KEY_PREFIX):
            return None
        rows = await self._db.fetch_sql(
            "UPDATE api_key k SET last_used_at = CASE WHEN last_used_at > now() - interval '1 minute' "
            'THEN last_used_at ELSE now() END FROM "user" u WHERE k.secret_hash = $1 AND u.id = k.user_id '
            "AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) "
            "RETURNING k.id, k.organization_id, u.id AS user_id, u.name, u.email",
            _hash(key),
        )
        if not rows:
            return None
        row = rows[0]
        return Viewer(row.user_id, row.organization_id, row.name, row.email, "API_KEY", row.id)


def _hash(secret: str) -> bytes:
    # A random secret of 192 bits or more needs no slow hash: there is nothing to guess.
    return hashlib.sha256(secret.encode()).digest()
