"""Who people are by the word of a provider of identity, and which role their groups there give them here."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from uuid_utils.compat import uuid7

from maestro.access import Viewer, sessions
from maestro.access.door import TOPIC
from maestro.access.invitations import create_person
from maestro.access.keys import revoke_of_left
from maestro.access.sessions import NewSession, Origin
from maestro.claims import Claims
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables.enums import MembershipSource, Role
from maestro.errors import SignInRefused
from maestro.events import Event, publish
from maestro.runtime import Runtime
from resolvers import auditing, sign_ins
from resolvers.auditing import Entry, SignIn

logger = logging.getLogger(__name__)

NO_ROLE: Final = "No group of this account has a role here."
TAKEN: Final = "This account of the provider is connected to somebody else."

# Locked to the end, so that no other change of the organisation's roles happens meanwhile.
_ORGANIZATION: Final = """
    SELECT id, NOT by_id AND (SELECT count(*) > 1 FROM organization WHERE slug = $1::text) AS is_ambiguous
    FROM organization AS o,
        LATERAL (SELECT coalesce($1 IN (id::text, 'organization_' || replace(id::text, '-', '')), false)) AS how (by_id)
    WHERE $1 IS NULL OR by_id OR slug = $1
    ORDER BY by_id DESC, created_at, id LIMIT 1 FOR NO KEY UPDATE OF o
"""
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"
_FIND: Final = "SELECT user_id FROM identity WHERE issuer = $1 AND subject = $2"
_CONNECTED: Final = "SELECT 1 FROM identity WHERE issuer = $1 AND user_id = $2 LIMIT 1"
_KEEP: Final = "INSERT INTO identity (issuer, subject, user_id, email) VALUES ($1, $2, $3, $4)"
_USE: Final = "UPDATE identity SET email = $3, last_used_at = now() WHERE issuer = $1 AND subject = $2"
_HELD: Final = """
    SELECT m.id, m.role, m.source, m.role = 'OWNER' AND NOT EXISTS (
        SELECT 1 FROM membership o WHERE o.organization_id = m.organization_id AND o.role = 'OWNER' AND o.id <> m.id
            AND o.user_id IS NOT NULL AND o.project_id IS NULL AND o.removed_at IS NULL
    ) AS is_last_owner
    FROM membership m
    WHERE m.organization_id = $1 AND m.user_id = $2 AND m.project_id IS NULL AND m.removed_at IS NULL
"""
_GIVE: Final = "INSERT INTO membership (id, organization_id, user_id, role, source) VALUES ($1, $2, $3, $4, $5)"
_CHANGE: Final = """
    UPDATE membership SET role = coalesce($2, role), removed_at = CASE WHEN $2::text IS NULL THEN now() END,
        version = version + 1, updated_at = now()
    WHERE id = $1
"""


@dataclass(frozen=True, slots=True)
class Rules:
    """Which roles the groups of a provider give, and in which organisation: by its id or own slug, or the first."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    default_role: Role | None = None
    organization: str | None = None

    def role_of(self, groups: Iterable[str]) -> Role | None:
        """Return the highest role that groups give."""
        given = {self.roles[group] for group in groups if group in self.roles}
        return next((role for role in Role if role in given), self.default_role)


async def is_connected(runtime: Runtime, viewer: Viewer, issuer: str) -> bool:
    """Say whether a person signs in by an account of this provider."""
    return bool(await runtime.db.fetch_sql(_CONNECTED, issuer, viewer.actor_id))


async def sign_in(runtime: Runtime, claims: Claims, *, rules: Rules, origin: Origin) -> NewSession:
    """Open a session for whom a provider vouches for, with the role that their groups give them by now.

    Whoever comes for the first time gets an account of their own, never one that is found by an e-mail address: what a
    provider writes there proves nothing. SignInRefused for who is no member and has no group that makes them one; a
    role that a group has given before and gives no more is taken away all the same.
    """
    refusal = SignInRefused(NO_ROLE, hint="Ask whoever assigns groups at the provider.")
    role = rules.role_of(claims.groups)
    async with runtime.db.transaction() as tx:
        organization_id = await _organization(tx, rules)
        user_id = await _account(tx, claims, is_welcome=role is not None)
        attempt = SignIn(user_id, claims.label, origin)
        entries, belongs = await _settle(tx, organization_id, attempt, role=role)
        session = None
        if user_id is not None and belongs:
            place = organization_id if organization_id in belongs else None
            session = await sessions.open_session(
                tx, user_id, origin, ttl=runtime.settings.session_ttl, organization_id=place
            )
            await tx.fetch_sql(_USE, claims.issuer, claims.subject, claims.email)
            entries += sign_ins.entries(replace(attempt, session_id=session.id), belongs)
        else:
            entries += sign_ins.entries(attempt, [organization_id], refusal)
        await auditing.record(tx, entries)
    runtime.access.forget()
    if session is None:
        raise refusal
    return session


async def connect(runtime: Runtime, claims: Claims, *, viewer: Viewer, origin: Origin) -> None:
    """Let a person sign in by an identity from now on; SignInRefused when somebody else does."""
    async with runtime.db.transaction() as tx:
        found = await _find(tx, claims)
        if found is None:
            await tx.fetch_sql(_KEEP, claims.issuer, claims.subject, viewer.actor_id, claims.email)
        refusal = None if found in (None, viewer.actor_id) else SignInRefused(TAKEN)
        label = viewer.email or viewer.name
        attempt = SignIn(viewer.actor_id, label, origin, viewer.session_id, operation="connectIdentity")
        await auditing.record(tx, sign_ins.entries(attempt, [viewer.organization_id], refusal))
    if refusal is not None:
        raise refusal


async def _organization(tx: Transaction, rules: Rules) -> UUID:
    found = await tx.fetch_sql(_ORGANIZATION, rules.organization)
    if not found:
        logger.error("MAESTRO_OIDC_ORGANIZATION names no organization: %s", rules.organization)
        raise SignInRefused("The organization whose groups give roles does not exist.")
    if found[0].is_ambiguous:
        # Slugs are free to choose: groups must not give roles in an organisation of somebody else.
        logger.error("MAESTRO_OIDC_ORGANIZATION names several organizations, give an id: %s", rules.organization)
        raise SignInRefused("It is not certain in which organization groups give roles.")
    organization_id: UUID = found[0].id
    return organization_id


async def _account(tx: Transaction, claims: Claims, *, is_welcome: bool) -> UUID | None:
    """Return whose identity it is: somebody new, where nobody has it yet and they are welcome."""
    found = await _find(tx, claims)
    if found is not None or not is_welcome:
        return found
    made: UUID = (await create_person(tx, name=claims.name, email=claims.email or "")).id
    await tx.fetch_sql(_KEEP, claims.issuer, claims.subject, made, claims.email)
    return made


async def _find(tx: Transaction, claims: Claims) -> UUID | None:
    # Who comes twice at once is to get one account.
    await tx.fetch_sql(_LOCK, f"identity {claims.issuer} {claims.subject}")
    found = await tx.fetch_sql(_FIND, claims.issuer, claims.subject)
    return found[0].user_id if found else None


async def _settle(
    tx: Transaction, organization_id: UUID, attempt: SignIn, *, role: Role | None
) -> tuple[list[Entry], list[UUID]]:
    """Give somebody the role of their groups; return what the log is to know of that, and where they belong now."""
    if attempt.user_id is None:
        return [], []
    held = await tx.fetch_sql(_HELD, organization_id, attempt.user_id)
    earlier = held[0].role if held else None
    is_changed = await _assign(tx, organization_id, attempt.user_id, held=held[0] if held else None, role=role)
    belongs: list[UUID] = (await sign_ins.person(tx, attempt.user_id)).organizations
    if not is_changed:
        return [], belongs
    await publish(tx, [Event(TOPIC)])
    after: dict[str, Any] = {"role": role}
    if revoked := await revoke_of_left(tx, organization_id, attempt.user_id):
        after["revoked_keys"] = revoked
    change = replace(attempt, operation="assignRole", before={"role": earlier}, after=after)
    return sign_ins.entries(change, [organization_id]), belongs


async def _assign(
    tx: Transaction, organization_id: UUID, user_id: UUID, *, held: Row | None, role: Role | None
) -> bool:
    """Give, change or take away a role, and say whether that was to do; one that somebody has given stays as it is."""
    if held is None and role is not None:
        await tx.fetch_sql(_GIVE, uuid7(), organization_id, user_id, role, MembershipSource.OIDC)
        return True
    if held is None or held.source != MembershipSource.OIDC or held.role == role:
        return False
    if held.is_last_owner:
        logger.warning(
            "No group makes %s an owner any more, but they stay the last owner of %s", user_id, organization_id
        )
        return False
    await tx.fetch_sql(_CHANGE, held.id, role)
    return True
