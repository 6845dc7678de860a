"""Use cases of organisations: the viewer's own ones, made, renamed and chosen between."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy import update as update_of

from maestro.access import Grants, SignInMethod, organizations
from maestro.access.door import TOPIC
from maestro.db.rows import Row
from maestro.db.tables import Organization
from maestro.errors import Forbidden, NameTaken, NotFound
from maestro.events import Event, publish
from resolvers import auditing, granting, validation
from resolvers.context import Context
from resolvers.documents import document
from resolvers.writing import refuse_change, writing


async def own(ctx: Context) -> list[Row]:
    """Return the organisations that the viewer belongs to; for a key only the one that it is made for."""
    # The viewer's view of the database ends at the organisation in which the request acts.
    here = ctx.organization_id
    only = None if ctx.viewer.method is SignInMethod.SESSION else here
    return await organizations.own(ctx.runtime.db, ctx.viewer.actor_id, current=here, only=only)


async def create(ctx: Context, *, name: str, slug: str) -> Row:
    """Make an organisation that the viewer owns; its log begins with that.

    Forbidden for a program and where the settings do not allow it, NameTaken for a slug of another one of theirs.
    """
    person = granting.require_person(ctx)
    if not ctx.runtime.settings.organization_creation:
        raise Forbidden("On this server people do not create organizations.", hint="Ask its operator for one.")
    title, address = validation.name(name), validation.slug(slug)
    async with ctx.runtime.db.transaction() as tx:
        made = await organizations.create(tx, person, slug=address, name=title)
        if made is None:
            raise _taken(address)
        # Nobody in the organisation from which it was asked for learns of the new one.
        founding = Context(ctx.runtime, replace(ctx.viewer, organization_id=made.id, grants=Grants()))
        founding.action = ctx.action
        if ctx.action is not None:
            ctx.action.changed(Organization, made.id, after={"name": title, "slug": address})
        await publish(tx, [Event(TOPIC)])
        await auditing.carried_out(founding, tx)
    auditing.committed(founding)
    ctx.runtime.access.forget()
    return made


async def update(ctx: Context, *, expected_version: int | None, changes: Mapping[str, Any]) -> Row:
    """Change `name`, `slug` or `settings` of the organisation in which the request acts; NameTaken, StaleVersion."""
    validation.not_null(changes)
    checks: dict[str, Callable[[Any], Any]] = {
        "name": validation.name,
        "slug": validation.slug,
        "settings": lambda value: document(value, field="settings"),
    }
    values = {field: checks[field](value) for field, value in changes.items()}
    person, slug, here = ctx.viewer.user_id, values.get("slug"), ctx.organization_id
    if person and slug and await organizations.has_slug(ctx.runtime.db, person, slug, besides=here):
        raise _taken(slug)
    async with writing(ctx) as writer:
        c = Organization.__table__.c
        found = await writer.tx.fetch_one(select(*c).where(c.id == here).with_for_update(key_share=True))
        if found is None:
            raise NotFound("There is no such Organization.")
        if expected_version not in (None, found.version):
            refuse_change(Organization, found, expected_version)
        query = update_of(Organization).where(c.id == here)
        query = query.values(**values, version=c.version + 1, updated_at=func.now())
        (changed,) = await writer.tx.fetch(query.returning(*c))
        writer.changed(Organization, here, before={field: found[field] for field in values}, after=values)
        writer.tell(Event(TOPIC))
    ctx.runtime.access.forget()
    return changed


async def switch(ctx: Context, key: UUID) -> list[Row]:
    """Let the viewer's session act in another of their organisations from now on, and return all of them.

    Forbidden without a session, NotFound for an organisation that is not one of theirs.
    """
    if ctx.viewer.method is not SignInMethod.SESSION:
        raise Forbidden("An API key is made for one organization.", hint="Use a key of the other one.")
    async with ctx.runtime.db.transaction() as tx:
        if not await organizations.switch(tx, ctx.viewer.session_id, key):
            raise NotFound("There is no such Organization.")
        await publish(tx, [Event(TOPIC)])
        await auditing.carried_out(ctx, tx)
    auditing.committed(ctx)
    ctx.runtime.access.forget()
    return await organizations.own(ctx.runtime.db, ctx.viewer.actor_id, current=key)


def _taken(slug: str) -> NameTaken:
    return NameTaken(
        f"You already belong to an organization with the slug {slug!r}.",
        field="slug",
        hint="Choose another: requests name an organization of yours by its slug.",
    )
