"""`python -m app key`: the API keys by which programs sign in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from app.acting import as_owner, carried_out
from maestro.access import Permission
from maestro.settings import Settings
from resolvers import by_name
from resolvers.context import Context

SHOWN: Final = """id name prefix scopes projects { slug } addresses appendOnly isActive createdAt lastUsedAt expiresAt
    revokedAt user { name } serviceAccount { name }"""
CREATE: Final = f"""mutation CreateKey($input: CreateApiKeyInput!) {{
    done: createApiKey(input: $input) {{ key apiKey {{ {SHOWN} }} }}
}}"""
ROTATE: Final = f"""mutation RotateKey($id: ID!, $minutes: Int!) {{
    done: rotateApiKey(id: $id, overlapMinutes: $minutes) {{ key apiKey {{ {SHOWN} }} }}
}}"""
REVOKE: Final = f"mutation RevokeKey($id: ID!) {{ done: revokeApiKey(id: $id) {{ {SHOWN} }} }}"
LIST: Final = f"""query Keys($after: String, $filter: String) {{
    organization {{ apiKeys(first: 1000, after: $after, filterText: $filter) {{
        nodes {{ {SHOWN} }} pageInfo {{ hasNextPage endCursor }}
    }} }}
}}"""
SCOPES: Final = {one.value: one.name for one in Permission}
"""What people write for a scope, with its name in the schema."""
PIPED: Final = 240
"""Characters a line where nothing says how wide a line is."""
AS_JSON: Final = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

Key = Mapping[str, Any]


@click.group()
def key() -> None:
    """Manage the API keys by which programs sign in."""


@key.command("create")
@click.option("--name", required=True, help="What the key is for.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([*SCOPES]),
    metavar="PERMISSION",
    help="A permission that it has, like run:write; may be repeated. Without one it has all of its bearer's.",
)
@click.option("--project", "projects", multiple=True, metavar="SLUG", help="A project it works in; may be repeated.")
@click.option(
    "--address", "addresses", multiple=True, metavar="NET", help="An address or network to use it from; repeatable."
)
@click.option("--append-only", is_flag=True, help="It may log and never read: for jobs on shared machines.")
@click.option("--expires-in-days", type=int, metavar="N", help="When it stops working; never unless given.")
@click.option(
    "--service-account", metavar="NAME", help="The service account whose key it is; the owner's unless given."
)
@AS_JSON
def create_key(name: str, *, service_account: str | None, as_json: bool, **limits: Any) -> None:
    """Make an API key; it is shown once. Without further options it has all the owner's rights."""

    async def make(ctx: Context) -> Any:
        account = None if service_account is None else await by_name.service_account_id(ctx, service_account)
        given = {
            "name": name,
            "serviceAccountId": account,
            "scopes": [SCOPES[one] for one in limits["scopes"]] or None,
            "projectIds": await by_name.project_ids(ctx, limits["projects"]) or None,
            "addresses": [*limits["addresses"]] or None,
            "appendOnly": limits["append_only"],
            "expiresInDays": limits["expires_in_days"],
        }
        return await carried_out(ctx, CREATE, input=given)

    _print_new(as_owner(Settings(), make)["done"], as_json=as_json)


@key.command("list")
@click.option("--all", "everything", is_flag=True, help="Show those too that were revoked or have expired.")
@AS_JSON
def list_keys(*, everything: bool, as_json: bool) -> None:
    """List the API keys of the organisation, the newest first."""

    async def load(ctx: Context) -> list[Key]:
        found: list[Key] = []
        after, wanted = None, None if everything else "isActive = true"
        while True:
            page = (await carried_out(ctx, LIST, after=after, filter=wanted))["organization"]["apiKeys"]
            found += page["nodes"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                return found

    keys = as_owner(Settings(), load)
    if as_json:
        click.echo(orjson.dumps({"keys": keys}))
    else:
        console = Console(highlight=False)
        # A pipe has no width, and the rows of a table that is read by programs are lines.
        console.width = console.width if console.is_terminal else PIPED
        console.print(_table(keys))


@key.command("revoke")
@click.argument("which", metavar="PREFIX-OR-ID")
@AS_JSON
def revoke_key(which: str, *, as_json: bool) -> None:
    """End an API key at once, named by how it begins or by its id."""

    async def end(ctx: Context) -> Any:
        return await carried_out(ctx, REVOKE, id=await by_name.api_key_id(ctx, which))

    ended = as_owner(Settings(), end)["done"]
    click.echo(orjson.dumps(ended) if as_json else f"{ended['prefix']}…, {ended['name']}, is revoked.")


@key.command("rotate")
@click.argument("which", metavar="PREFIX-OR-ID")
@click.option("--overlap-minutes", default=60, show_default=True, help="For how long the old key works beside the new.")
@AS_JSON
def rotate_key(which: str, *, overlap_minutes: int, as_json: bool) -> None:
    """Replace an API key by a new one with the same limits, which is shown once."""

    async def replace(ctx: Context) -> Any:
        return await carried_out(ctx, ROTATE, id=await by_name.api_key_id(ctx, which), minutes=overlap_minutes)

    _print_new(as_owner(Settings(), replace)["done"], as_json=as_json)


def _print_new(made: Mapping[str, Any], *, as_json: bool) -> None:
    if as_json:
        click.echo(orjson.dumps({"key": made["key"], **made["apiKey"]}))
        return
    click.echo(made["key"])
    click.echo("Keep it: it is not shown again. Send it as  Authorization: Bearer <key>", err=True)


def _table(keys: Sequence[Key]) -> Table:
    table = Table(box=None, pad_edge=False)
    for title in ("begins", "name", "of", "limited to", "last used", "ends"):
        table.add_column(title, no_wrap=title != "limited to")
    for one in keys:
        owner = (one["user"] or one["serviceAccount"])["name"]
        ends = one["revokedAt"] or one["expiresAt"]
        cells = (one["prefix"], one["name"], owner, _limits(one), _day(one["lastUsedAt"]), _day(ends))
        table.add_row(*map(escape, cells), style="" if one["isActive"] else "dim")
    return table


def _limits(one: Key) -> str:
    """Return what a key is limited to, in words."""
    scopes = [Permission[name].value for name in one["scopes"] or ()]
    projects = [f"project {project['slug']}" for project in one["projects"] or ()]
    listed = [*(["appending"] if one["appendOnly"] else []), *scopes, *projects, *(one["addresses"] or ())]
    return ", ".join(listed) or "nothing"


def _day(moment: str | None) -> str:
    return "never" if moment is None else f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M}"
