"""`python -m app key` and `link`: ways in for programs and people."""

import asyncio

import click
import orjson

from app.database import database
from app.server import opened
from app.whereabouts import current_address
from maestro.access import NewApiKey
from maestro.db.migrate import require_current
from maestro.settings import Settings
from resolvers.setup import ensure_owner


@click.group()
def key() -> None:
    """Manage API keys."""


@key.command("create")
@click.option("--name", required=True, help="What the key is for.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create_key(name: str, *, as_json: bool) -> None:
    """Make an API key with the owner's rights; it is shown once."""

    async def make(url: str) -> NewApiKey:
        async with opened(settings, url) as runtime:
            owner = await ensure_owner(runtime.db)
            return await runtime.access.create_api_key(owner.user_id, owner.organization_id, name)

    settings = Settings()
    with database(settings) as url:
        require_current(url)
        made = asyncio.run(make(url))
    if as_json:
        click.echo(orjson.dumps({"id": str(made.id), "name": name, "key": made.key}))
        return
    click.echo(made.key)
    click.echo("Keep it: it is not shown again. Send it as  Authorization: Bearer <key>", err=True)


@click.command()
def link() -> None:
    """Print a new link that signs its bearer in once, within a day."""

    async def make(url: str) -> str:
        async with opened(settings, url) as runtime:
            owner = await ensure_owner(runtime.db)
            return await runtime.access.create_link_token(owner.user_id)

    settings = Settings()
    with database(settings) as url:
        require_current(url)
        token = asyncio.run(make(url))
    click.echo(f"{current_address(settings)}/sign-in?token={token}")
