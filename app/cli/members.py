"""`python -m app member` and `link`: who belongs to the organisation, inviting people, and signing them in."""

from typing import Any, Final
from uuid import UUID

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.acting import as_owner, carried_out
from app.whereabouts import current_address
from maestro.access import people
from maestro.db.tables.enums import Role
from maestro.errors import InvalidInput
from maestro.ids import Kind, encode
from maestro.invocation import command
from maestro.settings import Settings
from resolvers.context import Context

LIST: Final = """query Members($after: String) {
    organization { members(first: 1000, after: $after) {
        nodes { id role source createdAt user { id name email } serviceAccount { id name } project { slug name } }
        pageInfo { hasNextPage endCursor }
    } }
}"""
INVITE: Final = """mutation Invite($input: InviteMemberInput!) {
    done: inviteMember(input: $input) { path invitation { id name email role expiresAt } }
}"""
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def member() -> None:
    """See who belongs to the organisation, and invite people."""


@member.command("list")
@AS_JSON
def list_members(*, as_json: bool) -> None:
    """List the members of the organisation and of its projects with their roles, the newest first."""

    async def load(ctx: Context) -> list[Any]:
        found: list[Any] = []
        after = None
        while True:
            page = (await carried_out(ctx, LIST, after=after))["organization"]["members"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found

    members = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps({"members": members}))
    else:
        Console(highlight=False, soft_wrap=True).print(_table(members))


@member.command("invite")
@click.option("--email", required=True, help="Their e-mail address: a label, nothing is sent to it.")
@click.option("--role", required=True, type=click.Choice([*Role], case_sensitive=False), help="What they may do.")
@click.option("--name", help="Their name; what stands before the @ of the address unless given.")
@click.option("--hours", type=int, metavar="N", help="How long the link works; a week unless given.")
@AS_JSON
def invite_member(email: str, *, role: str, name: str | None, hours: int | None, as_json: bool) -> None:
    """Print a link that makes whoever opens it a member of the organisation, once."""
    given = {"email": email, "role": role.upper(), "name": name, "expiresInHours": hours}

    async def invite(ctx: Context) -> Any:
        return await carried_out(ctx, INVITE, input=given)

    settings = Settings()
    made = as_owner(settings, invite)["done"]
    link, invitation = f"{current_address(settings)}{made['path']}", made["invitation"]
    if as_json:
        click.echo(orjson.dumps({"link": link, **invitation}))
        return
    click.echo(link)
    click.echo(f"Give it to {invitation['name']}, who becomes {invitation['role']}. It works once.", err=True)


@click.command()
@click.option("--user", metavar="EMAIL-OR-ID", help="Who is signed in by it; the owner unless given.")
@AS_JSON
def link(user: str | None, *, as_json: bool) -> None:
    """Print a new link that signs its bearer in once, within a day."""

    async def make(ctx: Context) -> tuple[str, UUID]:
        person = ctx.viewer.actor_id if user is None else await _person(ctx, user)
        return await ctx.runtime.access.create_link_token(person), person

    settings = Settings()
    token, person = as_owner(settings, make)
    address = f"{current_address(settings)}/sign-in?token={token}"
    click.echo(orjson.dumps({"link": address, "user": encode(Kind.User, person)}) if as_json else address)


async def _person(ctx: Context, named: str) -> UUID:
    found = await people.named(ctx.runtime.db, named)
    if len(found) == 1:
        person: UUID = found[0].id
        return person
    if not found:
        raise InvalidInput(
            f"Nobody has the e-mail address or id {named!r}.",
            hint=f"{command('member list')} shows who belongs to the organisation.",
        )
    ids = ", ".join(f"{encode(Kind.User, one.id)} ({one.name})" for one in found)
    raise InvalidInput(f"Several people have the e-mail address {named!r}.", hint=f"Name one by their id: {ids}.")


def _table(members: list[Any]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("name", "e-mail", "role", "where", "since"):
        table.add_column(title, no_wrap=title != "where")
    for one in members:
        name, email = _who(one)
        where = "everywhere" if one["project"] is None else f"project {one['project']['slug']}"
        table.add_row(*map(escape, (name, email, one["role"], where, one["createdAt"][:10])))
    return table


def _who(one: Any) -> tuple[str, str]:
    return (one["user"]["name"], one["user"]["email"]) if one["user"] else (one["serviceAccount"]["name"], "a program")
