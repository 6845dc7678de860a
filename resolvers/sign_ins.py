"""People who sign in: by a one-time link here, and whichever way they come, the audit log learns of it."""

import logging
from collections.abc import Iterable
from typing import Final
from uuid import UUID

from maestro.access import sessions
from maestro.access.secrets import hash_of
from maestro.access.sessions import NewSession, Origin
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.errors import SignInRefused
from maestro.runtime import Runtime
from resolvers import auditing
from resolvers.auditing import SignIn

logger = logging.getLogger(__name__)

USED_UP: Final = SignInRefused("The link was used before, or it is too old.")

_PERSON: Final = """
    SELECT u.id, coalesce(nullif(u.email, ''), u.name) AS label, array(
        SELECT DISTINCT m.organization_id FROM membership m WHERE m.user_id = u.id AND m.removed_at IS NULL ORDER BY 1
    ) AS organizations
    FROM "user" u WHERE u.id = $1
"""


async def person(tx: Transaction, user_id: UUID) -> Row:
    """Return a person's `id`, `label`, and the ids of the `organizations` that they belong to now, in order."""
    return (await tx.fetch_sql(_PERSON, user_id))[0]


async def by_link(runtime: Runtime, token: str, origin: Origin) -> NewSession | None:
    """Use up a link's token and return the session that it opens, None when it is used, old or made up."""
    async with runtime.db.transaction() as tx:
        user_id = await sessions.use_link(tx, token)
        if user_id is None:
            await _refuse(tx, token, origin)
            return None
        session = await sessions.open_session(tx, user_id, origin, ttl=runtime.settings.session_ttl)
        who = await person(tx, user_id)
        await auditing.record(tx, entries(SignIn(user_id, who.label, origin, session.id), who.organizations))
    return session


def entries(
    attempt: SignIn, organizations: Iterable[UUID], refusal: SignInRefused | None = None
) -> list[auditing.Entry]:
    """Return the entries of a sign-in for the logs of organisations: all the person's, since a session acts in each."""
    return [auditing.sign_in_entry(attempt, organization_id, refusal) for organization_id in organizations]


async def _refuse(tx: Transaction, token: str, origin: Origin) -> None:
    known = await tx.fetch_sql("SELECT user_id FROM sign_in_link WHERE token_hash = $1", hash_of(token))
    if not known:
        logger.warning("A sign-in link that does not exist was opened from %s", origin.address)
        return
    who = await person(tx, known[0].user_id)
    await auditing.record(tx, entries(SignIn(who.id, who.label, origin), who.organizations, USED_UP))
