"""`python -m app backup adopt` and `keys`: what there is to do when a database, or all of Maestro, is lost."""

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
import orjson
from rich.text import Text

from app.archiving import archives
from app.cli.job_cards import SHORT
from app.cli.tables import Cell, moment, show
from app.database import database
from app.server import opened
from connectors.stores.locations import location_of, store_of
from maestro.db.migrate import require_current
from maestro.ids import Kind, encode
from maestro.invocation import command
from maestro.master_keys import vault_of
from maestro.settings import Settings
from ops.backups import records
from ops.backups.finding import Found, backups_in
from ops.backups.making import Destination
from ops.backups.sealing import key_pairs
from resolvers.setup import ensure_owner


@dataclass(frozen=True, slots=True)
class Adopted:
    """A backup in the store, and whether the database has just come to know it."""

    found: Found
    is_new: bool

    @property
    def plain(self) -> dict[str, Any]:
        """As JSON."""
        manifest, refusal = self.found.manifest, self.found.refusal
        return {
            "id": encode(Kind.Backup, self.found.backup_id),
            "createdAt": None if manifest is None else manifest.created_at.isoformat(),
            "isNew": self.is_new,
            "refusal": None if refusal is None else {"message": refusal.message, **refusal.extensions},
        }


@click.command()
@click.argument("store", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def adopt(store: str | None, *, as_json: bool) -> None:
    """Let the database know the backups that a store holds, such as after it was lost; exit with 1 if one is refused.

    STORE is a folder or s3://bucket/prefix, that of the settings unless given. Each has to be verified before it can
    be restored. The master key has to be the one under which they were signed.
    """
    settings = Settings()
    location = store or location_of(settings)
    with database(settings) as url:
        require_current(url)
        adopted = asyncio.run(_adopted(settings, url, location))
    if as_json:
        click.echo(orjson.dumps({"store": location, "backups": [one.plain for one in adopted]}))
    elif not adopted:
        click.echo(f"There are no backups in {location}.", err=True)
    else:
        show(("id", "made", "label", ""), [_line(one) for one in adopted])
        if any(one.is_new for one in adopted):
            click.echo(f"{command('backup verify ID')} proves one, then {command('restore start ID')} returns to it.")
    sys.exit(1 if any(one.found.refusal is not None for one in adopted) else 0)


@click.command("keys")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_keys(*, as_json: bool) -> None:
    """Print the keys of age that open encrypted backups without Maestro. They are secret, and belong elsewhere."""
    pairs = key_pairs(vault_of(Settings()).keys)
    if as_json:
        told = [{"masterKey": one.key_id, "recipient": one.recipient, "identity": one.identity} for one in pairs]
        click.echo(orjson.dumps({"keys": told}))
        return
    for one in pairs:
        click.echo(f"# master key {one.key_id}\n# public key: {one.recipient}\n{one.identity}")


async def _adopted(settings: Settings, url: str, location: str) -> Sequence[Adopted]:
    async with opened(settings, url) as runtime, store_of(location, settings) as store:
        owner = await ensure_owner(runtime.db, archives=archives(settings))
        source = Destination(store=store, keys=runtime.vault.keys, drafts=settings.data_dir)
        found = [one async for one in backups_in(source)]
        unknown = set(await records.unknown(runtime.db, [one.backup_id for one in found]))
        for one in found:
            if one.manifest is not None and one.backup_id in unknown:
                await records.adopt(
                    runtime.db,
                    owner.organization_id,
                    one.manifest,
                    checksum=str(one.checksum),
                    location=location,
                )
    return [Adopted(one, one.manifest is not None and one.backup_id in unknown) for one in found]


def _line(one: Adopted) -> tuple[Cell, ...]:
    manifest, refusal = one.found.manifest, one.found.refusal
    if manifest is None:
        told: Cell = Text("" if refusal is None else refusal.message, style="red")
        return (one.found.backup_id.hex[-SHORT:], "", "", told)
    told = Text("adopted", style="green") if one.is_new else "known"
    return (one.found.backup_id.hex[-SHORT:], moment(manifest.created_at.isoformat()), manifest.label, told)
