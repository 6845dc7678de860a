"""Accepting an invitation: by somebody who is signed in, or by somebody whom nobody knows yet."""

import logging
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from maestro.access import Grants, SignInMethod, Viewer, invitations, organizations, sessions
from maestro.access.door import TOPIC
from maestro.access.secrets import hash_of
from maestro.access.sessions import NewSession, Origin
from maestro.db.engine import Transaction
from maestro.db.rows import Row
from maestro.db.tables import Membership
from maestro.errors import Conflict, MaestroError, NotFound
from maestro.events import Event, publish
from maestro.runtime import Runtime
from resolvers import auditing, granting
from resolvers.actions import Action
from resolvers.auditing import SignIn
from resolvers.context import Context

logger = logging.getLogger(__name__)

_ANY: Final = "SELECT id, organization_id, email FROM invitation WHERE token_hash = $1"

# Everything here goes through the system's view: nobody sees an organisation before they belong to it.


async def accept(ctx: Context, token: str) -> Row:
    """Make the viewer a member of the organisation that invites, and return it; its log tells of it.

    Forbidden for a program, NotFound for a token that is of no use, Conflict for who has a role there.
    """
    granting.require_person(ctx)
    async with ctx.runtime.db.transaction() as tx:
        invitation = await _to_use(tx, token)
        joining = Context(ctx.runtime, replace(ctx.viewer, organization_id=invitation.organization_id, grants=Grants()))
        joining.action = ctx.action
        await _join(joining, tx, invitation)
    _committed(joining)
    here, joined = ctx.organization_id, joining.organization_id
    return (await organizations.own(ctx.runtime.db, ctx.viewer.actor_id, current=here, only=joined))[0]


async def join(runtime: Runtime, token: str, *, person: Row | None, origin: Origin) -> NewSession | None:
    """Accept an invitation in a browser: for the person who is signed in there, or for a new one, with a session.

    A new person has the name and the address of the invitation. The address is a label: nobody is looked up by it.
    NotFound for a token that is of no use, Conflict for who has a role there; the log of who invited tells of both.
    """
    try:
        return await _let_in(runtime, token, person=person, origin=origin)
    except (NotFound, Conflict) as refusal:
        await _record_refusal(runtime, token, refusal, person=person, origin=origin)
        raise


async def _let_in(runtime: Runtime, token: str, *, person: Row | None, origin: Origin) -> NewSession | None:
    async with runtime.db.transaction() as tx:
        invitation = await _to_use(tx, token)
        if person is None:
            opened = await _newcomer(tx, invitation, origin, ttl=runtime.settings.session_ttl)
            viewer = _viewer(invitation, opened.user_id, invitation, session_id=opened.id)
        else:
            opened, viewer = None, _viewer(invitation, person.id, person, session_id=person.session_id)
        joining = Context(runtime, replace(viewer, address=origin.address))
        joining.action = Action("acceptInvitation")
        await _join(joining, tx, invitation)
        if opened is not None:
            attempt = SignIn(opened.user_id, invitation.email, origin, opened.id)
            await auditing.record(tx, [auditing.sign_in_entry(attempt, invitation.organization_id)])
    _committed(joining)
    return opened


async def _record_refusal(
    runtime: Runtime, token: str, refusal: MaestroError, *, person: Row | None, origin: Origin
) -> None:
    async with runtime.db.transaction() as tx:
        found = await tx.fetch_sql(_ANY, hash_of(token))
        if not found:
            logger.warning("An invitation that does not exist was opened from %s", origin.address)
            return
        (invitation,) = found
        attempt = SignIn(
            None if person is None else person.id,
            invitation.email if person is None else person.email or person.name,
            origin,
            None if person is None else person.session_id,
            after={"invitation_id": invitation.id},
            operation="acceptInvitation",
        )
        await auditing.record(tx, [auditing.sign_in_entry(attempt, invitation.organization_id, refusal)])


async def _newcomer(tx: Transaction, invitation: Row, origin: Origin, *, ttl: timedelta) -> NewSession:
    person = await invitations.create_person(tx, name=invitation.name, email=invitation.email)
    return await sessions.open_session(tx, person.id, origin, ttl=ttl, organization_id=invitation.organization_id)


def _viewer(invitation: Row, user_id: UUID, label: Row, *, session_id: UUID) -> Viewer:
    return Viewer(
        actor_id=user_id,
        organization_id=invitation.organization_id,
        name=label.name,
        email=label.email,
        method=SignInMethod.SESSION,
        grants=Grants(),
        session_id=session_id,
    )


async def _to_use(tx: Transaction, token: str) -> Row:
    invitation = await invitations.find_open(tx, token, is_to_use=True)
    if invitation is None:
        raise NotFound(
            "This invitation cannot be accepted: it was used or revoked, or it is too old.",
            hint="Ask whoever invited you for another one.",
        )
    return invitation


async def _join(joining: Context, tx: Transaction, invitation: Row) -> None:
    membership = await invitations.use(tx, invitation, joining.viewer.actor_id)
    if membership is None:
        where = invitation.organization if invitation.project is None else invitation.project
        raise Conflict(
            f"You have a role in {where} already; the invitation stays unused.",
            hint="Whoever manages the members can change your role.",
        )
    if joining.action is not None:
        told = {"user_id": membership.user_id, "role": membership.role, "project_id": membership.project_id}
        joining.action.changed(Membership, membership.id, after={**told, "invitation_id": invitation.id})
    await publish(tx, [Event(TOPIC)])
    await auditing.carried_out(joining, tx)


def _committed(joining: Context) -> None:
    auditing.committed(joining)
    joining.runtime.access.forget()
